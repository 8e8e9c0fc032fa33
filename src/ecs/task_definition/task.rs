//! The fields of the task as a whole.

use neargate_model::registration::Registration;

use super::names::is_name;
use super::place::Place;
use super::refusal::Refusal;
use super::sizes;
use super::violation::Violation;

/// Containers of a task at most (ECS developer guide, "Amazon ECS endpoints and quotas").
const MOST_CONTAINERS: usize = 10;

/// Judges everything but the containers and volumes themselves.
pub(super) fn judge(task: &Registration, found: &mut Vec<Refusal>) {
    let root = Place::default();
    let mut refuse = |field, violation| found.push(Refusal::new(root.field(field), violation));
    match task.family.as_deref() {
        None | Some("") => refuse("family", Violation::FamilyMissing),
        Some(family) if !is_name(family) => refuse("family", Violation::InvalidFamily(family.to_owned())),
        Some(_) => {}
    }
    if task.network_mode.as_deref() != Some("awsvpc") {
        refuse("networkMode", Violation::NetworkMode);
    }
    if let Some(mode) = task.pid_mode.as_ref().filter(|mode| *mode != "task") {
        refuse("pidMode", Violation::PidMode(mode.clone()));
    }
    if task.ipc_mode.is_some() {
        refuse("ipcMode", Violation::NotSupported("ipcMode"));
    }
    if !task.placement_constraints.is_empty() {
        refuse("placementConstraints", Violation::NotSupported("constraints"));
    }
    if !task.inference_accelerators.is_empty() {
        refuse("inferenceAccelerators", Violation::NotSupported("inferenceAccelerators"));
    }
    // 20 GiB is what a task has without the field, and cannot be asked for.
    if let Some(storage) = task.ephemeral_storage.as_ref().filter(|storage| !(21..=200).contains(&storage.size_in_gib))
    {
        let place = root.field("ephemeralStorage").field("sizeInGiB");
        found.push(Refusal::new(place, Violation::EphemeralStorage { size: storage.size_in_gib }));
    }
    sizes(task, found);
    match task.container_definitions.len() {
        0 => found.push(Refusal::new(root.field("containerDefinitions"), Violation::NoContainers)),
        count if count > MOST_CONTAINERS => {
            found.push(Refusal::new(Place::container(MOST_CONTAINERS), Violation::TooManyContainers { count }));
        }
        _ => {}
    }
    let proxy = task.proxy_configuration.as_ref().and_then(|proxy| proxy.container_name.as_ref());
    let known = |name: &String| task.container_definitions.iter().any(|one| one.name.as_ref() == Some(name));
    if let Some(proxy) = proxy.filter(|proxy| !known(proxy)) {
        let place = root.field("proxyConfiguration").field("containerName");
        found.push(Refusal::new(place, Violation::UnknownProxy(proxy.clone())));
    }
}

fn sizes(task: &Registration, found: &mut Vec<Refusal>) {
    let root = Place::default();
    let mut one = |text: Option<&str>, field, parse: fn(&str) -> Option<u32>| {
        let read = text.map(parse);
        match read {
            None => found.push(Refusal::new(root.field(field), Violation::SizeMissing(field))),
            Some(None) => found.push(Refusal::new(root.field(field), Violation::InvalidSize(field))),
            Some(Some(_)) => {}
        }
        read.flatten()
    };
    let cpu = one(task.cpu.as_deref(), "cpu", sizes::parse_cpu);
    let memory = one(task.memory.as_deref(), "memory", sizes::parse_memory);
    let (at_cpu, at_memory) = (root.field("cpu"), root.field("memory"));
    match (cpu, memory) {
        (Some(cpu), Some(memory)) if sizes::exists(cpu, memory) => {}
        (Some(cpu), Some(memory)) => {
            let violation = Violation::NoConfiguration { cpu, memory: Some(memory) };
            let (main, other) = if sizes::memories(cpu).is_empty() { (at_cpu, at_memory) } else { (at_memory, at_cpu) };
            found.push(Refusal::beside(main, other, violation));
        }
        (Some(cpu), None) if sizes::memories(cpu).is_empty() => {
            found.push(Refusal::new(at_cpu, Violation::NoConfiguration { cpu, memory: None }));
        }
        _ => {}
    }
}
