//! The tasks of a service by what becomes of them: which stay, which are replaced, which go first, how many may start.
//!
//! Sources: ECS developer guide, "Service scheduler"; ECS API, DeploymentConfiguration.

use std::cmp::Reverse;
use std::time::Instant;

use crate::census::Census;
use crate::service::bounds::Bounds;
use crate::service::standing::Standing;
use crate::step::Plan;
use crate::world::{Deployment, RolloutState, Task, World};
use neargate_model::Topology;
use neargate_model::service::Service;
use neargate_model::topology::TimeScale;

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
    /// What is wanted.
    pub(crate) topology: &'a Topology,
}

/// The tasks of a service, by what becomes of them.
pub(crate) struct Tasks<'a> {
    now: Instant,
    pub(crate) bounds: Bounds,
    pub(crate) desired: usize,
    /// How many more it may have while it is being rebalanced.
    pub(crate) extra: usize,
    /// Of the deployment that is looked at, those that no check fails.
    pub(crate) good: Vec<(&'a Task, Standing)>,
    /// The others of it.
    pub(crate) failing: Vec<(&'a Task, Standing)>,
    /// Of others.
    pub(crate) old: Vec<(&'a Task, Standing)>,
    /// The number of tasks that are being stopped.
    pub(crate) leaving: usize,
}

impl<'a> Tasks<'a> {
    /// What becomes of these tasks while `deployment` is to have so many.
    pub(crate) fn new(
        situation: &Situation<'_>,
        deployment: &Deployment,
        desired: usize,
        all: &[&'a Task],
        plan: &mut Plan,
    ) -> Self {
        let wanted: &Service = &deployment.service;
        let mut bounds = Bounds::new(desired, &wanted.deployment_configuration);
        if deployment.rollout == RolloutState::Failed {
            // Nothing takes the place of a task that goes.
            bounds.minimum = desired;
        }
        let (mut good, mut failing, mut old) = (Vec::new(), Vec::new(), Vec::new());
        for task in all.iter().filter(|task| task.is_wanted()) {
            let standing = Standing::new(situation.census, wanted, task, situation.now, situation.time_scale);
            if let Some(at) = standing.changes_at() {
                plan.wake_by(at);
            }
            // Whichever of them is protected no longer may be the one to go.
            if let Some(protection) = task.protection(situation.now) {
                plan.wake_by(protection.until());
            }
            let kind = match &standing {
                _ if task.spec.deployment() != Some(&deployment.id) => &mut old,
                Standing::Failing { .. } => &mut failing,
                _ => &mut good,
            };
            kind.push((*task, standing));
        }
        let leaving = all.iter().filter(|task| !task.is_wanted() && !task.is_stopped()).count();
        Self { now: situation.now, bounds, desired, extra: 0, good, failing, old, leaving }
    }

    pub(crate) fn is_protected(&self, task: &Task) -> bool {
        task.protection(self.now).is_some()
    }

    pub(crate) fn current(&self) -> impl Iterator<Item = &(&'a Task, Standing)> {
        self.good.iter().chain(&self.failing)
    }

    pub(crate) fn good(&self) -> impl Iterator<Item = &'a Task> {
        self.good.iter().map(|(task, _)| *task)
    }

    /// How many run or are about to.
    fn count(&self) -> usize {
        self.good.len() + self.failing.len() + self.old.len()
    }

    fn is_settled(&self) -> bool {
        self.old.is_empty() && self.failing.is_empty() && self.leaving == 0 && healthy(&self.good) == self.good.len()
    }

    pub(crate) fn are_as_desired(&self) -> bool {
        self.is_settled() && self.good.len() == self.desired
    }

    /// Failing tasks go once a replacement runs, so that a service never has less than it had.
    pub(crate) fn replaced(&self) -> &[(&'a Task, Standing)] {
        let replacements = self.good().filter(|task| task.running_since.is_some()).count();
        let replaced = (replacements + self.failing.len()).saturating_sub(self.desired);
        &self.failing[..replaced.min(self.failing.len())]
    }

    /// Where the maximum leaves no room for a replacement, a failing task goes before it: the scheduler "stops the
    /// unhealthy tasks one-by-one" (ECS API, DeploymentConfiguration).
    pub(crate) fn in_the_way(&self) -> Option<&(&'a Task, Standing)> {
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
    pub(crate) fn old_to_stop(&self) -> Vec<&'a Task> {
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

    /// More than desired: first those that are not protected, those that have made the least progress, then those of the
    /// zone with the most tasks (ECS developer guide, "Amazon ECS service scheduler concepts"), then the newest.
    pub(crate) fn surplus(&self) -> Vec<&'a Task> {
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
        let chosen: Vec<_> = (0..surplus).filter_map(|_| Some(tasks.swap_remove(next(&tasks)?))).collect();
        // One that stays because it is protected need not be healthy.
        let mut dispensable = healthy(&self.good).saturating_sub(self.bounds.minimum);
        let mut going = Vec::new();
        for (task, standing) in chosen {
            let serves = *standing == Standing::Healthy;
            if !serves || dispensable > 0 {
                dispensable -= usize::from(serves);
                going.push(*task);
            }
        }
        going
    }

    /// The number of tasks that may be started: up to the desired count, and with all others up to the maximum.
    ///
    /// Tasks that are still stopping count when unhealthy tasks are replaced. On Fargate each task has its own machine;
    /// here they share this one with their replacements, and a machine that is too busy for one health check would get
    /// another task for each failed check.
    pub(crate) fn room(&self) -> usize {
        let crowding = if self.failing.is_empty() { 0 } else { self.leaving };
        let room = self.bounds.maximum.saturating_sub(self.count() + crowding);
        (self.desired + self.extra).saturating_sub(self.good.len()).min(room)
    }

    /// Whether the deployment cannot go on, because of the minimum and the maximum alone.
    pub(crate) fn block_each_other(&self) -> bool {
        self.is_full()
            && self.failing.is_empty()
            && self.good.iter().chain(&self.old).all(|(_, standing)| *standing == Standing::Healthy)
            && !self.old.iter().any(|(task, _)| self.is_protected(task))
    }
}

/// How many of them are healthy.
pub(crate) fn healthy(tasks: &[(&Task, Standing)]) -> usize {
    tasks.iter().filter(|(_, standing)| *standing == Standing::Healthy).count()
}
