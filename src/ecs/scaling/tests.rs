//! Whatever is measured, scaling keeps to the capacities and to the direction of its alarms.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::decision::{Situation, into_bounds};
use super::record::ScalingRecord;
use neargate_model::ScalingPolicyName;
use neargate_model::scaling::{ScalableTarget, ScalingMetric, Suspended, TargetTracking};
use neargate_model::topology::TimeScale;

/// What happens in a minute.
#[derive(Clone, Debug)]
struct Minute {
    cpu: Option<f64>,
    memory: Option<f64>,
    is_deploying: bool,
    /// How many of the wanted tasks run.
    share: f64,
    is_fulfilled: bool,
}

fn minute() -> impl Strategy<Value = Minute> {
    let value = || prop_oneof![1 => Just(None), 6 => (0.0..300.0).prop_map(Some)];
    // The same for some time, or no alarm ever goes off.
    (value(), value(), prop::bool::weighted(0.1), 0.0..=1.5, any::<bool>()).prop_map(
        |(cpu, memory, is_deploying, share, is_fulfilled)| Minute { cpu, memory, is_deploying, share, is_fulfilled },
    )
}

fn target() -> impl Strategy<Value = ScalableTarget> {
    let policy = |metric: ScalingMetric| {
        (1.0..120.0, 0_u64..600, any::<bool>()).prop_map(move |(target_value, cooldown, disable_scale_in)| {
            let cooldown = Duration::from_secs(cooldown);
            let (scale_out_cooldown, scale_in_cooldown) = (cooldown, cooldown);
            TargetTracking {
                scale_out_cooldown,
                scale_in_cooldown,
                disable_scale_in,
                ..TargetTracking::new(metric.clone(), target_value)
            }
        })
    };
    let policies = (policy(ScalingMetric::Cpu), policy(ScalingMetric::Memory));
    (0_u32..5, 0_u32..20, policies, any::<bool>(), prop::bool::weighted(0.1)).prop_map(
        |(min_capacity, more, (cpu, memory), both, scale_in)| {
            let mut policies = BTreeMap::from([("cpu".into(), cpu)]);
            policies.extend(both.then(|| ("memory".into(), memory)));
            let suspended = Suspended { scale_in, scale_out: false };
            ScalableTarget { min_capacity, max_capacity: min_capacity + more, suspended, policies }
        },
    )
}

proptest! {
    #[test]
    fn the_capacities_hold_whatever_is_measured(
        target in target(),
        begins_with in 0_u32..25,
        minutes in prop::collection::vec((minute(), 1_usize..20), 1..8),
    ) {
        let begin = Instant::now();
        let mut record = ScalingRecord::default();
        let mut desired = into_bounds(&target, begins_with).map_or(begins_with, |activity| activity.desired);
        prop_assert!((target.min_capacity..=target.max_capacity).contains(&desired));
        let minutes = minutes.iter().flat_map(|(minute, times)| std::iter::repeat_n(minute, *times));
        for (number, minute) in minutes.enumerate() {
            let points: BTreeMap<ScalingPolicyName, f64> =
                [("cpu", minute.cpu), ("memory", minute.memory)]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.into(), value?)))
                    .collect();
            record.measured(&target, &points);
            let situation = Situation {
                cluster: &"c".into(),
                service: &"s".into(),
                target: &target,
                running: (f64::from(desired) * minute.share) as u32,
                desired,
                is_deploying: minute.is_deploying,
                now: begin + Duration::from_secs(60) * number as u32,
                time_scale: TimeScale::REAL,
            };
            let Some(mut activity) = situation.decide(&record) else { continue };
            let values = [("cpu", minute.cpu), ("memory", minute.memory)];
            let policies = values.iter().filter_map(|(name, value)| Some((target.policies.get(*name)?, (*value)?)));
            let above: Vec<&TargetTracking> =
                policies.filter(|(policy, value)| *value > policy.target_value).map(|(policy, _)| policy).collect();
            prop_assert!((target.min_capacity..=target.max_capacity).contains(&activity.desired));
            match activity.desired > desired {
                true => prop_assert!(!above.is_empty() || situation.running == 0 && desired == 0),
                false => {
                    prop_assert!(activity.desired < desired, "an activity changes something");
                    // One whose scale-in is disabled holds nobody back until its own alarm goes off.
                    let holds_back = above.iter().any(|policy| !policy.disable_scale_in);
                    prop_assert!(!holds_back, "nothing is removed while a metric is above its target");
                    prop_assert!(!minute.is_deploying && !target.suspended.scale_in);
                }
            }
            desired = activity.desired;
            activity.fulfilled_at = minute.is_fulfilled.then_some(situation.now);
            record.last = Some(activity);
        }
    }
}
