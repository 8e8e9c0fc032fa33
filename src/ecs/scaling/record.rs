//! What Application Auto Scaling remembers of a service.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use neargate_model::ScalingPolicyName;
use neargate_model::scaling::ScalableTarget;
use neargate_model::topology::TimeScale;

use super::alarms::History;

/// Of one scalable target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScalingRecord {
    /// The capacities as they were registered last.
    pub(super) registered: Option<(u32, u32)>,
    /// The datapoints of each policy.
    histories: BTreeMap<ScalingPolicyName, History>,
    /// The last scaling activity.
    pub(super) last: Option<Activity>,
}

/// A scaling activity: somebody's reason to change the desired count, and what came of it (Application Auto Scaling API,
/// ScalingActivity).
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// What the desired count is set to.
    pub desired: u32,
    /// `Cause`
    pub cause: String,
    pub(super) direction: Direction,
    /// How long it holds others back once it is fulfilled.
    pub(super) cooldown: Duration,
    /// When as many tasks ran.
    pub(super) fulfilled_at: Option<Instant>,
}

/// Where an activity leads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Direction {
    /// More tasks: so many in addition to those that ran.
    Out { ran: u32, added: u32 },
    /// Fewer tasks.
    In,
    /// To a capacity that was registered. No policy waits for it.
    IntoBounds,
}

impl ScalingRecord {
    /// The datapoints of a policy.
    pub fn history(&self, policy: &ScalingPolicyName) -> Option<&History> {
        self.histories.get(policy)
    }

    /// A minute has passed. A policy that is gone is forgotten.
    pub(super) fn measured(&mut self, target: &ScalableTarget, points: &BTreeMap<ScalingPolicyName, f64>) {
        self.histories.retain(|name, _| target.policies.contains_key(name));
        for name in target.policies.keys() {
            self.histories.entry(name.clone()).or_default().push(points.get(name).copied());
        }
    }

    /// The number of tasks that an activity wants and that does not run so far.
    pub(crate) fn waits_for(&self) -> Option<u32> {
        self.last.as_ref().filter(|last| last.fulfilled_at.is_none()).map(|last| last.desired)
    }

    /// The last activity, if it still holds others back.
    pub(super) fn holding_back(&self, now: Instant, time_scale: TimeScale) -> Option<&Activity> {
        self.last.as_ref().filter(|last| {
            let until = last.fulfilled_at.map(|at| at + time_scale.apply(last.cooldown));
            until.is_none_or(|until| now < until)
        })
    }
}
