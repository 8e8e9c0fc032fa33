//! What the alarms of a service's policies lead to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use neargate_model::alarm::AlarmState;
use neargate_model::scaling::{ScalableTarget, TargetTracking};
use neargate_model::topology::TimeScale;
use neargate_model::{ClusterName, ScalingPolicyName, ServiceName};

use super::alarms::{Alarm, History};
use super::record::{Activity, Direction, ScalingRecord};

/// What a decision is made from, beside what was measured.
pub(super) struct Situation<'a> {
    pub(super) cluster: &'a ClusterName,
    pub(super) service: &'a ServiceName,
    pub(super) target: &'a ScalableTarget,
    /// Tasks that run: "the actual running task count in a service is the value that Service Auto Scaling uses as its
    /// starting point, as opposed to the desired count".
    pub(super) running: u32,
    pub(super) desired: u32,
    /// Whether a deployment is in progress.
    pub(super) is_deploying: bool,
    pub(super) now: Instant,
    pub(super) time_scale: TimeScale,
}

/// The capacity that a policy wants.
struct Wish<'a> {
    capacity: u32,
    name: &'a ScalingPolicyName,
    policy: &'a TargetTracking,
}

impl Situation<'_> {
    /// The activity that begins now, if any. While its alarm stays in ALARM, a policy is asked once a minute.
    pub(super) fn decide(&self, record: &ScalingRecord) -> Option<Activity> {
        let out = self.wishes(record, |policy, history| {
            let is_raised = history.state(Alarm::High, policy.target_value) == AlarmState::Alarm;
            // "When actual capacity is 0 and the metric indicates that there is workload demand, Service Auto Scaling waits
            // for one data point to be sent before scaling out."
            is_raised || self.is_idle() && history.last().is_some_and(|value| value > 0.0)
        });
        if !out.is_empty() {
            // "If multiple policies instruct the scalable target to scale out or in at the same time, Application Auto
            // Scaling scales based on the policy that provides the largest capacity for both".
            return largest(out).and_then(|wish| self.scale_out(record, &wish));
        }
        let with_scale_in = self.target.policies.values().filter(|policy| !policy.disable_scale_in).count();
        let wishes = self.wishes(record, |policy, history| {
            !policy.disable_scale_in && history.state(Alarm::Low, policy.target_value) == AlarmState::Alarm
        });
        // "It will scale in only if all of the target tracking policies (with the scale-in portion enabled) are ready".
        if wishes.len() < with_scale_in {
            return None;
        }
        largest(wishes).and_then(|wish| self.scale_in(record, &wish))
    }

    /// The capacity that each policy wants whose alarm says that something is to be done.
    fn wishes(&self, record: &ScalingRecord, is_raised: impl Fn(&TargetTracking, &History) -> bool) -> Vec<Wish<'_>> {
        let policies = self.target.policies.iter();
        policies
            .filter_map(|(name, policy)| {
                let history = record.history(name).filter(|history| is_raised(policy, history))?;
                Some(Wish { capacity: self.proportional(history.last()?, policy.target_value), name, policy })
            })
            .collect()
    }

    /// The number of tasks with which the metric would be at its target. "Application Auto Scaling always acts
    /// conservatively by rounding up or down when it determines how much capacity to add or remove".
    fn proportional(&self, value: f64, target_value: f64) -> u32 {
        if self.is_idle() {
            // "It scales out by the minimum possible amount as a starting point".
            return 1;
        }
        (f64::from(self.running) * value / target_value).ceil() as u32
    }

    fn is_idle(&self) -> bool {
        self.running == 0 && self.desired == 0
    }

    fn scale_out(&self, record: &ScalingRecord, wish: &Wish<'_>) -> Option<Activity> {
        // A "scale-out activity does not adjust the desired count, because it is already above the maximum capacity value".
        if self.target.suspended.scale_out || self.desired >= self.target.max_capacity {
            return None;
        }
        let added = wish.capacity.saturating_sub(self.running);
        let (ran, added) = match record.holding_back(self.now, self.time_scale).map(|last| last.direction) {
            // "The scaling policy won't increase the desired capacity again unless either a larger scale out is triggered
            // or the cooldown period ends." The capacity that was added then "is calculated as part of" this one.
            Some(Direction::Out { added: before, .. }) if added <= before => return None,
            Some(Direction::Out { ran, .. }) => (ran, added),
            // "If another alarm initiates a scale-out activity during the scale-in cooldown period, Service Auto Scaling
            // scales out the target immediately."
            Some(Direction::In | Direction::IntoBounds) | None => (self.running, added),
        };
        // "Service Auto Scaling scales the desired count up to the minimum capacity value and then continues to scale out".
        let desired = (ran + added).clamp(self.target.min_capacity, self.target.max_capacity);
        let direction = Direction::Out { ran, added };
        (desired > self.desired)
            .then(|| self.activity(desired, direction, wish.policy.scale_out_cooldown, (Alarm::High, wish.name)))
    }

    fn scale_in(&self, record: &ScalingRecord, wish: &Wish<'_>) -> Option<Activity> {
        // "Application Auto Scaling turns off scale-in processes while Amazon ECS deployments are in progress."
        if self.target.suspended.scale_in || self.is_deploying || self.desired <= self.target.min_capacity {
            return None;
        }
        // "Scale-in activities are blocked until the cooldown period has expired."
        let last = record.holding_back(self.now, self.time_scale);
        if last.is_some_and(|last| last.direction == Direction::In) {
            return None;
        }
        let desired = wish.capacity.clamp(self.target.min_capacity, self.target.max_capacity);
        (desired < self.desired)
            .then(|| self.activity(desired, Direction::In, wish.policy.scale_in_cooldown, (Alarm::Low, wish.name)))
    }

    fn activity(
        &self,
        desired: u32,
        direction: Direction,
        cooldown: Duration,
        (alarm, policy): (Alarm, &ScalingPolicyName),
    ) -> Activity {
        let alarm = alarm.name(self.cluster, self.service, policy);
        let cause = format!("monitor alarm {alarm} in state ALARM triggered policy {policy}");
        Activity { desired, cause, direction, cooldown, fulfilled_at: None }
    }
}

fn largest(wishes: Vec<Wish<'_>>) -> Option<Wish<'_>> {
    wishes.into_iter().max_by_key(|wish| wish.capacity)
}

/// What registering a scalable target leads to: a service that is outside of its capacities is brought into them.
pub(super) fn into_bounds(target: &ScalableTarget, desired: u32) -> Option<Activity> {
    let (bound, which) = match desired {
        _ if desired < target.min_capacity => (target.min_capacity, "minimum"),
        _ if desired > target.max_capacity => (target.max_capacity, "maximum"),
        _ => return None,
    };
    let cause = format!("{which} capacity was set to {bound}");
    let direction = Direction::IntoBounds;
    Some(Activity { desired: bound, cause, direction, cooldown: Duration::ZERO, fulfilled_at: None })
}

/// The points of policies by name.
pub(super) type Points = BTreeMap<ScalingPolicyName, f64>;
