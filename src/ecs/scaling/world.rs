//! Scaling as part of the known state.

use neargate_model::task::TaskStatus;
use neargate_model::{ServiceName, Topology};

use super::decision::{self, Points, Situation};
use super::record::{Activity, ScalingRecord};
use crate::moment::Now;
use crate::step::{Change, Plan};
use crate::world::{RolloutState, Task, World};

impl World {
    /// Another topology is wanted: scalable targets appear, change or are gone. Returns what registering them leads to.
    pub fn scalable_targets_wanted(&mut self, topology: &Topology) -> Vec<(ServiceName, Activity)> {
        self.scaling.retain(|service, _| topology.scalable_targets.contains_key(service));
        let mut activities = Vec::new();
        for (service, target) in &topology.scalable_targets {
            let capacities = Some((target.min_capacity, target.max_capacity));
            let record = self.scaling.get_or_insert_with(service.clone(), ScalingRecord::default);
            if std::mem::replace(&mut record.registered, capacities) == capacities {
                continue;
            }
            let desired = topology.services.get(service).map(|settings| settings.desired_count);
            let activity = desired.and_then(|desired| decision::into_bounds(target, desired));
            activities.extend(activity.map(|activity| (service.clone(), activity)));
        }
        activities
    }

    /// A minute has passed, in which this was measured for the policies of a service; those that are missing have no
    /// datapoint. Returns what is to be done about it.
    pub fn scaling_measured(
        &mut self,
        service: &ServiceName,
        points: &Points,
        topology: &Topology,
        now: Now,
    ) -> Option<Activity> {
        let target = topology.scalable_targets.get(service)?;
        let desired = topology.services.get(service)?.desired_count;
        let is_deploying = self.services.get(service)?.primary.rollout == RolloutState::InProgress;
        let tasks = self.tasks.values().filter(|task| task.spec.service() == Some(service));
        let running = count_running(tasks);
        let record = self.scaling.get_or_insert_with(service.clone(), ScalingRecord::default);
        record.measured(target, points);
        if self.shutting_down {
            return None;
        }
        let situation = Situation {
            cluster: &topology.cluster,
            service,
            target,
            running,
            desired,
            is_deploying,
            now: now.instant,
            time_scale: topology.time_scale,
        };
        situation.decide(record)
    }

    /// The desired count was set.
    pub fn scaling_begun(&mut self, service: &ServiceName, activity: Activity, now: Now) {
        let text = format!("{} Waiting for change to be fulfilled by ecs. Cause: {}", set(&activity), activity.cause);
        self.record_activity(service, text, now);
        if let Some(record) = self.scaling.get_mut(service) {
            record.last = Some(activity);
        }
    }

    /// As many tasks run as a scaling activity wants, or somebody wants another number since.
    pub(crate) fn scaling_fulfilled(&mut self, service: &ServiceName, topology: &Topology, now: Now) {
        let wanted = topology.services.get(service).map(|settings| settings.desired_count);
        let record = self.scaling.get_mut(service);
        let Some(last) = record.and_then(|record| record.last.as_mut()) else { return };
        last.fulfilled_at = Some(now.instant);
        // Nothing is said of an activity that was overridden.
        if wanted == Some(last.desired) {
            let text = format!("{} Change successfully fulfilled by ecs. Cause: {}", set(last), last.cause);
            self.record_activity(service, text, now);
        }
    }

    /// The console shows scaling activities among the events of their service.
    fn record_activity(&mut self, service: &ServiceName, text: String, now: Now) {
        if let Some(record) = self.services.get_mut(service) {
            record.record_message(now.timestamp, text);
        }
    }
}

fn set(activity: &Activity) -> String {
    format!("Message: Successfully set desired count to {}.", activity.desired)
}

/// Says when an activity has come to its end.
pub(crate) fn plan_fulfilment(world: &World, service: &ServiceName, desired: u32, tasks: &[&Task], plan: &mut Plan) {
    let Some(wanted) = world.scaling.get(service).and_then(ScalingRecord::waits_for) else { return };
    if wanted != desired || count_running(tasks.iter().copied()) == wanted {
        plan.push(Change::EndScalingActivity(service.clone()));
    }
}

fn count_running<'t>(tasks: impl Iterator<Item = &'t Task>) -> u32 {
    let running = tasks.filter(|task| task.status() == TaskStatus::Running).count();
    u32::try_from(running).unwrap_or(u32::MAX)
}
