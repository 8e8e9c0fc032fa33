//! What Application Auto Scaling takes.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use neargate_model::scaling::{PredefinedMetric, ScalableTarget, ScalingMetric};
use neargate_model::service::LoadBalancerBinding;
use neargate_model::{ScalingPolicyName, TargetGroupName};

use super::violation::Violation;

/// Whether a label may stand beside a type, and must.
pub fn resource_label(
    policy: &ScalingPolicyName,
    kind: PredefinedMetric,
    label: Option<&TargetGroupName>,
) -> Result<ScalingMetric, Violation> {
    match (kind, label) {
        (PredefinedMetric::Cpu, None) => Ok(ScalingMetric::Cpu),
        (PredefinedMetric::Memory, None) => Ok(ScalingMetric::Memory),
        (PredefinedMetric::Cpu | PredefinedMetric::Memory, Some(_)) => {
            Err(Violation::ResourceLabelNotAllowed(policy.clone()))
        }
        (PredefinedMetric::RequestCountPerTarget, None) => Err(Violation::ResourceLabelMissing(policy.clone())),
        (PredefinedMetric::RequestCountPerTarget, Some(group)) => {
            Ok(ScalingMetric::RequestCountPerTarget(group.clone()))
        }
    }
}

/// What is wrong with a scalable target and its policies, given the target groups of the service.
pub fn judge(target: &ScalableTarget, bindings: &[LoadBalancerBinding]) -> Vec<Violation> {
    let mut violations = Vec::new();
    if target.max_capacity < target.min_capacity {
        violations.push(Violation::MaximumBelowMinimum);
    }
    let mut tracked = BTreeSet::new();
    for (name, policy) in &target.policies {
        if policy.target_value.partial_cmp(&0.0) != Some(Ordering::Greater) {
            violations.push(Violation::TargetValueNotPositive(name.clone()));
        }
        if !tracked.insert(&policy.metric) {
            violations.push(Violation::SameMetric(name.clone()));
        }
        if let ScalingMetric::RequestCountPerTarget(group) = &policy.metric
            && bindings.iter().all(|binding| binding.target_group != *group)
        {
            violations.push(Violation::TargetGroupOfOthers(name.clone()));
        }
    }
    violations
}
