//! What a service's events say (ECS developer guide, "Amazon ECS service event messages"). The guide writes `service (name)`;
//! the API answers `(service name)`.
//!
//! The scheduler reports what it did in one go as one event: "has started 2 tasks". So what happens is counted first
//! ([`Tally`]), and becomes events when the service is planned next.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use crate::service::rebalancing::{self, Moved};
use neargate_model::arn::Arn;
use neargate_model::{DeploymentId, ServiceName, TargetGroupName, TaskId, Zone};

/// A service that stays steady says so again after this time, as observed.
pub(crate) const STEADY_AGAIN: Duration = Duration::from_secs(6 * 3600);
/// After so many tasks in a row that never ran, the service says that it cannot start any. (The guide says
/// "consecutively failed"; the number is not published.)
pub(crate) const IMPAIRED_AFTER: u32 = 3;

pub(crate) const STEADY: &str = "has reached a steady state.";
pub(crate) const IMPAIRED: &str = "is unable to consistently start tasks successfully.";
/// A deployment whose bounds leave nothing to do.
pub(crate) const BLOCKED: &str = "was unable to stop or start tasks during a deployment because of the service \
                                  deployment configuration. Update the minimumHealthyPercent or maximumPercent value \
                                  and try again.";

/// A task could not be started.
pub(crate) fn not_placed(reason: &str) -> String {
    format!("was unable to place a task. Reason: {}.", reason.trim_end_matches('.'))
}

/// The deployment has come up.
pub(crate) fn completed(deployment: &DeploymentId) -> String {
    format!("(deployment {deployment}) deployment completed.")
}

/// The deployment has failed.
pub(crate) fn failed(deployment: &DeploymentId, why: &str) -> String {
    format!("(deployment {deployment}) deployment failed: {why}.")
}

/// The last completed deployment is PRIMARY again.
pub(crate) fn rolling_back(deployment: &DeploymentId) -> String {
    format!("rolling back to deployment {deployment}.")
}

/// The message of an event of a service.
pub(crate) fn message(service: &ServiceName, text: impl fmt::Display) -> String {
    format!("(service {service}) {text}")
}

/// What happened to a service's tasks since it was last reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    started: Vec<TaskId>,
    started_to_rebalance: Moved,
    stopped_to_rebalance: Moved,
    unhealthy_replaced: usize,
    registered: BTreeMap<TargetGroupName, usize>,
    stopped_running: Vec<TaskId>,
    stopped_pending: usize,
    deregistered: BTreeMap<TargetGroupName, usize>,
    /// By the deployment that they belong to, if it is not the PRIMARY one.
    draining: BTreeMap<Option<DeploymentId>, usize>,
}

impl Tally {
    /// Whether nothing happened.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A task was created, in place of an unhealthy one or not.
    pub(crate) fn started(&mut self, task: TaskId, replaces_unhealthy: bool) {
        self.started.push(task);
        self.unhealthy_replaced += usize::from(replaces_unhealthy);
    }

    /// A task was created so that its zone has more.
    pub(crate) fn started_in(&mut self, zone: Zone, task: TaskId) {
        self.started_to_rebalance.entry(zone).or_default().push(task);
    }

    /// A task was stopped so that its zone has fewer.
    pub(crate) fn stopped_in(&mut self, zone: Zone, task: TaskId) {
        self.stopped_to_rebalance.entry(zone).or_default().push(task);
    }

    /// The scheduler stopped a task that had reached RUNNING or not.
    pub(crate) fn stopped(&mut self, task: TaskId, ran: bool) {
        match ran {
            true => self.stopped_running.push(task),
            false => self.stopped_pending += 1,
        }
    }

    /// A port of a task became a target.
    pub(crate) fn registered(&mut self, group: TargetGroupName) {
        *self.registered.entry(group).or_default() += 1;
    }

    /// A port of a task is no target any more.
    pub(crate) fn deregistered(&mut self, group: TargetGroupName) {
        *self.deregistered.entry(group).or_default() += 1;
    }

    /// A task of an earlier deployment, or of the PRIMARY one, is taken out of its groups.
    pub(crate) fn draining(&mut self, earlier: Option<DeploymentId>) {
        *self.draining.entry(earlier).or_default() += 1;
    }

    /// The messages, in the order in which ECS is seen to write them. The number stands before "tasks" even if it is 1.
    pub(crate) fn messages(&self, service: &ServiceName) -> Vec<String> {
        let mut texts = Vec::new();
        if !self.started.is_empty() {
            let mut text = format!("has started {} tasks: {}.", self.started.len(), list(&self.started));
            if self.unhealthy_replaced > 0 {
                let replaced = self.unhealthy_replaced;
                let _ = write!(text, " Amazon ECS replaced {replaced} tasks due to an unhealthy status.");
            }
            texts.push(text);
        }
        let moved = |(zone, tasks): (_, &Vec<TaskId>), text: fn(&Zone, usize, &str) -> String| {
            text(zone, tasks.len(), &list(tasks))
        };
        texts.extend(self.started_to_rebalance.iter().map(|one| moved(one, rebalancing::started)));
        texts.extend(targets("registered", &self.registered));
        if !self.stopped_running.is_empty() {
            let (count, tasks) = (self.stopped_running.len(), list(&self.stopped_running));
            texts.push(format!("has stopped {count} running tasks: {tasks}."));
        }
        texts.extend(self.stopped_to_rebalance.iter().map(|one| moved(one, rebalancing::stopped)));
        if self.stopped_pending > 0 {
            texts.push(format!("stopped {} pending tasks.", self.stopped_pending));
        }
        texts.extend(targets("deregistered", &self.deregistered));
        let mut messages: Vec<String> = texts.into_iter().map(|text| message(service, text)).collect();
        messages.extend(self.draining.iter().map(|(deployment, count)| {
            let text = format!("has begun draining connections on {count} tasks.");
            match deployment {
                Some(id) => format!("(service {service}, taskSet {id}) {text}"),
                None => message(service, text),
            }
        }));
        messages
    }
}

fn list(tasks: &[TaskId]) -> String {
    let tasks: Vec<String> = tasks.iter().map(|task| format!("(task {task})")).collect();
    tasks.join(" ")
}

/// These end without a full stop.
fn targets(what: &str, groups: &BTreeMap<TargetGroupName, usize>) -> impl Iterator<Item = String> {
    groups
        .iter()
        .map(move |(group, count)| format!("{what} {count} targets in (target-group {})", Arn::target_group(group)))
}
