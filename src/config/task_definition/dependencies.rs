//! `dependsOn`: which container waits for which.

use super::context::{REGISTER, unknown_container};
use super::file::{ContainerFile, DependencyConditionWord};
use crate::read::reader::Reader;
use crate::text::diagnostics::Diagnostic;

/// Reports dependencies that cannot be met.
pub(super) fn check(containers: &[ContainerFile], reader: &mut Reader) {
    let names: Vec<&str> = containers.iter().filter_map(name).collect();
    for container in containers {
        for dependency in container.depends_on.iter().flatten() {
            let (Some(on), Some(condition)) = (&dependency.container_name, &dependency.condition) else { continue };
            let Some(other) = containers.iter().find(|other| name(other) == Some(on.as_str())) else {
                reader.report(
                    unknown_container(on, &names, "the task").aws(
                        &format!("Cannot depend on container + '{}' because it does not exist", on.value),
                        REGISTER,
                    ),
                );
                continue;
            };
            let essential = other.essential.unwrap_or(true);
            match condition.value {
                DependencyConditionWord::Complete | DependencyConditionWord::Success if essential => reader.report(
                    Diagnostic::error(
                        format!("`{}` is essential, so another container cannot wait for it to end", on.value),
                        condition.span,
                        "",
                    )
                    .aws(
                        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
                        REGISTER,
                    )
                    .help(format!("give `{}` \"essential\": false", on.value)),
                ),
                DependencyConditionWord::Healthy if reader.has_explained(other.whole, "healthCheck") => {}
                DependencyConditionWord::Healthy if other.health_check.is_none() => reader.report(
                    Diagnostic::error(format!("`{}` has no health check to wait for", on.value), condition.span, "")
                        .aws("A dependency container with HEALTHY condition must have health check configured", REGISTER)
                        .note("a HEALTHCHECK in the image does not count on ECS (ECS developer guide, Container health checks)")
                        .help(format!("give `{}` a `healthCheck`, or wait for START", on.value)),
                ),
                _ => {}
            }
        }
    }
    cycle(containers, reader);
}

fn name(container: &ContainerFile) -> Option<&str> {
    container.name.as_ref().map(|name| name.as_str())
}

/// Follows every container's dependencies. There are at most ten containers, so nothing cleverer is needed.
fn cycle(containers: &[ContainerFile], reader: &mut Reader) {
    for start in containers {
        let Some(first) = &start.name else { continue };
        let mut path: Vec<&str> = vec![first];
        if closes(containers, first, &mut path) {
            // Report a cycle once: where its alphabetically first member stands.
            if path.iter().min() == Some(&first.as_str()) {
                path.push(first);
                reader.report(
                    Diagnostic::error("containers that wait for each other", first.span, path.join(" → "))
                        .note(format!("`dependsOn` must not contain a cycle ({REGISTER})")),
                );
            }
        }
    }
}

fn closes<'c>(containers: &'c [ContainerFile], first: &str, path: &mut Vec<&'c str>) -> bool {
    let Some(current) = path.last().copied() else { return false };
    let Some(container) = containers.iter().find(|container| name(container) == Some(current)) else { return false };
    for dependency in container.depends_on.iter().flatten() {
        let Some(on) = dependency.container_name.as_ref().map(|on| on.as_str()) else { continue };
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
