//! The execution role: everything on Fargate that a definition is refused for without it.

use neargate_model::registration::{Container, Registration};

use super::place::Place;
use super::refusal::Refusal;
use super::violation::{RoleNeed, Violation};

/// Judges whether a missing role is needed.
pub(super) fn judge(task: &Registration, found: &mut Vec<Refusal>) {
    if task.execution_role_arn.is_some() {
        return;
    }
    for (index, container) in task.container_definitions.iter().enumerate() {
        needs(container, &Place::container(index), found);
    }
}

fn needs(container: &Container, at: &Place, found: &mut Vec<Refusal>) {
    let driver = container.log_configuration.as_ref().and_then(|log| log.log_driver.as_deref());
    let needs = [
        (at.field("image"), RoleNeed::Ecr, container.image.as_deref().is_some_and(is_private_ecr)),
        (at.field("repositoryCredentials"), RoleNeed::Credentials, container.repository_credentials.is_some()),
        (at.field("secrets"), RoleNeed::Secrets, !container.secrets.is_empty()),
        (at.field("logConfiguration").field("logDriver"), RoleNeed::Awslogs, driver == Some("awslogs")),
    ];
    for (place, need, _) in needs.into_iter().filter(|(.., needed)| *needed) {
        found.push(Refusal::new(place, Violation::ExecutionRole(need)));
    }
}

/// `123456789012.dkr.ecr.REGION.amazonaws.com/…`, also with placeholders for the account and the region; not
/// `public.ecr.aws`.
fn is_private_ecr(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    host.len() < image.len()
        && (host.contains(".dkr.ecr.") || host.contains(".dkr.ecr-fips.") || host.contains(".dkr-ecr."))
}
