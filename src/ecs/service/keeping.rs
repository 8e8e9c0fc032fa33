//! Brings a deployment to the number of tasks that it is to have: stops those that are to go, starts those that are missing.

use std::time::Instant;

use crate::service::protection::HeldBack;
use crate::service::standing::Standing;
use crate::service::tasks::{Situation, Tasks};
use crate::step::{Change, Plan};
use crate::world::{Deployment, RolloutState, ServiceRecord, Task};
use neargate_model::ServiceName;
use neargate_model::task::StopCode;

/// Stops the tasks that are to go now; returns their number.
pub(crate) fn plan_stops(
    situation: &Situation<'_>,
    (name, record): (&ServiceName, &ServiceRecord),
    deployment: &Deployment,
    tasks: &Tasks<'_>,
    plan: &mut Plan,
) -> usize {
    let to_go = tasks.old_to_stop().into_iter().chain(tasks.surplus());
    let (protected, to_go): (Vec<&Task>, Vec<&Task>) = to_go.partition(|task| tasks.is_protected(task));
    plan_held_back(name, record, &protected, situation.now, plan);
    let is_failed = deployment.rollout == RolloutState::Failed;
    let before = plan.steps.len();
    let failing = if is_failed { tasks.failing.as_slice() } else { tasks.replaced() };
    for (task, standing) in failing {
        stop_failing(task, standing, true).into_iter().for_each(|change| plan.push(change));
    }
    for task in to_go {
        plan.push(stop(task, scaling_reason(record)));
    }
    if plan.steps.len() == before
        && !is_failed
        && let Some((task, standing)) = tasks.in_the_way()
    {
        let is_old = task.spec.deployment() != Some(&deployment.id);
        let wait = record.next_start_at.filter(|at| situation.now < *at);
        stop_failing(task, standing, is_old).into_iter().for_each(|change| plan.push_after(wait, change));
    }
    plan.steps.len() - before
}

/// Tells of tasks that are to go and stay, because they are protected.
fn plan_held_back(name: &ServiceName, record: &ServiceRecord, protected: &[&Task], now: Instant, plan: &mut Plan) {
    let mut tasks = HeldBack::new();
    for task in protected {
        let deployment = task.spec.deployment().unwrap_or(&record.primary.id);
        *tasks.entry(deployment.clone()).or_default() += 1;
        if let Some(protection) = task.protection(now) {
            plan.wake_by(protection.until());
        }
    }
    // Of two deployments side by side, each is looked at alone.
    if tasks != record.held_back && record.primary.lifecycle.is_none() {
        plan.push(Change::ReportHeldBack { service: name.clone(), tasks });
    }
}

/// Starts the tasks that may start now; returns how many are wanted.
pub(crate) fn plan_starts(
    situation: &Situation<'_>,
    (name, record): (&ServiceName, &ServiceRecord),
    deployment: &Deployment,
    tasks: &Tasks<'_>,
    plan: &mut Plan,
) -> usize {
    // A deployment that has failed starts no more tasks.
    let room = if deployment.rollout == RolloutState::Failed { 0 } else { tasks.room() };
    let on_nodes = tasks.good().filter_map(|task| task.spec.node.as_ref());
    let mut placement = situation.world.nodes.placement(on_nodes);
    let to_replace = if deployment.id == record.primary.id { record.to_replace as usize } else { 0 };
    for number in 0..room {
        // Created while no node is known to take it, a task would only fail; the return of one is an observation, after
        // which this looks again.
        let Some(node) = placement.next() else { break };
        match record.next_start_at {
            Some(at) if situation.now < at => plan.wake_by(at),
            _ => plan.push(Change::CreateTask {
                service: name.clone(),
                deployment: deployment.id.clone(),
                replaces_unhealthy: number < tasks.failing.len() + to_replace,
                node,
            }),
        }
    }
    room
}

fn stop_failing(task: &Task, standing: &Standing, is_replaced: bool) -> Option<Change> {
    let Standing::Failing { reason } = standing else { return None };
    Some(Change::StopUnhealthyTask { task: task.spec.id.clone(), reason: reason.clone(), is_replaced })
}

/// Stops a task because of a decision of the scheduler.
pub(crate) fn stop(task: &Task, reason: String) -> Change {
    Change::StopTask { task: task.spec.id.clone(), code: StopCode::ServiceSchedulerInitiated, reason }
}

/// `stoppedReason` of a task that is not wanted any more.
pub(crate) fn scaling_reason(record: &ServiceRecord) -> String {
    format!("Scaling activity initiated by (deployment {})", record.primary.id)
}
