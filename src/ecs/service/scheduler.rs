//! The service scheduler: how many tasks to run, which to replace, and when.
//!
//! Sources: ECS developer guide, "Service scheduler" and "Service throttle logic"; ECS API,
//! DeploymentConfiguration. Rolling updates run with the defaults of REPLICA services: at least 100 % healthy, at
//! most 200 % running; other percentages and the circuit breaker have their place in [`room`] and
//! [`plan_old_deployments`].

use std::time::Instant;

use crate::census::{Census, Unit};
use crate::images::renewal;
use crate::step::{Change, Plan};
use crate::world::{STOPPED_TASKS_KEPT, ServiceRecord, Task, World};
use neargate_model::service::Service;
use neargate_model::target_health::TargetHealth;
use neargate_model::task::{HealthStatus, StopCode};
use neargate_model::{ServiceName, TargetGroupName};

/// Adds the next steps of this service.
pub(crate) fn plan_service(
    world: &World,
    census: &Census,
    name: &ServiceName,
    record: &ServiceRecord,
    now: Instant,
    plan: &mut Plan,
) {
    let all = census.tasks(&Unit::Service(name.clone()));
    let tasks: Vec<&Task> = all.iter().copied().filter(|task| task.is_wanted()).collect();
    let leaving = all.iter().filter(|task| !task.is_wanted() && !task.is_stopped()).count();
    plan_forgetting(&all, name, record, plan);
    let Some(wanted) = record.wanted() else {
        stop_all(&tasks, record, plan);
        return;
    };
    if world.shutting_down {
        stop_all(&tasks, record, plan);
        return;
    }

    let desired = wanted.desired_count as usize;
    let (current, old): (Vec<&Task>, Vec<&Task>) =
        tasks.iter().copied().partition(|task| task.spec.deployment() == Some(&record.primary.id));
    if current.iter().any(|task| renewal::is_outdated(world, task)) {
        plan.push(Change::Redeploy(name.clone()));
        return;
    }
    let (mut good, mut failing) = (Vec::new(), Vec::new());
    for task in current {
        match fitness(census, wanted, task, now) {
            Fitness::Fit => good.push(task),
            Fitness::InGrace { until } => {
                plan.wake_by(until);
                good.push(task);
            }
            Fitness::Failing { reason } => failing.push((task, reason)),
        }
    }

    // Failing tasks go once a replacement runs, so that a service never has less than it had.
    let replacements = good.iter().filter(|task| task.running_since.is_some()).count();
    let surplus_of_failing = (replacements + failing.len()).saturating_sub(desired);
    for (task, reason) in failing.iter().take(surplus_of_failing) {
        plan.push(stop(task, reason.clone()));
    }

    plan_old_deployments(census, record, desired, &good, &old, plan);

    for task in surplus(&good, desired) {
        plan.push(stop(task, scaling_reason(record)));
    }

    let room = room(desired, good.len(), tasks.len() + crowding(leaving, !failing.is_empty()));
    let mut placement = world.nodes.placement(good.iter().filter_map(|task| task.spec.node.as_ref()));
    for _ in 0..room {
        // Created while no node is known to take it, a task would only fail; the return of one is an observation, after
        // which this looks again.
        let Some(node) = placement.next() else { break };
        match record.next_start_at {
            Some(at) if now < at => plan.wake_by(at),
            _ => plan.push(Change::CreateTask { service: name.clone(), replaces_unhealthy: !failing.is_empty(), node }),
        }
    }

    let healthy = good.iter().filter(|task| census.is_healthy(task)).count();
    if !record.steady && healthy == desired && tasks.len() == desired && leaving == 0 {
        plan.push(Change::MarkSteady(name.clone()));
    }
}

/// The number of tasks that may be started: up to the desired count, and at most 200 % of it in total.
fn room(desired: usize, good: usize, all: usize) -> usize {
    let maximum = desired * 2;
    desired.saturating_sub(good).min(maximum.saturating_sub(all))
}

/// Tasks that are still stopping, which count when unhealthy tasks are replaced. On Fargate each task has its own
/// machine; here they share this one with their replacements, and a machine that is too busy for one health check would
/// get another task for each failed check.
fn crowding(stopping: usize, some_fail: bool) -> usize {
    if some_fail { stopping } else { 0 }
}

/// Tasks of earlier deployments stop as those of the new one become healthy.
fn plan_old_deployments(
    census: &Census,
    record: &ServiceRecord,
    desired: usize,
    good: &[&Task],
    old: &[&Task],
    plan: &mut Plan,
) {
    let healthy = good.iter().filter(|task| census.is_healthy(task)).count();
    let still_needed = desired.saturating_sub(healthy);
    // Those that serve least go first.
    let mut leaving: Vec<&&Task> = old.iter().collect();
    leaving.sort_by_key(|task| (census.is_healthy(task), task.sequence));
    for task in leaving.iter().take(old.len().saturating_sub(still_needed)) {
        plan.push(stop(task, scaling_reason(record)));
    }
}

/// Stops surplus tasks: first those that have made the least progress, then the newest.
fn surplus<'a>(good: &[&'a Task], desired: usize) -> Vec<&'a Task> {
    let mut tasks = good.to_vec();
    tasks.sort_by_key(|task| (task.running_since.is_some(), std::cmp::Reverse(task.sequence)));
    tasks.truncate(good.len().saturating_sub(desired));
    tasks
}

/// What the health checks mean for a task that its service wants.
enum Fitness {
    /// No check fails, or the task is not running yet.
    Fit,
    /// A check fails, but the grace period is not over.
    InGrace { until: Instant },
    /// The task must be replaced.
    Failing { reason: String },
}

/// Whether the task must be replaced: an essential container's check or the load balancer's fails, and the task runs
/// and its grace period is over.
fn fitness(census: &Census, service: &Service, task: &Task, now: Instant) -> Fitness {
    let Some(since) = task.running_since else { return Fitness::Fit };
    let reason = if task.health() == HealthStatus::Unhealthy {
        "Task failed container health checks".to_owned()
    } else {
        let Some(group) = failing_target_group(census, task) else { return Fitness::Fit };
        format!("Task failed ELB health checks in (target-group {})", neargate_model::arn::target_group(group))
    };
    let until = since.instant + service.health_check_grace_period;
    if now < until { Fitness::InGrace { until } } else { Fitness::Failing { reason } }
}

fn failing_target_group<'a>(census: &Census, task: &'a Task) -> Option<&'a TargetGroupName> {
    task.registered
        .iter()
        .find(|(group, target)| {
            census
                .target(group, *target)
                .is_some_and(|record| matches!(record.health.health(), TargetHealth::Unhealthy(_)))
        })
        .map(|(group, _)| group)
}

fn stop_all(tasks: &[&Task], record: &ServiceRecord, plan: &mut Plan) {
    for task in tasks {
        plan.push(stop(task, scaling_reason(record)));
    }
}

fn stop(task: &Task, reason: String) -> Change {
    Change::StopTask { task: task.spec.id.clone(), code: StopCode::ServiceSchedulerInitiated, reason }
}

fn scaling_reason(record: &ServiceRecord) -> String {
    format!("Scaling activity initiated by (deployment {})", record.primary.id)
}

/// Stopped tasks are kept for people to read, the last few of each service; an earlier deployment goes when its last
/// task has stopped, and so does a service that is gone.
fn plan_forgetting(tasks: &[&Task], name: &ServiceName, record: &ServiceRecord, plan: &mut Plan) {
    let stopped: Vec<&&Task> = tasks.iter().filter(|task| task.is_stopped()).collect();
    let surplus = stopped.len().saturating_sub(STOPPED_TASKS_KEPT);
    for task in stopped.iter().take(surplus) {
        plan.push(Change::ForgetTask(task.spec.id.clone()));
    }
    for deployment in &record.active {
        let is_of_it = |task: &&&Task| task.spec.deployment() == Some(&deployment.id);
        if tasks.iter().filter(is_of_it).all(|task| task.is_stopped()) {
            plan.push(Change::EndDeployment { service: name.clone(), deployment: deployment.id.clone() });
        }
    }
    if record.dropped && stopped.len() == tasks.len() {
        plan.push(Change::ForgetService(name.clone()));
    }
}
