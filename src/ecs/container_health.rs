//! The health of a task, in cases that readers can compare with AWS's pages: `fixtures/ecs/container-health`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::world::Task;
use neargate_model::TaskId;
use neargate_model::task::{HealthStatus, Origin, TaskSpec};
use neargate_model::task_definition::{ContainerDefinition, ContainerHealthCheck, TaskDefinition};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "source")]
    _source: String,
    containers: BTreeMap<String, Described>,
    task: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    #[serde(default = "yes")]
    essential: bool,
    /// `None`: it has no health check.
    #[serde(default)]
    health: Option<Word>,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Word {
    Healthy,
    Unhealthy,
    Unknown,
}

impl Word {
    fn status(self) -> HealthStatus {
        match self {
            Self::Healthy => HealthStatus::Healthy,
            Self::Unhealthy => HealthStatus::Unhealthy,
            Self::Unknown => HealthStatus::Unknown,
        }
    }
}

#[test]
fn the_health_of_a_task_is_that_of_its_essential_containers() {
    neargate_fixture::each("ecs/container-health", |case: Case| {
        let definitions = case.containers.iter().map(|(name, described)| definition(name, described)).collect();
        let spec = TaskSpec {
            id: TaskId::new("d4efc1a0fdf7441e821a3683836ad69a"),
            origin: Origin::Standalone { started_by: None },
            definition: Arc::new(TaskDefinition::new("app", definitions)),
            revision: 1,
            secrets: BTreeMap::new(),
            images: BTreeMap::new(),
            node: None,
            endpoints: Vec::new(),
            router_configuration: None,
        };
        let mut task = Task::new(spec, 0, Timestamp::UNIX_EPOCH);
        for (name, described) in &case.containers {
            let container = task.containers.get_mut(name.as_str()).expect("its container");
            container.health = described.health.map_or(HealthStatus::Unknown, Word::status);
        }
        assert_eq!(task.health(), case.task.status(), "{}", case.name);
    });
}

fn definition(name: &str, described: &Described) -> ContainerDefinition {
    let mut definition = ContainerDefinition::new(name, "image");
    definition.essential = described.essential;
    definition.health_check = described.health.map(|_| ContainerHealthCheck {
        command: vec!["CMD".to_owned(), "true".to_owned()],
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        retries: 3,
        start_period: Duration::ZERO,
    });
    definition
}
