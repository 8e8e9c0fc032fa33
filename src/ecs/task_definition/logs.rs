//! Destinations of container output: log drivers, their options, and the FireLens router.

use neargate_model::registration::{Container, Registration};

use super::place::Place;
use super::refusal::Refusal;
use super::violation::Violation;

/// The log drivers of Fargate.
const DRIVERS: [&str; 3] = ["awslogs", "splunk", "awsfirelens"];

/// The options of the `awslogs` driver (ECS API, LogConfiguration).
pub const AWSLOGS_OPTIONS: &[&str] = &[
    "awslogs-create-group",
    "awslogs-region",
    "awslogs-group",
    "awslogs-stream-prefix",
    "awslogs-datetime-format",
    "awslogs-multiline-pattern",
    "mode",
    "max-buffer-size",
];

/// Judges the log configuration of a container, and its configuration as a router.
pub(super) fn judge(container: &Container, at: &Place, found: &mut Vec<Refusal>) {
    if let Some(kind) = container.firelens_configuration.as_ref().and_then(|router| router.options.get(CONFIG_TYPE))
        && kind != "file"
    {
        let place = at.field("firelensConfiguration").field("options").key(CONFIG_TYPE);
        found.push(Refusal::new(place, Violation::RouterConfiguration(kind.clone())));
    }
    let Some(log) = &container.log_configuration else { return };
    let Some(driver) = &log.log_driver else { return };
    let (at_driver, at_options) = {
        let at = at.field("logConfiguration");
        (at.field("logDriver"), at.field("options"))
    };
    if !DRIVERS.contains(&driver.as_str()) {
        found.push(Refusal::new(at_driver, Violation::LogDriver(driver.clone())));
        return;
    }
    if driver != "awslogs" {
        return;
    }
    for name in log.options.keys().filter(|name| !AWSLOGS_OPTIONS.contains(&name.as_str())) {
        found.push(Refusal::new(at_options.key(name), Violation::UnknownLogOption(name.clone())));
    }
    if let Some(value) = log.options.get("awslogs-create-group").filter(|value| *value != "true") {
        found.push(Refusal::new(at_options.key("awslogs-create-group"), Violation::CreateGroup(value.clone())));
    }
    let is_missing = |key: &&str| !log.options.contains_key(*key);
    let missing: Vec<&str> = ["awslogs-region", "awslogs-group"].into_iter().filter(is_missing).collect();
    if !missing.is_empty() {
        found.push(Refusal::new(at_driver.clone(), Violation::LogOptionsMissing(missing)));
    }
    if is_missing(&"awslogs-stream-prefix") {
        found.push(Refusal::new(at_driver, Violation::StreamPrefixMissing));
    }
}

const CONFIG_TYPE: &str = "config-file-type";

/// FireLens takes two containers: a router, and at least one whose output it routes.
pub(super) fn routers(task: &Registration, found: &mut Vec<Refusal>) {
    let containers = &task.container_definitions;
    let sends = |container: &Container| {
        container.log_configuration.as_ref().is_some_and(|log| log.log_driver.as_deref() == Some("awsfirelens"))
    };
    let sender = containers.iter().position(sends);
    let router = containers.iter().position(|container| container.firelens_configuration.is_some());
    match (sender, router) {
        (Some(sender), None) => {
            let place = Place::container(sender).field("logConfiguration").field("logDriver");
            found.push(Refusal::new(place, Violation::RouterMissing));
        }
        (None, Some(router)) => {
            let place = Place::container(router).field("firelensConfiguration");
            found.push(Refusal::new(place, Violation::RouterUnused));
        }
        _ => {}
    }
}
