//! Port mappings under `awsvpc`: one port space for all containers of a task.

use neargate_model::registration::{Container, PortMapping, Registration};

use super::place::Place;
use super::refusal::Refusal;
use super::violation::Violation;

/// Ranges of a container at most (ECS API, PortMapping).
const MOST_RANGES: usize = 100;

/// Judges all mappings.
pub(super) fn judge(task: &Registration, found: &mut Vec<Refusal>) {
    let mut seen = Vec::new();
    let mut names: Vec<(&str, Place)> = Vec::new();
    for (index, container) in task.container_definitions.iter().enumerate() {
        let at = Place::container(index).field("portMappings");
        let owner = container.name.clone().unwrap_or_else(|| "?".to_owned());
        for (number, mapping) in container.port_mappings.iter().enumerate() {
            let at = at.index(number);
            one(mapping, container, &at, found);
            name(mapping, &at, &mut names, found);
            clash(mapping, &owner, &at, &mut seen, found);
        }
        ranges(container, &at, found);
    }
}

fn one(mapping: &PortMapping, container: &Container, at: &Place, found: &mut Vec<Refusal>) {
    if let Some(range) = &mapping.container_port_range {
        let at_range = at.field("containerPortRange");
        let single = mapping.container_port.map(|_| "containerPort").or(mapping.host_port.map(|_| "hostPort"));
        if let Some(field) = single {
            found.push(Refusal::beside(at.field(field), at_range.clone(), Violation::PortAndRange));
        }
        if mapping.range().is_none() {
            found.push(Refusal::new(at_range, Violation::InvalidPortRange(range.clone())));
        }
        return;
    }
    let at_port = at.field("containerPort");
    match (mapping.container_port, mapping.host_port) {
        (Some(1..=65535), None) => {}
        (Some(port @ 1..=65535), Some(host)) if port == host => {}
        (Some(container @ 1..=65535), Some(host)) => {
            found.push(Refusal::beside(at.field("hostPort"), at_port, Violation::HostPort { host, container }));
        }
        _ => {
            let container = container.name.clone().unwrap_or_default();
            found.push(Refusal::new(at_port, Violation::ContainerPort { container }));
        }
    }
}

/// Lower-case letters, digits, `_` and `-`, not `-` first, at most 64 (ECS API, PortMapping).
fn name<'t>(mapping: &'t PortMapping, at: &Place, names: &mut Vec<(&'t str, Place)>, found: &mut Vec<Refusal>) {
    let Some(name) = &mapping.name else { return };
    let at = at.field("name");
    if let Some((_, first)) = names.iter().find(|(known, _)| known == name) {
        found.push(Refusal::beside(at.clone(), first.clone(), Violation::PortNameTwice(name.clone())));
    }
    let fits = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    if !fits || name.starts_with('-') || name.len() > 64 {
        found.push(Refusal::new(at.clone(), Violation::InvalidPortName(name.clone())));
    }
    names.push((name, at));
}

/// A mapped port: its number, whether of UDP, the container, and the place.
type Mapped = (i64, bool, String, Place);

/// Two mappings of one port can never both work: the task is one network namespace.
fn clash(mapping: &PortMapping, owner: &str, at: &Place, seen: &mut Vec<Mapped>, found: &mut Vec<Refusal>) {
    let Some(port) = mapping.container_port else { return };
    let (udp, at) = (mapping.is_udp(), at.field("containerPort"));
    if let Some((.., first, place)) = seen.iter().find(|(known, of_udp, ..)| *known == port && *of_udp == udp) {
        let violation = Violation::PortTwice { port, udp, first: first.clone(), second: owner.to_owned() };
        found.push(Refusal::beside(at.clone(), place.clone(), violation));
    }
    let other = seen.iter().find(|(known, of_udp, who, _)| *known == port && *of_udp != udp && who == owner);
    if let Some((.., place)) = other {
        let violation = Violation::PortOfBothProtocols { port, container: owner.to_owned() };
        found.push(Refusal::beside(at.clone(), place.clone(), violation));
    }
    seen.push((port, udp, owner.to_owned(), at));
}

/// The ranges of one container must not overlap, nor contain a port that is mapped by itself.
fn ranges(container: &Container, at: &Place, found: &mut Vec<Refusal>) {
    let mut seen: Vec<(i64, i64, Place)> = Vec::new();
    let mut count = 0;
    for (index, mapping) in container.port_mappings.iter().enumerate() {
        let at = at.index(index);
        let (from, to, place) = match (&mapping.container_port_range, mapping.container_port) {
            (Some(_), _) => {
                let place = at.field("containerPortRange");
                count += 1;
                if count == MOST_RANGES + 1 {
                    found.push(Refusal::new(place.clone(), Violation::TooManyPortRanges));
                }
                let Some((from, to)) = mapping.range() else { continue };
                (i64::from(from), i64::from(to), place)
            }
            (None, Some(port)) => (port, port, at.field("containerPort")),
            (None, None) => continue,
        };
        let overlaps = seen.iter().find(|(low, high, _)| *low <= to && from <= *high && (*low, *high) != (from, to));
        if let Some((.., first)) = overlaps {
            found.push(Refusal::beside(place.clone(), first.clone(), Violation::PortsOverlap));
        }
        seen.push((from, to, place));
    }
}
