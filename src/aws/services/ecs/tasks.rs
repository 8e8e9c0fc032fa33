//! Tasks, of services and of nobody.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{self, invalid, missing, refused};
use super::{pages, service_settings, services, task_shape};
use crate::aws::action::{Decision, Effect, Input, State};
use crate::control::desired::edit::Edit;
use crate::ecs::standalone::STOPPED_BY_USER;
use crate::ecs::violation::Violation;
use crate::ecs::world::Task;
use crate::model::TaskId;
use crate::model::arn::Arn;
use crate::model::overrides::{ContainerOverride, TaskOverride};
use crate::model::task_definition::RevisionName;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Run {
    cluster: Option<String>,
    task_definition: String,
    count: Option<usize>,
    started_by: Option<String>,
    client_token: Option<String>,
    overrides: Overrides,
    network_configuration: Option<service_settings::NetworkConfiguration>,
    propagate_tags: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Overrides {
    container_overrides: Vec<OneOverride>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct OneOverride {
    name: String,
    command: Option<Vec<String>>,
    environment: Vec<Variable>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Variable {
    name: String,
    value: String,
}

pub(super) fn run(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Run = input.read()?;
    let cluster = names::cluster(state, asked.cluster.as_deref())?;
    if state.snapshot.topology.cluster != cluster {
        return Err(services::other_cluster(state));
    }
    if let Some(token) = &asked.client_token
        && let Some(tasks) = state.remembered.tasks_of(token)
    {
        return Ok(Decision::reply(running(state, &tasks)));
    }
    let Some(network) = &asked.network_configuration else {
        return Err(invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."));
    };
    service_settings::security_groups(state, network)?;
    if asked.propagate_tags.as_deref() == Some("SERVICE") {
        return Err(invalid("Tags may not be propagated from a service."));
    }
    let revision = names::task_definition(state, &asked.task_definition).ok_or_else(|| {
        let name = RevisionName { family: asked.task_definition.as_str().into(), number: 0 };
        refused(&Violation::TaskDefinitionNotFound(name))
    })?;
    let overrides: TaskOverride = asked.overrides.container_overrides.into_iter().map(one_override).collect();
    let tasks: Vec<TaskId> = (0..asked.count.unwrap_or(1)).map(|nth| state.ids.task(nth)).collect();
    let edit = Edit::RunTask {
        tasks: tasks.clone(),
        task_definition: revision.name(),
        overrides,
        started_by: asked.started_by,
        images: BTreeMap::new(),
    };
    Ok(Decision::edit(edit, move |state| {
        if let Some(token) = asked.client_token {
            state.remembered.put_tasks(token, tasks.clone());
        }
        Ok(running(state, &tasks))
    }))
}

fn one_override(given: OneOverride) -> (crate::model::ContainerName, ContainerOverride) {
    let environment = given.environment.into_iter().map(|variable| (variable.name, variable.value)).collect();
    (given.name.as_str().into(), ContainerOverride { command: given.command, environment })
}

fn running(state: &State, tasks: &[TaskId]) -> Value {
    let shapes = tasks.iter().filter_map(|id| shape(state, id));
    json!({ "tasks": shapes.collect::<Vec<_>>(), "failures": [] })
}

fn shape(state: &State, id: &TaskId) -> Option<Value> {
    let task = state.snapshot.world.tasks.get(id)?;
    Some(task_shape::shape(&state.snapshot.topology.cluster, task))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Described {
    cluster: Option<String>,
    tasks: Vec<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Described { cluster, tasks } = input.read()?;
    let cluster = names::cluster(state, cluster.as_deref())?;
    if tasks.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    let is_the_stacks = state.snapshot.topology.cluster == cluster;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &tasks {
        let id = names::task(given);
        match shape(state, &id).filter(|_| is_the_stacks) {
            Some(shape) => found.push(shape),
            None if given.starts_with("arn:") => failures.push(missing(given)),
            None => failures.push(missing(Arn::task(&cluster, &id))),
        }
    }
    Ok(Decision::reply(json!({ "tasks": found, "failures": failures })))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    cluster: Option<String>,
    service_name: Option<String>,
    family: Option<String>,
    started_by: Option<String>,
    desired_status: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Listed {
    fn wants(&self, task: &Task) -> bool {
        let wants_stopped = self.desired_status.as_deref() == Some("STOPPED");
        let service = task.spec.service().map(|service| service.as_str());
        let is =
            |wanted: &Option<String>, value: Option<&str>| wanted.as_deref().is_none_or(|text| value == Some(text));
        task.is_wanted() != wants_stopped
            && self.service_name.as_deref().is_none_or(|name| service == Some(names::last_part(name)))
            && is(&self.family, Some(&task.spec.definition.family))
            && is(&self.started_by, task.spec.started_by())
    }
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let listed: Listed = input.read()?;
    let cluster = names::cluster(state, listed.cluster.as_deref())?;
    let world = &state.snapshot.world;
    if let Some(given) = &listed.service_name {
        let name = names::service(given);
        world.services.get(&name).ok_or_else(|| refused(&Violation::ServiceNotFound(name)))?;
    }
    let is_the_stacks = state.snapshot.topology.cluster == cluster;
    let mut tasks: Vec<&Task> = world.tasks.values().filter(|task| is_the_stacks && listed.wants(task)).collect();
    tasks.sort_by_key(|task| task.sequence);
    let arns: Vec<Arn> = tasks.iter().map(|task| Arn::task(&cluster, &task.spec.id)).collect();
    let (page, next) = pages::page(&arns, listed.max_results, listed.next_token.as_deref())?;
    Ok(Decision::reply(pages::with_token(json!({ "taskArns": page }), next)))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stopped {
    cluster: Option<String>,
    task: String,
    reason: Option<String>,
}

pub(super) fn stop(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Stopped { cluster, task, reason } = input.read()?;
    let reason = reason.unwrap_or_else(|| STOPPED_BY_USER.to_owned());
    names::cluster(state, cluster.as_deref())?;
    let id = names::task(&task);
    let known = state.snapshot.world.tasks.get(&id);
    let known = known.ok_or_else(|| invalid("The referenced task was not found."))?;
    // One that is stopping already is simply described.
    if !known.is_wanted() {
        return Ok(Decision::reply(json!({ "task": shape(state, &id) })));
    }
    Ok(Decision::then(Effect::StopTask(id.clone(), reason), move |state| Ok(json!({ "task": shape(state, &id) }))))
}
