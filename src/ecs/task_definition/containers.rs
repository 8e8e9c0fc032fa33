//! The fields of one container, and what all of them share.

use neargate_model::registration::{Container, Registration};

use super::names::is_name;
use super::place::Place;
use super::refusal::Refusal;
use super::violation::Violation;
use super::{logs, sizes, value_from};

/// The names of ulimits (ECS API, Ulimit).
pub const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Environment files of a container at most.
const MOST_ENVIRONMENT_FILES: usize = 10;

/// Exit codes that a restart policy ignores, at most (ECS API, ContainerRestartPolicy).
const MOST_EXIT_CODES: usize = 50;

/// The lowest hard limit with which the engine starts a container, in MiB (ECS API, ContainerDefinition).
const LEAST_MEMORY: i64 = 6;

/// Judges one container.
pub(super) fn judge(index: usize, container: &Container, task: &Registration, found: &mut Vec<Refusal>) {
    let at = Place::container(index);
    let name = container.name.clone().unwrap_or_default();
    match name.as_str() {
        "" => found.push(Refusal::new(at.field("name"), Violation::ContainerNameMissing)),
        text if !is_name(text) => {
            found.push(Refusal::new(at.field("name"), Violation::InvalidContainerName(name.clone())));
        }
        _ => {}
    }
    if container.image.as_deref().unwrap_or_default().is_empty() {
        found.push(Refusal::new(at.field("image"), Violation::ImageMissing));
    }
    refused_fields(container, &at, found);
    limits(container, &name, &at, task, found);
    variables(container, &at, found);
    health_check(container, &name, &at, found);
    if let Some(policy) = &container.restart_policy {
        let at = at.field("restartPolicy");
        if policy.restart_attempt_period.is_some_and(|period| !(60..=1800).contains(&period)) {
            let violation = Violation::RestartAttemptPeriod { container: name.clone() };
            found.push(Refusal::new(at.field("restartAttemptPeriod"), violation));
        }
        if policy.ignored_exit_codes.len() > MOST_EXIT_CODES {
            let place = at.field("ignoredExitCodes").index(MOST_EXIT_CODES);
            found.push(Refusal::new(place, Violation::TooManyExitCodes { container: name.clone() }));
        }
    }
    for (index, limit) in container.ulimits.iter().enumerate() {
        let at = at.field("ulimits").index(index);
        let Some(name) = &limit.name else { continue };
        if !ULIMITS.contains(&name.as_str()) {
            found.push(Refusal::new(at.field("name"), Violation::UnknownUlimit(name.clone())));
        }
        // -1 is no limit.
        if let (Some(soft), Some(hard)) = (limit.soft_limit, limit.hard_limit)
            && soft > hard
            && hard >= 0
        {
            let violation = Violation::UlimitAboveHardLimit { name: name.clone() };
            found.push(Refusal::beside(at.field("softLimit"), at.field("hardLimit"), violation));
        }
    }
    logs::judge(container, &at, found);
}

/// Fields that Fargate, or `awsvpc`, does not take.
fn refused_fields(container: &Container, at: &Place, found: &mut Vec<Refusal>) {
    let linux = &container.linux_parameters;
    let at_linux = at.field("linuxParameters");
    let under_awsvpc = [
        ("links", !container.links.is_empty()),
        ("hostname", container.hostname.is_some()),
        ("extraHosts", !container.extra_hosts.is_empty()),
        ("dnsServers", !container.dns_servers.is_empty()),
        ("dnsSearchDomains", !container.dns_search_domains.is_empty()),
        ("disableNetworking", container.disable_networking.is_some()),
    ];
    for (field, _) in under_awsvpc.into_iter().filter(|(_, given)| *given) {
        found.push(Refusal::new(at.field(field), Violation::NotUnderAwsvpc(field)));
    }
    let on_fargate = [
        (at.field("dockerSecurityOptions"), "dockerSecurityOptions", !container.docker_security_options.is_empty()),
        (at_linux.field("devices"), "devices", !linux.devices.is_empty()),
        (at_linux.field("sharedMemorySize"), "sharedMemorySize", linux.shared_memory_size.is_some()),
        (at_linux.field("maxSwap"), "maxSwap", linux.max_swap.is_some()),
    ];
    for (place, field, _) in on_fargate.into_iter().filter(|(.., given)| *given) {
        found.push(Refusal::new(place, Violation::NotSupported(field)));
    }
    if !container.resource_requirements.is_empty() {
        found.push(Refusal::new(at.field("resourceRequirements"), Violation::ResourceRequirements));
    }
    if container.privileged {
        found.push(Refusal::new(at.field("privileged"), Violation::Privileged));
    }
    for (index, name) in linux.capabilities.add.iter().enumerate().filter(|(_, name)| *name != "SYS_PTRACE") {
        let place = at_linux.field("capabilities").field("add").index(index);
        found.push(Refusal::new(place, Violation::Capability(name.clone())));
    }
}

fn limits(container: &Container, name: &str, at: &Place, task: &Registration, found: &mut Vec<Refusal>) {
    let owner = || name.to_owned();
    if let (Some(memory), Some(reservation)) = (container.memory, container.memory_reservation)
        && reservation > memory
    {
        let violation = Violation::ReservationAboveMemory { container: owner() };
        found.push(Refusal::beside(at.field("memoryReservation"), at.field("memory"), violation));
    }
    match (container.memory, sizes::size(task)) {
        (Some(memory), Some((_, task))) if memory > i64::from(task) => {
            let violation = Violation::MemoryAboveTask { container: owner(), memory, task };
            found.push(Refusal::new(at.field("memory"), violation));
        }
        (None, _) if container.memory_reservation.is_none() && task.memory.is_none() => {
            let violation = Violation::ContainerMemoryMissing { container: owner() };
            found.push(Refusal::new(at.field("memory"), violation));
        }
        _ => {}
    }
    if container.memory.is_some_and(|memory| memory < LEAST_MEMORY) {
        found.push(Refusal::new(at.field("memory"), Violation::MemoryTooSmall { container: owner() }));
    }
    if let Some(seconds) = container.stop_timeout.filter(|seconds| !(2..=120).contains(seconds)) {
        let violation = Violation::StopTimeout { container: owner(), seconds };
        found.push(Refusal::new(at.field("stopTimeout"), violation));
    }
    if container.start_timeout.is_some_and(|seconds| !(2..=120).contains(&seconds)) {
        found.push(Refusal::new(at.field("startTimeout"), Violation::StartTimeout { container: owner() }));
    }
}

fn variables(container: &Container, at: &Place, found: &mut Vec<Refusal>) {
    let files = at.field("environmentFiles");
    if container.environment_files.len() > MOST_ENVIRONMENT_FILES {
        found.push(Refusal::new(files.index(MOST_ENVIRONMENT_FILES), Violation::TooManyEnvironmentFiles));
    }
    for (index, file) in container.environment_files.iter().enumerate() {
        if let Some(arn) = file.value.as_ref().filter(|arn| !arn.starts_with("arn:")) {
            found.push(Refusal::new(files.index(index).field("value"), Violation::InvalidArn(arn.clone())));
        }
    }
    for (index, secret) in container.secrets.iter().enumerate() {
        let at = at.field("secrets").index(index);
        if let Some(name) = &secret.name {
            let in_environment = container.environment.iter().any(|known| known.name.as_ref() == Some(name));
            if in_environment || container.secrets[..index].iter().any(|known| known.name.as_ref() == Some(name)) {
                found.push(Refusal::new(at.field("name"), Violation::SecretNameTaken(name.clone())));
            }
        }
        if let Some(text) = &secret.value_from
            && let Err(why) = value_from::parse(text)
        {
            found.push(Refusal::new(at.field("valueFrom"), Violation::ValueFrom { text: text.clone(), why }));
        }
    }
}

fn health_check(container: &Container, name: &str, at: &Place, found: &mut Vec<Refusal>) {
    let Some(check) = &container.health_check else { return };
    let at = at.field("healthCheck");
    for (field, value, range) in [
        ("interval", check.interval, 5..=300),
        ("timeout", check.timeout, 2..=60),
        ("retries", check.retries, 1..=10),
        ("startPeriod", check.start_period, 0..=300),
    ] {
        let Some(value) = value.filter(|value| !range.contains(value)) else { continue };
        let below = value < *range.start();
        let limit = if below { *range.start() } else { *range.end() };
        let violation = Violation::HealthCheckRange { container: name.to_owned(), field, limit, below };
        found.push(Refusal::new(at.field(field), violation));
    }
    let has_command = match check.command.first().map(String::as_str) {
        Some("NONE") => true,
        // Registered and run: the AWS distribution of OpenTelemetry has a program without `CMD` in its own examples.
        Some(word) => word.starts_with('/') || check.command.len() > 1,
        None => false,
    };
    if !has_command {
        found.push(Refusal::new(at.field("command"), Violation::HealthCheckCommand { container: name.to_owned() }));
    }
}

/// Judges what concerns all containers together.
pub(super) fn together(task: &Registration, found: &mut Vec<Refusal>) {
    let containers = &task.container_definitions;
    for (index, container) in containers.iter().enumerate() {
        let at = Place::container(index);
        if let Some(name) = &container.name
            && let Some(first) = containers[..index].iter().position(|other| other.name.as_ref() == Some(name))
        {
            let violation = Violation::ContainerTwice(name.clone());
            found.push(Refusal::beside(at.field("name"), Place::container(first).field("name"), violation));
        }
        for (number, from) in container.volumes_from.iter().enumerate() {
            let Some(source) = &from.source_container else { continue };
            if containers.iter().all(|other| other.name.as_ref() != Some(source)) {
                let place = at.field("volumesFrom").index(number).field("sourceContainer");
                found.push(Refusal::new(place, Violation::UnknownVolumesFrom(source.clone())));
            }
        }
    }
    if !containers.is_empty() && !containers.iter().any(Container::is_essential) {
        found.push(Refusal::new(Place::container(0).field("name"), Violation::NoEssentialContainer));
    }
    let Some((cpu, memory)) = sizes::size(task) else { return };
    let reserved = |container: &Container| container.memory_reservation.unwrap_or(0);
    let (sum, largest) = sum(containers, reserved);
    if sum > i64::from(memory) {
        let place = Place::container(largest).field("memoryReservation");
        found.push(Refusal::new(place, Violation::ReservationSum { sum, task: memory }));
    }
    let (sum, largest) = self::sum(containers, |container| container.cpu);
    if sum > i64::from(cpu) {
        found.push(Refusal::new(Place::container(largest).field("cpu"), Violation::CpuSum { sum, task: cpu }));
    }
}

/// The sum of all containers, and the last of those that have most of it.
fn sum(containers: &[Container], value: impl Fn(&Container) -> i64) -> (i64, usize) {
    let sum = containers.iter().fold(0, |sum: i64, container| sum.saturating_add(value(container)));
    let largest = containers.iter().enumerate().max_by_key(|(_, container)| value(container));
    (sum, largest.map_or(0, |(index, _)| index))
}
