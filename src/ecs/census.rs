//! An index of the known state for one plan: tasks by service, and records by target. With it, the cost of a plan grows
//! with the number of objects, not with the product of services and tasks, or of tasks and targets.

use std::collections::{BTreeMap, HashMap};

use crate::world::{TargetRecord, Task, World};
use neargate_model::target_health::{Target, TargetHealth};
use neargate_model::task::HealthStatus;
use neargate_model::{ServiceName, TargetGroupName};

/// A world with the index that a plan needs.
pub(crate) struct Census<'w> {
    /// The world.
    pub(crate) world: &'w World,
    /// Living and stopped tasks, in the order of their creation.
    tasks: BTreeMap<&'w ServiceName, Vec<&'w Task>>,
    /// Those without a service.
    standalone: Vec<&'w Task>,
    /// Targets that are not draining.
    targets: HashMap<(&'w TargetGroupName, Target), &'w TargetRecord>,
}

impl<'w> Census<'w> {
    /// Builds the index.
    pub(crate) fn new(world: &'w World) -> Self {
        let mut tasks: BTreeMap<&ServiceName, Vec<&Task>> = BTreeMap::new();
        let mut standalone = Vec::new();
        for task in world.tasks.values() {
            match task.spec.service() {
                Some(service) => tasks.entry(service).or_default().push(task),
                None => standalone.push(task),
            }
        }
        for tasks in tasks.values_mut().chain([&mut standalone]) {
            tasks.sort_by_key(|task| task.sequence);
        }
        let mut targets = HashMap::with_capacity(world.targets.values().map(Vec::len).sum());
        for (group, records) in world.targets.iter() {
            for record in records.iter().filter(|record| record.draining_until.is_none()) {
                targets.entry((group, record.target)).or_insert(&**record);
            }
        }
        Self { world, tasks, standalone, targets }
    }

    /// The tasks of a service, oldest first.
    pub(crate) fn tasks(&self, service: &ServiceName) -> &[&'w Task] {
        self.tasks.get(service).map_or(&[], Vec::as_slice)
    }

    /// The tasks without a service, oldest first.
    pub(crate) fn standalone(&self) -> &[&'w Task] {
        &self.standalone
    }

    /// The record of a registered target that is not draining.
    pub(crate) fn target(&self, group: &TargetGroupName, target: Target) -> Option<&'w TargetRecord> {
        self.targets.get(&(group, target)).copied()
    }

    /// Whether the task counts for the service's minimum: it runs, its checks pass, and its targets are healthy
    /// (ECS API, DeploymentConfiguration.minimumHealthyPercent).
    pub(crate) fn is_healthy(&self, task: &Task) -> bool {
        task.running_since.is_some()
            && task.is_wanted()
            && task.health() != HealthStatus::Unhealthy
            && task.containers_with_checks_pass()
            && task.registered.iter().all(|(group, target)| {
                // A group that no rule forwards to never probes; it cannot hold a task back.
                self.target(group, *target).is_some_and(|record| {
                    matches!(record.health.health(), TargetHealth::Healthy | TargetHealth::Unused)
                })
            })
    }
}
