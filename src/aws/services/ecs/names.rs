//! What names in the API stand for: a short name, or an ARN.

use serde_json::{Value, json};

use crate::aws::action::State;
use crate::aws::tags;
use crate::ecs::violation::Violation;
use crate::model::task_definition::{Revision, RevisionName};
use crate::model::{ClusterName, ServiceName, TaskId};
use crate::protocols::fault::Fault;

/// The cluster of a request without one.
const DEFAULT_CLUSTER: &str = "default";

/// The error that a violation is.
pub(super) fn refused(violation: &Violation) -> Fault {
    Fault::new(violation.code(), violation.to_string())
}

/// A parameter that AWS does not take.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterException", message)
}

/// Tags that ECS does not take.
pub(super) fn tags_refused(problem: &tags::Refused) -> Fault {
    invalid(problem.to_string())
}

/// What follows the last slash, which is the whole for a short name.
pub(super) fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The cluster that a request names. It must exist.
pub(super) fn cluster(state: &State, given: Option<&str>) -> Result<ClusterName, Fault> {
    let name = last_part(given.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_CLUSTER));
    let found = state.desired.clusters().find(|known| known.as_str() == name);
    found.ok_or_else(|| refused(&Violation::ClusterNotFound(ClusterName::new(name))))
}

/// A service by name or ARN.
pub(super) fn service(given: &str) -> ServiceName {
    ServiceName::new(last_part(given))
}

/// A task by id or ARN.
pub(super) fn task(given: &str) -> TaskId {
    TaskId::new(last_part(given))
}

/// `family`, `family:revision`, or the ARN of a revision: the revision that it stands for.
pub(in crate::aws) fn task_definition(state: &State, given: &str) -> Option<Revision> {
    let families = state.desired.task_definitions();
    match given.strip_prefix("arn:") {
        Some(rest) => {
            let (_, name) = rest.split_once("task-definition/")?;
            families.revision(&name.parse().ok()?)
        }
        None => match given.parse::<RevisionName>() {
            Ok(name) => families.revision(&name),
            Err(_) => families.latest(given),
        },
    }
}

/// An entry of `failures`: what was asked for is not there. The request as a whole succeeds.
pub(super) fn missing(arn: impl std::fmt::Display) -> Value {
    json!({ "arn": arn.to_string(), "reason": "MISSING" })
}
