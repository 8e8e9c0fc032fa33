//! Task definitions, as the JSON that ECS registers: known fields only, and no secrets.

use serde_json::{Map as JsonMap, Value as Json};

use super::context::Context;
use super::policy;
use super::report::Outcome;
use super::tree::Part;
use crate::objects::{Item, Object, Value};
use neargate_config::value_from;

/// Fields of a task definition that are copied.
const TASK: &[&str] = &[
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "ephemeralStorage",
    "runtimePlatform",
];

/// Fields of a container that are copied (ECS API reference, ContainerDefinition).
const CONTAINER: &[&str] = &[
    "name",
    "image",
    "repositoryCredentials",
    "cpu",
    "memory",
    "memoryReservation",
    "links",
    "portMappings",
    "essential",
    "restartPolicy",
    "entryPoint",
    "command",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "secrets",
    "dependsOn",
    "startTimeout",
    "stopTimeout",
    "versionConsistency",
    "hostname",
    "user",
    "workingDirectory",
    "disableNetworking",
    "privileged",
    "readonlyRootFilesystem",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "interactive",
    "pseudoTerminal",
    "dockerLabels",
    "ulimits",
    "logConfiguration",
    "healthCheck",
    "systemControls",
    "resourceRequirements",
    "firelensConfiguration",
    "credentialSpecs",
];

/// Fields that are numbers, though tools write them as text.
const NUMBERS: &[&str] = &[
    "containerPort",
    "hostPort",
    "memoryReservation",
    "startTimeout",
    "stopTimeout",
    "interval",
    "timeout",
    "retries",
    "startPeriod",
    "softLimit",
    "hardLimit",
    "sizeInGiB",
    "sharedMemorySize",
    "maxSwap",
    "swappiness",
    "size",
];

/// Fields that are true or false.
const SWITCHES: &[&str] =
    &["essential", "readonlyRootFilesystem", "privileged", "interactive", "pseudoTerminal", "readOnly"];

/// What a task definition becomes.
pub(super) struct Task {
    pub(super) json: String,
    /// Variables of the environment that are secrets, by container.
    pub(super) environment: Vec<(String, Vec<(String, Part)>)>,
    /// Secret, JSON key, variable.
    pub(super) secrets: Vec<(String, Option<String>, String)>,
}

/// `None` after reporting.
pub(super) fn lower(definition: &Object, context: &mut Context<'_>) -> Option<Task> {
    let mut out = JsonMap::new();
    for field in TASK {
        if let Some(item) = definition.get(field) {
            let json = match *field {
                "cpu" | "memory" => Json::from(item.as_text().unwrap_or_default()),
                _ => copied(item, field, context),
            };
            out.insert((*field).to_owned(), json);
        }
    }
    let read: Vec<&str> = TASK.iter().copied().chain(["containerDefinitions", "builds"]).collect();
    context.rest(definition, &read);
    let mut task = Task { json: String::new(), environment: Vec::new(), secrets: Vec::new() };
    let Some(containers) = definition.get("containerDefinitions").filter(|item| !item.list().is_empty()) else {
        if definition.findings.is_empty() {
            let note = "its containers are not known";
            context.report.add(Outcome::Refused, "containerDefinitions", definition.place(), note);
        }
        return None;
    };
    let containers = containers.list().iter().map(|container| self::container(container, &mut task, context)).collect();
    context.report.add(Outcome::Honoured, "containerDefinitions", definition.place(), "");
    out.insert("containerDefinitions".to_owned(), containers);
    task.json = serde_json::to_string_pretty(&Json::Object(out)).ok()? + "\n";
    Some(task)
}

fn container(container: &Item, task: &mut Task, context: &mut Context<'_>) -> Json {
    let mut out = JsonMap::new();
    let name = container.get("name").and_then(Item::as_text).unwrap_or_default();
    for (field, item) in container.entries() {
        if field == "environment" {
            let kept = environment(item, &name, task, context);
            if !kept.is_empty() {
                out.insert(field.clone(), Json::Array(kept));
            }
        } else if CONTAINER.contains(&field.as_str()) && item.is_given() {
            let json = match field.as_str() {
                "cpu" | "memory" => item.as_number().map_or_else(|| copied(item, field, context), Json::from),
                _ => copied(item, field, context),
            };
            out.insert(field.clone(), json);
        } else if item.is_given() {
            context.report.add(Outcome::Ignored, field, &item.place, "ECS knows no such field of a container");
        }
    }
    for secret in container.get("secrets").into_iter().flat_map(Item::list) {
        let text = |field: &str| secret.get(field).and_then(Item::as_text);
        if let (Some(variable), Some(from)) = (text("name"), text("valueFrom"))
            && let Ok(parsed) = value_from::parse(&from)
        {
            let identity = format!("{}\n{}", parsed.secret, parsed.json_key.clone().unwrap_or_default());
            let known = task.secrets.iter().any(|(secret, key, _)| *secret == parsed.secret && *key == parsed.json_key);
            if !known {
                let what = format!("secret of container {name}");
                let variable = context.variable_name(&variable, Some(&identity), &what);
                task.secrets.push((parsed.secret, parsed.json_key, variable));
            }
        }
    }
    Json::Object(out)
}

/// What stays in the task definition; secrets become variables of the file.
fn environment(list: &Item, container: &str, task: &mut Task, context: &mut Context<'_>) -> Vec<Json> {
    let mut kept = Vec::new();
    let mut secret = Vec::new();
    for variable in list.list() {
        let Some(name) = variable.get("name").and_then(Item::as_text) else { continue };
        let Value::Map(entries) = &variable.value else { continue };
        let Some((_, item)) = entries.iter().find(|(key, _)| key == "value") else { continue };
        let value = item.as_text().unwrap_or_default();
        let hidden = item.is_sensitive() || context.choice.no_env_values;
        let looks = policy::named(&name) || policy::looks(&value) || policy::random(&value);
        if hidden || (looks && !value.is_empty()) {
            let why = if item.is_sensitive() { "the source marks it as a secret" } else { "it looks like a secret" };
            let why = if context.choice.no_env_values { "--env-values=none" } else { why };
            context.report.add(
                Outcome::LocalOnly,
                &format!("environment {name}"),
                &item.place,
                format!("{why}: set it in .env"),
            );
            let out = context.variable(&name, Some(&value), &format!("variable of container {container}"));
            secret.push((name, Part::at(out, &item.place)));
        } else {
            kept.push(serde_json::json!({ "name": name, "value": value }));
        }
    }
    if !secret.is_empty() {
        task.environment.push((container.to_owned(), secret));
    }
    kept
}

/// JSON without what is null or empty, and with words instead of secrets.
fn copied(item: &Item, name: &str, context: &mut Context<'_>) -> Json {
    match &item.value {
        Value::Null | Value::Link(_) => Json::Null,
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Number(number) => Json::Number(number.clone()),
        Value::Text(text) => {
            if NUMBERS.contains(&name)
                && let Ok(number) = text.parse::<u64>()
            {
                return Json::from(number);
            }
            if SWITCHES.contains(&name)
                && let Some(yes) = item.as_bool()
            {
                return Json::Bool(yes);
            }
            let is_option = policy::named(name) && policy::random(text);
            // A reference is no secret, although its key says so.
            if policy::looks(text) || (is_option && !text.starts_with("arn:")) {
                let note = "it looks like a secret and stands where no variable can: replaced by the word `redacted`";
                context.report.add(Outcome::Approximated, name, &item.place, note);
                return Json::from("redacted");
            }
            Json::from(text.as_str())
        }
        Value::List(items) => Json::Array(items.iter().map(|item| copied(item, name, context)).collect()),
        Value::Map(entries) => {
            let mut out = JsonMap::new();
            for (key, item) in entries {
                let nothing = match &item.value {
                    Value::Null => true,
                    Value::List(items) => items.is_empty(),
                    _ => false,
                };
                if !nothing {
                    let json = copied(item, key, context);
                    out.insert(key.clone(), json);
                }
            }
            Json::Object(out)
        }
    }
}
