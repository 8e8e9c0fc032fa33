//! The service scheduler: how many tasks to run, which to replace, and when.
//!
//! Sources: ECS developer guide, "Service scheduler" and "Service throttle logic"; ECS API,
//! DeploymentConfiguration. A deployment starts tasks up to the maximum and stops those of earlier deployments down to
//! the minimum ([`Bounds`](crate::service::bounds::Bounds)); one that shifts traffic leaves them alone until it has all of it
//! ([`lifecycle`]).

use crate::census::Unit;
use crate::images::renewal;
use crate::scaling::world::plan_fulfilment;
use crate::service::circuit_breaker;
use crate::service::events::STEADY_AGAIN;
use crate::service::keeping::{plan_starts, plan_stops, scaling_reason, stop};
use crate::service::lifecycle::plan::{self as lifecycle, Progress};
use crate::service::lifecycle::traffic;
use crate::service::rebalancing::{self, Spread, Stage};
use crate::service::standing::Standing;
use crate::service::tasks::{Situation, Tasks, healthy};
use crate::step::{Change, Plan};
use crate::world::{Failure, RolloutState, STOPPED_TASKS_KEPT, ServiceRecord, Task, World};
use neargate_model::alarm::AlarmState;
use neargate_model::{AlarmName, ServiceName};

/// Adds the next steps of this service.
pub(crate) fn plan_service(situation: &Situation<'_>, name: &ServiceName, record: &ServiceRecord, plan: &mut Plan) {
    let Situation { world, census, now, .. } = *situation;
    let all = census.tasks(&Unit::Service(name.clone()));
    if !record.tally.is_empty() {
        plan.push(Change::ReportTally(name.clone()));
    }
    plan_forgetting(&all, name, record, plan);
    let wanted = record.wanted().filter(|_| !world.shutting_down);
    let Some(wanted) = wanted else {
        for task in all.iter().filter(|task| task.is_wanted()) {
            plan.push(stop(task, scaling_reason(record)));
        }
        return;
    };
    plan_fulfilment(world, name, wanted.desired_count, &all, plan);
    traffic::plan(situation, name, record, plan);
    let desired = wanted.desired_count as usize;
    let deployment = &record.primary;
    let shown = lifecycle::tasks_of(deployment, &all);
    let tasks = Tasks::new(situation, deployment, desired, &shown, plan);
    if tasks.current().any(|(task, _)| renewal::is_outdated(world, task, &record.rejected_images)) {
        plan.push(Change::Redeploy(name.clone()));
        return;
    }
    let mut tasks = tasks;
    if deployment.lifecycle.is_none() {
        match plan_rebalancing(world, name, record, &tasks, plan) {
            Some(extra) => tasks.extra = extra,
            None => return,
        }
    }
    if lifecycle::is_watched(deployment)
        && (plan_alarms(world, name, record, plan) || plan_circuit_breaker(name, record, &tasks, plan))
    {
        return;
    }

    if deployment.lifecycle.is_some() {
        if lifecycle::plan(situation, (name, record), &tasks, &all, plan) == Progress::Over && !record.steady {
            plan.push(Change::MarkSteady(name.clone()));
        }
        return;
    }
    let stops = plan_stops(situation, (name, record), deployment, &tasks, plan);
    let room = plan_starts(situation, (name, record), deployment, &tasks, plan);

    if !record.steady && record.rebalancing.is_none() && tasks.are_as_desired() {
        plan_steady(situation, name, record, plan);
    }
    if let Some(at) = record.steady_at.filter(|_| record.steady) {
        let again = at + situation.time_scale.apply(STEADY_AGAIN);
        plan.push_after(Some(again).filter(|again| now < *again), Change::MarkSteady(name.clone()));
    }
    let is_in_progress = deployment.rollout == RolloutState::InProgress;
    if !record.blocked && is_in_progress && room == 0 && stops == 0 && tasks.block_each_other() {
        plan.push(Change::ReportBlocked(name.clone()));
    }
}

/// Begins and ends rebalancing; then the service is looked at again. Otherwise returns how many tasks it may have above the
/// desired count.
fn plan_rebalancing(
    world: &World,
    name: &ServiceName,
    record: &ServiceRecord,
    tasks: &Tasks<'_>,
    plan: &mut Plan,
) -> Option<usize> {
    let spread = Spread::new(&world.nodes, tasks.good().filter_map(Task::zone));
    let state = rebalancing::State {
        is_enabled: record.primary.service.availability_zone_rebalancing,
        begun: record.rebalancing,
        is_undisturbed: record.primary.rollout == RolloutState::Completed
            && tasks.old.is_empty()
            && tasks.failing.is_empty(),
        is_steady: record.steady,
        has_room: tasks.bounds.maximum > tasks.desired,
        is_balanced: spread.is_balanced(),
        desired: tasks.desired,
        tasks: tasks.good.len(),
        healthy: healthy(&tasks.good),
        leaving: tasks.leaving,
    };
    let service = name.clone();
    let change = match state.stage() {
        Stage::None => return Some(0),
        Stage::Moving { extra } => return Some(extra),
        Stage::Begin => Change::BeginRebalancing { service, spread: spread.to_string() },
        Stage::Balanced => Change::EndRebalancing { service, spread: Some(spread.to_string()) },
        Stage::Stopped => Change::EndRebalancing { service, spread: None },
    };
    plan.push(change);
    None
}

/// The service is as desired, and so steady, unless the alarms of a deployment in progress are to be watched first.
fn plan_steady(situation: &Situation<'_>, name: &ServiceName, record: &ServiceRecord, plan: &mut Plan) {
    let deployment = &record.primary;
    let is_watched = deployment.rollout == RolloutState::InProgress
        && !deployment.is_rollback()
        && deployment.service.deployment_configuration.alarms.is_some();
    match deployment.bakes_until {
        None if is_watched => plan.push(Change::Bake(name.clone())),
        Some(until) if is_watched && situation.now < until => plan.wake_by(until),
        _ => plan.push(Change::MarkSteady(name.clone())),
    }
}

/// Gives a deployment in progress up if one of its alarms has gone off since it began (ECS developer guide, "How
/// CloudWatch alarms detect Amazon ECS deployment failures"). Returns whether it does.
fn plan_alarms(world: &World, name: &ServiceName, record: &ServiceRecord, plan: &mut Plan) -> bool {
    let Some(alarms) = &record.primary.service.deployment_configuration.alarms else { return false };
    let is_raised = |alarm: &AlarmName| world.alarms.get(alarm) == Some(&AlarmState::Alarm);
    let mut raised = alarms.alarms.keys().filter(|alarm| is_raised(alarm));
    let is_over = !record.primary.is_rollback() && raised.any(|alarm| !record.primary.ignored_alarms.contains(alarm));
    if is_over {
        let (failure, roll_back) = (Failure::Alarm, alarms.rollback);
        plan.push(Change::FailDeployment { service: name.clone(), failure, roll_back });
    }
    is_over
}

/// Counts tasks of a deployment in progress that have become healthy; gives the deployment up if too many failed.
/// Returns whether it does. A rollback is not given up: what ECS does with one that fails is not published, and the
/// service would have nothing left.
fn plan_circuit_breaker(name: &ServiceName, record: &ServiceRecord, tasks: &Tasks<'_>, plan: &mut Plan) -> bool {
    let breaker = &record.primary.service.deployment_configuration.circuit_breaker;
    let Some(threshold) = circuit_breaker::threshold(breaker, tasks.desired) else { return false };
    if record.primary.is_rollback() {
        return false;
    }
    let is_over = record.primary.failed_tasks as usize >= threshold;
    if is_over {
        let (failure, roll_back) = (Failure::CircuitBreaker, breaker.rollback);
        plan.push(Change::FailDeployment { service: name.clone(), failure, roll_back });
        return true;
    }
    let healthy = tasks.good.iter().filter(|(_, standing)| *standing == Standing::Healthy);
    for (task, _) in healthy.filter(|(task, _)| !record.proven.contains(&task.spec.id)) {
        plan.push(Change::MarkProven { service: name.clone(), task: task.spec.id.clone() });
    }
    false
}

/// Stopped tasks are kept for people to read, the last few of each service; an earlier deployment goes when its last
/// task has stopped, and so does a service that is gone.
fn plan_forgetting(tasks: &[&Task], name: &ServiceName, record: &ServiceRecord, plan: &mut Plan) {
    let stopped: Vec<&&Task> = tasks.iter().filter(|task| task.is_stopped()).collect();
    let surplus = stopped.len().saturating_sub(STOPPED_TASKS_KEPT);
    for task in stopped.iter().take(surplus) {
        plan.push(Change::ForgetTask(task.spec.id.clone()));
    }
    for deployment in record.active.iter().filter(|deployment| !record.keeps(&deployment.id)) {
        let is_of_it = |task: &&&Task| task.spec.deployment() == Some(&deployment.id);
        if tasks.iter().filter(is_of_it).all(|task| task.is_stopped()) {
            plan.push(Change::EndDeployment { service: name.clone(), deployment: deployment.id.clone() });
        }
    }
    if record.dropped && stopped.len() == tasks.len() {
        plan.push(Change::ForgetService(name.clone()));
    }
}
