//! Scale-in protection of tasks (ECS API reference, GetTaskProtection, UpdateTaskProtection).

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{self, invalid, missing};
use crate::aws::action::{Decision, Effect, Input, State, drop_nulls};
use crate::ecs::service::protection::{ProtectionChange, ProtectionFailure};
use crate::ecs::world::Task;
use crate::model::arn::Arn;
use crate::model::{ClusterName, TaskId};
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

/// "A list of up to 10 task IDs or full ARN entries" (UpdateTaskProtection).
const MOST_UPDATED: usize = 10;
/// "A list of up to 100 task IDs or full ARN entries" (GetTaskProtection).
const MOST_DESCRIBED: usize = 100;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Asked {
    cluster: Option<String>,
    tasks: Vec<String>,
    protection_enabled: Option<bool>,
    expires_in_minutes: Option<i64>,
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let cluster = names::cluster(state, asked.cluster.as_deref())?;
    check_number(&asked.tasks, MOST_DESCRIBED)?;
    let (known, failures) = asked.split(state, &cluster);
    Ok(Decision::reply(answer(state, &cluster, &known, failures)))
}

pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let cluster = names::cluster(state, asked.cluster.as_deref())?;
    if asked.tasks.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    check_number(&asked.tasks, MOST_UPDATED)?;
    let enabled = asked.protection_enabled.ok_or_else(|| invalid("protectionEnabled can not be blank."))?;
    let change = ProtectionChange { enabled, expires_in_minutes: asked.expires_in_minutes };
    change.check().map_err(|refused| invalid(refused.to_string()))?;
    let (known, failures) = asked.split(state, &cluster);
    if known.is_empty() {
        return Ok(Decision::reply(answer(state, &cluster, &known, failures)));
    }
    let effect = Effect::UpdateTaskProtection(known.clone(), change);
    Ok(Decision::then(effect, move |state| Ok(answer(state, &cluster, &known, failures))))
}

fn check_number(tasks: &[String], most: usize) -> Result<(), Fault> {
    if tasks.len() > most {
        return Err(invalid(format!("Tasks cannot have more than {most} elements.")));
    }
    Ok(())
}

impl Asked {
    /// The tasks whose protection is known, and what is wrong with the others. Without a list, all tasks of services.
    fn split(&self, state: &State, cluster: &ClusterName) -> (Vec<TaskId>, Vec<Value>) {
        let tasks = &state.snapshot.world.tasks;
        let is_the_stacks = state.snapshot.topology.cluster == *cluster;
        if self.tasks.is_empty() {
            let all = tasks.values().filter(|task| is_the_stacks && judge(task).is_ok());
            return (all.map(|task| task.spec.id.clone()).collect(), Vec::new());
        }
        let (mut known, mut failures) = (Vec::new(), Vec::new());
        for given in &self.tasks {
            let id = names::task(given);
            let arn = Arn::task(cluster, &id);
            match tasks.get(&id).filter(|task| is_the_stacks && !task.is_stopped()).map(judge) {
                None => failures.push(missing(arn)),
                Some(Err(failure)) => failures.push(json!({ "arn": arn, "reason": failure.code() })),
                Some(Ok(())) => known.push(id),
            }
        }
        (known, failures)
    }
}

/// ECS protects tasks of services only.
fn judge(task: &Task) -> Result<(), ProtectionFailure> {
    let is_valid = task.spec.service().is_some() && task.is_wanted();
    is_valid.then_some(()).ok_or(ProtectionFailure::NotValid)
}

fn answer(state: &State, cluster: &ClusterName, tasks: &[TaskId], failures: Vec<Value>) -> Value {
    let protected = tasks.iter().filter_map(|id| {
        let protection = state.snapshot.world.tasks.get(id)?.protection_at(state.now);
        let mut shape = json!({
            "taskArn": Arn::task(cluster, id),
            "protectionEnabled": protection.is_some(),
            "expirationDate": protection.map(|protection| EpochSeconds(protection.expires_at)),
        });
        drop_nulls(&mut shape);
        Some(shape)
    });
    json!({ "protectedTasks": protected.collect::<Vec<_>>(), "failures": failures })
}
