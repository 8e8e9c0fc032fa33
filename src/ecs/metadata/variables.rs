//! The environment variables that Fargate adds to a container's own.

use neargate_model::ContainerName;
use neargate_model::task::TaskSpec;

use super::address::ADDRESS;
use super::ids::{credentials_id, runtime_id};

/// Region and execution environment, which every container is told.
///
/// Sources: ECS developer guide, "Task metadata available for tasks on Fargate"; SDK reference guide, "AWS Region".
pub fn of_every_container(region: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE".to_owned()),
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
    ]
}

/// Where the container finds metadata, the agent's API and, if its task has a role, credentials.
///
/// Sources: ECS developer guide, "Task metadata endpoint version 4 for tasks on Fargate", "Task metadata endpoint version 3
/// for tasks on Fargate", "Task scale-in protection endpoint", "Task IAM role".
pub fn of_endpoint(task: &TaskSpec, container: &ContainerName) -> Vec<(&'static str, String)> {
    let (host, id) = (ADDRESS.ip(), runtime_id(&task.id, container));
    let mut variables = vec![
        ("ECS_CONTAINER_METADATA_URI_V4", format!("http://{host}/v4/{id}")),
        ("ECS_CONTAINER_METADATA_URI", format!("http://{host}/v3/{id}")),
        ("ECS_AGENT_URI", format!("http://{host}/api/{id}")),
    ];
    if task.definition.task_role_arn.is_some() {
        let path = format!("/v2/credentials/{}", credentials_id(&task.id));
        variables.push(("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", path));
    }
    variables
}
