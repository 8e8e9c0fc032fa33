//! The service scheduler: how many tasks to run, which to replace, and when.
//!
//! Sources: ECS developer guide, "Service scheduler" and "Service throttle logic"; ECS API,
//! DeploymentConfiguration. A deployment starts tasks up to the maximum and stops those of earlier deployments down to
//! the minimum ([`Bounds`]).

use std::cmp::Reverse;
use std::time::Instant;

use crate::census::{Census, Unit};
use crate::images::renewal;
use crate::scaling::world::plan_fulfilment;
use crate::service::bounds::Bounds;
use crate::service::circuit_breaker;
use crate::service::events::STEADY_AGAIN;
use crate::service::protection::HeldBack;
use crate::service::rebalancing::{self, Spread, Stage};
use crate::service::standing::Standing;
use crate::step::{Change, Plan};
use crate::world::{Failure, RolloutState, STOPPED_TASKS_KEPT, ServiceRecord, Task, World};
use neargate_model::alarm::AlarmState;
use neargate_model::service::Service;
use neargate_model::task::StopCode;
use neargate_model::topology::TimeScale;
use neargate_model::{AlarmName, ServiceName};

/// What a plan is made from.
pub(crate) struct Situation<'a> {
    /// What is known.
    pub(crate) world: &'a World,
    /// The same, filed.
    pub(crate) census: &'a Census,
    /// Now.
    pub(crate) now: Instant,
    /// How fast the scheduler's clocks run.
    pub(crate) time_scale: TimeScale,
}

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
    let tasks = Tasks::new(situation, record, wanted, &all, plan);
    if tasks.current().any(|(task, _)| renewal::is_outdated(world, task, &record.rejected_images)) {
        plan.push(Change::Redeploy(name.clone()));
        return;
    }
    let mut tasks = tasks;
    match plan_rebalancing(world, name, record, &tasks, plan) {
        Some(extra) => tasks.extra = extra,
        None => return,
    }
    let is_failed = record.primary.rollout == RolloutState::Failed;
    if record.primary.rollout == RolloutState::InProgress
        && (plan_alarms(world, name, record, plan) || plan_circuit_breaker(name, record, &tasks, plan))
    {
        return;
    }

    let stops = plan_stops(situation, name, record, &tasks, is_failed, plan);
    // A deployment that has failed starts no more tasks.
    let room = if is_failed { 0 } else { tasks.room() };
    let mut placement = world.nodes.placement(tasks.good().filter_map(|task| task.spec.node.as_ref()));
    for number in 0..room {
        // Created while no node is known to take it, a task would only fail; the return of one is an observation, after
        // which this looks again.
        let Some(node) = placement.next() else { break };
        match record.next_start_at {
            Some(at) if now < at => plan.wake_by(at),
            _ => plan.push(Change::CreateTask {
                service: name.clone(),
                replaces_unhealthy: number < tasks.failing.len() + record.to_replace as usize,
                node,
            }),
        }
    }

    if !record.steady && record.rebalancing.is_none() && tasks.are_as_desired() {
        plan_steady(situation, name, record, plan);
    }
    if let Some(at) = record.steady_at.filter(|_| record.steady) {
        let again = at + situation.time_scale.apply(STEADY_AGAIN);
        plan.push_after(Some(again).filter(|again| now < *again), Change::MarkSteady(name.clone()));
    }
    if !record.blocked && room == 0 && stops == 0 && tasks.block_each_other(record) {
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

/// Stops the tasks that are to go now; returns their number.
fn plan_stops(
    situation: &Situation<'_>,
    name: &ServiceName,
    record: &ServiceRecord,
    tasks: &Tasks<'_>,
    is_failed: bool,
    plan: &mut Plan,
) -> usize {
    let to_go = tasks.old_to_stop().into_iter().chain(tasks.surplus());
    let (protected, to_go): (Vec<&Task>, Vec<&Task>) = to_go.partition(|task| tasks.is_protected(task));
    plan_held_back(name, record, &protected, situation.now, plan);
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
        let is_old = task.spec.deployment() != Some(&record.primary.id);
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
    if tasks != record.held_back {
        plan.push(Change::ReportHeldBack { service: name.clone(), tasks });
    }
}

/// The tasks of a service, by what becomes of them.
struct Tasks<'a> {
    now: Instant,
    bounds: Bounds,
    desired: usize,
    /// How many more it may have while it is being rebalanced.
    extra: usize,
    /// Of the PRIMARY deployment, those that no check fails.
    good: Vec<(&'a Task, Standing)>,
    /// The others of it.
    failing: Vec<(&'a Task, Standing)>,
    /// Of earlier deployments.
    old: Vec<(&'a Task, Standing)>,
    /// The number of tasks that are being stopped.
    leaving: usize,
}

impl<'a> Tasks<'a> {
    fn new(
        situation: &Situation<'_>,
        record: &ServiceRecord,
        wanted: &Service,
        all: &[&'a Task],
        plan: &mut Plan,
    ) -> Self {
        let desired = wanted.desired_count as usize;
        let mut bounds = Bounds::new(desired, &wanted.deployment_configuration);
        if record.primary.rollout == RolloutState::Failed {
            // Nothing takes the place of a task that goes.
            bounds.minimum = desired;
        }
        let (mut good, mut failing, mut old) = (Vec::new(), Vec::new(), Vec::new());
        for task in all.iter().filter(|task| task.is_wanted()) {
            let standing = Standing::new(situation.census, wanted, task, situation.now, situation.time_scale);
            if let Some(at) = standing.changes_at() {
                plan.wake_by(at);
            }
            let kind = match &standing {
                _ if task.spec.deployment() != Some(&record.primary.id) => &mut old,
                Standing::Failing { .. } => &mut failing,
                _ => &mut good,
            };
            kind.push((*task, standing));
        }
        let leaving = all.iter().filter(|task| !task.is_wanted() && !task.is_stopped()).count();
        Self { now: situation.now, bounds, desired, extra: 0, good, failing, old, leaving }
    }

    fn is_protected(&self, task: &Task) -> bool {
        task.protection(self.now).is_some()
    }

    fn current(&self) -> impl Iterator<Item = &(&'a Task, Standing)> {
        self.good.iter().chain(&self.failing)
    }

    fn good(&self) -> impl Iterator<Item = &'a Task> {
        self.good.iter().map(|(task, _)| *task)
    }

    /// How many run or are about to.
    fn count(&self) -> usize {
        self.good.len() + self.failing.len() + self.old.len()
    }

    fn is_settled(&self) -> bool {
        self.old.is_empty() && self.failing.is_empty() && self.leaving == 0 && healthy(&self.good) == self.good.len()
    }

    fn are_as_desired(&self) -> bool {
        self.is_settled() && self.good.len() == self.desired
    }

    /// Failing tasks go once a replacement runs, so that a service never has less than it had.
    fn replaced(&self) -> &[(&'a Task, Standing)] {
        let replacements = self.good().filter(|task| task.running_since.is_some()).count();
        let replaced = (replacements + self.failing.len()).saturating_sub(self.desired);
        &self.failing[..replaced.min(self.failing.len())]
    }

    /// Where the maximum leaves no room for a replacement, a failing task goes before it: the scheduler "stops the
    /// unhealthy tasks one-by-one" (ECS API, DeploymentConfiguration).
    fn in_the_way(&self) -> Option<&(&'a Task, Standing)> {
        let old = self.old.iter().filter(|(_, standing)| matches!(standing, Standing::Failing { .. }));
        let is_next = self.is_full() && healthy(&self.good) == self.good.len();
        old.chain(&self.failing).next().filter(|_| is_next)
    }

    /// Tasks are missing and none may start, though none is about to go.
    fn is_full(&self) -> bool {
        self.leaving == 0 && self.good.len() < self.desired && self.count() >= self.bounds.maximum
    }

    /// Tasks of earlier deployments stop as those of the new one become healthy: those that serve least go first. Protected
    /// ones come last, and stay.
    fn old_to_stop(&self) -> Vec<&'a Task> {
        let still_needed = self.bounds.minimum.saturating_sub(healthy(&self.good));
        let mut old: Vec<_> = self.old.iter().collect();
        old.sort_by_key(|(task, standing)| (self.is_protected(task), *standing == Standing::Healthy, task.sequence));
        old.truncate(self.old.len().saturating_sub(still_needed));
        // One that stays because it is protected need not be healthy.
        let mut dispensable = healthy(&self.old).saturating_sub(still_needed);
        old.retain(|(task, standing)| {
            let serves = *standing == Standing::Healthy && !self.is_protected(task);
            let goes = !serves || dispensable > 0;
            dispensable -= usize::from(serves && goes);
            goes
        });
        old.into_iter().map(|(task, _)| *task).collect()
    }

    /// More than desired: first those that are not protected, those that have made the least progress, then those of the zone with the most tasks (ECS
    /// developer guide, "Amazon ECS service scheduler concepts"), then the newest.
    fn surplus(&self) -> Vec<&'a Task> {
        let mut tasks: Vec<_> = self.good.iter().collect();
        let surplus = self.good.len().saturating_sub(self.desired + self.extra);
        let next = |tasks: &[&(&'a Task, Standing)]| {
            let in_zone = |zone| tasks.iter().filter(|(task, _)| task.zone() == zone).count();
            let rank = |index: &usize| {
                let (task, standing) = tasks[*index];
                let progress = (*standing == Standing::Healthy, task.running_since.is_some());
                (self.is_protected(task), progress, Reverse(in_zone(task.zone())), Reverse(task.sequence))
            };
            (0..tasks.len()).min_by_key(rank)
        };
        (0..surplus).filter_map(|_| Some(tasks.swap_remove(next(&tasks)?).0)).collect()
    }

    /// The number of tasks that may be started: up to the desired count, and with all others up to the maximum.
    ///
    /// Tasks that are still stopping count when unhealthy tasks are replaced. On Fargate each task has its own machine;
    /// here they share this one with their replacements, and a machine that is too busy for one health check would get
    /// another task for each failed check.
    fn room(&self) -> usize {
        let crowding = if self.failing.is_empty() { 0 } else { self.leaving };
        let room = self.bounds.maximum.saturating_sub(self.count() + crowding);
        (self.desired + self.extra).saturating_sub(self.good.len()).min(room)
    }

    /// Whether the deployment cannot go on, because of the minimum and the maximum alone.
    fn block_each_other(&self, record: &ServiceRecord) -> bool {
        record.primary.rollout == RolloutState::InProgress
            && self.is_full()
            && self.failing.is_empty()
            && self.good.iter().chain(&self.old).all(|(_, standing)| *standing == Standing::Healthy)
            && !self.old.iter().any(|(task, _)| self.is_protected(task))
    }
}

fn healthy(tasks: &[(&Task, Standing)]) -> usize {
    tasks.iter().filter(|(_, standing)| *standing == Standing::Healthy).count()
}

fn stop_failing(task: &Task, standing: &Standing, is_replaced: bool) -> Option<Change> {
    let Standing::Failing { reason } = standing else { return None };
    Some(Change::StopUnhealthyTask { task: task.spec.id.clone(), reason: reason.clone(), is_replaced })
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
