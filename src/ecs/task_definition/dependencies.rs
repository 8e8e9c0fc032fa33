//! `dependsOn`: which container waits for which.

use neargate_model::registration::{Container, Registration};

use super::place::Place;
use super::refusal::Refusal;
use super::violation::Violation;

/// Judges dependencies that cannot be met.
pub(super) fn judge(task: &Registration, found: &mut Vec<Refusal>) {
    let containers = &task.container_definitions;
    for (index, container) in containers.iter().enumerate() {
        for (number, dependency) in container.depends_on.iter().enumerate() {
            let (Some(on), Some(condition)) = (&dependency.container_name, &dependency.condition) else { continue };
            let at = Place::container(index).field("dependsOn").index(number);
            let Some(other) = position(containers, on) else {
                let violation = Violation::UnknownDependency(on.clone());
                found.push(Refusal::new(at.field("containerName"), violation));
                continue;
            };
            let violation = match condition.as_str() {
                "COMPLETE" | "SUCCESS" if containers[other].is_essential() => {
                    Violation::EssentialDependency(on.clone())
                }
                "HEALTHY" if containers[other].health_check.is_none() => {
                    Violation::DependencyWithoutHealthCheck(on.clone())
                }
                _ => continue,
            };
            found.push(Refusal::beside(at.field("condition"), Place::container(other), violation));
        }
    }
    cycles(containers, found);
}

fn position(containers: &[Container], name: &str) -> Option<usize> {
    containers.iter().position(|container| container.name.as_deref() == Some(name))
}

/// Follows every container's dependencies. There are at most ten containers, so nothing cleverer is needed.
fn cycles(containers: &[Container], found: &mut Vec<Refusal>) {
    for (index, start) in containers.iter().enumerate() {
        let Some(first) = start.name.as_deref() else { continue };
        let mut path = vec![first];
        // A cycle is one violation: where its alphabetically first member stands.
        if closes(containers, first, &mut path) && path.iter().min() == Some(&first) {
            path.push(first);
            let violation = Violation::DependencyCycle(path.iter().map(|name| (*name).to_owned()).collect());
            found.push(Refusal::new(Place::container(index).field("name"), violation));
        }
    }
}

fn closes<'c>(containers: &'c [Container], first: &str, path: &mut Vec<&'c str>) -> bool {
    let Some(container) = path.last().and_then(|current| containers.get(position(containers, current)?)) else {
        return false;
    };
    for on in container.depends_on.iter().filter_map(|dependency| dependency.container_name.as_deref()) {
        if on == first {
            return true;
        }
        if path.contains(&on) {
            continue;
        }
        path.push(on);
        if closes(containers, first, path) {
            return true;
        }
        path.pop();
    }
    false
}
