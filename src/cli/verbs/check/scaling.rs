//! How services are scaled: a line each for the tree, and the JSON.

use serde::Serialize;

use crate::model::scaling::{ScalableTarget, ScalingMetric, TargetTracking};

/// As DescribeScalableTargets and DescribeScalingPolicies describe it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScalingView<'a> {
    min_capacity: u32,
    max_capacity: u32,
    policies: Vec<PolicyView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyView<'a> {
    policy_name: &'a str,
    predefined_metric_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_group: Option<&'a str>,
    target_value: f64,
    scale_out_cooldown: u64,
    scale_in_cooldown: u64,
    disable_scale_in: bool,
}

impl<'a> From<&'a ScalableTarget> for ScalingView<'a> {
    fn from(target: &'a ScalableTarget) -> Self {
        let policies = target.policies.iter().map(|(name, policy)| PolicyView {
            policy_name: name.as_str(),
            predefined_metric_type: policy.metric.predefined().into(),
            target_group: group(&policy.metric),
            target_value: policy.target_value,
            scale_out_cooldown: policy.scale_out_cooldown.as_secs(),
            scale_in_cooldown: policy.scale_in_cooldown.as_secs(),
            disable_scale_in: policy.disable_scale_in,
        });
        Self { min_capacity: target.min_capacity, max_capacity: target.max_capacity, policies: policies.collect() }
    }
}

fn group(metric: &ScalingMetric) -> Option<&str> {
    match metric {
        ScalingMetric::RequestCountPerTarget(group) => Some(group.as_str()),
        ScalingMetric::Cpu | ScalingMetric::Memory => None,
    }
}

/// `scaled between 2 and 6 tasks`, and a line for each policy.
pub(super) fn lines(target: &ScalableTarget) -> (String, Vec<String>) {
    let range = format!("scaled between {} and {} tasks", target.min_capacity, target.max_capacity);
    let policies = target.policies.iter().map(|(name, policy)| format!("{name}  {}", sentence(policy)));
    (range, policies.collect())
}

fn sentence(policy: &TargetTracking) -> String {
    let goal = match &policy.metric {
        ScalingMetric::Cpu => format!("CPU at {} %", policy.target_value),
        ScalingMetric::Memory => format!("memory at {} %", policy.target_value),
        ScalingMetric::RequestCountPerTarget(group) => {
            format!("{} requests per minute for each target of {group}", policy.target_value)
        }
    };
    if policy.disable_scale_in { format!("{goal}; removes no tasks") } else { goal }
}
