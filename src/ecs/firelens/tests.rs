//! What the log router is told, in cases that readers can compare with AWS's pages: `fixtures/ecs/firelens`.

use std::sync::Arc;

use serde::Deserialize;

use super::configuration::{configuration, path, tag};
use crate::task_definition::definition;
use neargate_model::registration::Registration;
use neargate_model::task::{Origin, TaskSpec};
use neargate_model::{ClusterName, TaskId};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "source")]
    _source: String,
    /// As in a task definition.
    containers: serde_json::Value,
    #[serde(default)]
    configuration: Option<String>,
    #[serde(default)]
    path: Option<String>,
    /// Of the first container.
    #[serde(default)]
    tag: Option<String>,
    /// The containers that the first one waits for.
    #[serde(default)]
    waits_for: Option<Vec<String>>,
}

#[test]
fn the_router_is_told_what_fargate_tells_it() {
    neargate_fixture::each("ecs/firelens", check);
}

fn check(case: Case) {
    let registration = serde_json::json!({
        "family": "app", "cpu": "256", "memory": "512", "containerDefinitions": case.containers,
    });
    let registration: Registration = serde_json::from_value(registration).expect("a task definition");
    let definition = definition(&registration).expect("one that is complete");
    let first = definition.containers[0].clone();
    let router = definition.containers.iter().find_map(|container| container.log_router.clone()).expect("a router");
    let spec = TaskSpec {
        id: TaskId::new("d4efc1a0fdf7441e821a3683836ad69a"),
        origin: Origin::Standalone { started_by: None },
        definition: Arc::new(definition),
        revision: 15,
        secrets: Default::default(),
        images: Default::default(),
        node: None,
        endpoints: Vec::new(),
        router_configuration: None,
    };
    let written = configuration(&spec, &router, &ClusterName::new("shop"));
    if let Some(expected) = case.configuration {
        assert_eq!(written.trim_end(), expected.trim_end(), "{}", case.name);
    }
    if let Some(expected) = case.path {
        assert_eq!(path(router.kind), expected, "{}", case.name);
    }
    if let Some(expected) = case.tag {
        assert_eq!(tag(&first.name, &spec.id), expected, "{}", case.name);
    }
    if let Some(expected) = case.waits_for {
        let waits_for: Vec<&str> = first.depends_on.iter().map(|one| one.container.as_str()).collect();
        assert_eq!(waits_for, expected, "{}", case.name);
    }
}
