//! The execution role: everything on Fargate that a definition is refused for without it, and what it cannot read.

use neargate_model::registration::{Container, Registration};

use super::place::Place;
use super::refusal::Refusal;
use super::violation::{RoleNeed, Violation};

/// Judges whether a missing role is needed, and whether the role can read what it is to read.
pub(super) fn judge(task: &Registration, found: &mut Vec<Refusal>) {
    for (index, container) in task.container_definitions.iter().enumerate() {
        let at = Place::container(index);
        match &task.execution_role_arn {
            Some(role) => foreign_parameters(container, account(role), &at, found),
            None => needs(container, &at, found),
        }
    }
}

/// The account in an ARN.
fn account(arn: &str) -> Option<&str> {
    let account = arn.split(':').nth(4)?;
    // A pipeline may fill it in.
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

/// Parameters of Systems Manager are of the account of the role that reads them.
fn foreign_parameters(container: &Container, own: Option<&str>, at: &Place, found: &mut Vec<Refusal>) {
    for (index, secret) in container.secrets.iter().enumerate() {
        let Some(parameter) = secret.value_from.as_ref().filter(|from| from.split(':').nth(2) == Some("ssm")) else {
            continue;
        };
        if let (Some(own), Some(other)) = (own, account(parameter))
            && own != other
        {
            let place = at.field("secrets").index(index).field("valueFrom");
            found.push(Refusal::new(place, Violation::ParameterOfOtherAccount { own: own.to_owned() }));
        }
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
