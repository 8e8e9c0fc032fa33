//! The destination of a container's output: its log group and stream.

use neargate_model::task::TaskSpec;
use neargate_model::task_definition::ContainerDefinition;

/// A stream in a log group of CloudWatch Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// `awslogs-group`
    pub group: String,
    /// `prefix/container/task-id`
    pub name: String,
}

impl LogStream {
    /// The stream of a container (ECS developer guide, "awslogs log driver"). Output of a container without log
    /// configuration, which Fargate would lose, is kept under the family's name.
    pub fn new(task: &TaskSpec, container: &ContainerDefinition) -> Self {
        let (group, prefix) = match &container.log_configuration {
            Some(configuration) => (configuration.group.clone(), configuration.stream_prefix.as_str()),
            None => (format!("/ecs/{}", task.definition.family), "ecs"),
        };
        Self { group, name: format!("{prefix}/{}/{}", container.name, task.id) }
    }
}
