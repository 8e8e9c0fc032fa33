//! How a service is scaled, for people and programs.

use serde::{Deserialize, Serialize};

use super::words::Word;
use crate::ecs::scaling::alarms::{Alarm, History};
use crate::ecs::world::World;
use crate::model::alarm::AlarmState;
use crate::model::scaling::{PredefinedMetric, ScalingMetric};
use crate::model::{ServiceName, Topology};

/// A scalable target, as DescribeScalableTargets and DescribeScalingPolicies describe it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalingView {
    /// `MinCapacity`
    pub min_capacity: u32,
    /// `MaxCapacity`
    pub max_capacity: u32,
    /// Its policies.
    pub policies: Vec<ScalingPolicyView>,
}

/// A target tracking policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalingPolicyView {
    /// `PolicyName`
    pub policy_name: String,
    /// `PredefinedMetricType`
    pub metric: Word<PredefinedMetric>,
    /// The target group of `ALBRequestCountPerTarget`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target_group: Option<String>,
    /// `TargetValue`
    pub target_value: f64,
    /// What was measured in the last minute.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    /// The state of the alarm that adds tasks.
    pub alarm_high: Word<AlarmState>,
    /// The state of the alarm that removes tasks.
    pub alarm_low: Word<AlarmState>,
}

impl ScalingView {
    /// That of a service, if it is scaled.
    pub(super) fn new(topology: &Topology, world: &World, service: &ServiceName) -> Option<Self> {
        let target = topology.scalable_targets.get(service)?;
        let policies = target.policies.iter().map(|(name, policy)| {
            let none = History::default();
            let history = world.scaling.get(service).and_then(|record| record.history(name)).unwrap_or(&none);
            ScalingPolicyView {
                policy_name: name.to_string(),
                metric: policy.metric.predefined().into(),
                target_group: match &policy.metric {
                    ScalingMetric::RequestCountPerTarget(group) => Some(group.to_string()),
                    ScalingMetric::Cpu | ScalingMetric::Memory => None,
                },
                target_value: policy.target_value,
                value: history.last(),
                alarm_high: history.state(Alarm::High, policy.target_value).into(),
                alarm_low: history.state(Alarm::Low, policy.target_value).into(),
            }
        });
        let (min_capacity, max_capacity) = (target.min_capacity, target.max_capacity);
        Some(Self { min_capacity, max_capacity, policies: policies.collect() })
    }
}
