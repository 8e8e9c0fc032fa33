//! Ids in the paths of the endpoint. They follow from the task's own id, which is random, so a restart keeps them.

use neargate_model::arn::{fingerprint, uuid};
use neargate_model::task::TaskSpec;
use neargate_model::{ContainerName, TaskId};

/// `runtimeId` of a container: the task's id and about ten digits, which also stand in the container's paths. (ECS
/// developer guide, "Task metadata version 4 JSON response for tasks on Fargate", DockerId.)
pub fn runtime_id(task: &TaskId, container: &ContainerName) -> String {
    let digits = 1_000_000_000 + fingerprint(&["container", task.as_str(), container.as_str()]) % 9_000_000_000;
    format!("{task}-{digits}")
}

/// The id in the path of the credentials of a task's role.
pub fn credentials_id(task: &TaskId) -> String {
    uuid(&["credentials", task.as_str()])
}

/// The container with that runtime id.
pub(super) fn container<'a>(task: &'a TaskSpec, runtime_id: &str) -> Option<&'a ContainerName> {
    let names = task.definition.containers.iter().map(|container| &container.name);
    names.into_iter().find(|name| self::runtime_id(&task.id, name) == runtime_id)
}
