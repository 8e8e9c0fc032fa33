//! Scaling of services: between how many tasks, and what decides the number (Application Auto Scaling API,
//! RegisterScalableTarget and PutScalingPolicy).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use super::ids::{ScalingPolicyName, TargetGroupName};

/// A service that is scaled. Its dimension is always `ecs:service:DesiredCount`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScalableTarget {
    /// `MinCapacity`
    pub min_capacity: u32,
    /// `MaxCapacity`; at least as many.
    pub max_capacity: u32,
    /// `SuspendedState`
    #[serde(default)]
    pub suspended: Suspended,
    /// By name. Each tracks another metric.
    #[serde(default)]
    pub policies: BTreeMap<ScalingPolicyName, TargetTracking>,
}

/// What scaling policies may not do for the time being (Application Auto Scaling API, SuspendedState).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Suspended {
    /// `DynamicScalingInSuspended`
    pub scale_in: bool,
    /// `DynamicScalingOutSuspended`
    pub scale_out: bool,
}

/// A policy that keeps a metric at a value (Application Auto Scaling API, TargetTrackingScalingPolicyConfiguration).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetTracking {
    /// `PredefinedMetricSpecification`
    pub metric: ScalingMetric,
    /// `TargetValue`; above 0.
    pub target_value: f64,
    /// `ScaleOutCooldown`
    pub scale_out_cooldown: Duration,
    /// `ScaleInCooldown`
    pub scale_in_cooldown: Duration,
    /// `DisableScaleIn`
    pub disable_scale_in: bool,
}

impl TargetTracking {
    /// Both cooldowns of a policy for a service, if it gives none (TargetTrackingScalingPolicyConfiguration).
    pub const COOLDOWN: Duration = Duration::from_secs(300);

    /// A policy with the defaults of PutScalingPolicy.
    pub fn new(metric: ScalingMetric, target_value: f64) -> Self {
        Self {
            metric,
            target_value,
            scale_out_cooldown: Self::COOLDOWN,
            scale_in_cooldown: Self::COOLDOWN,
            disable_scale_in: false,
        }
    }
}

/// A metric of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScalingMetric {
    /// `ECSServiceAverageCPUUtilization`: percent of the CPU units that the tasks reserve.
    Cpu,
    /// `ECSServiceAverageMemoryUtilization`: percent of the memory that the tasks reserve.
    Memory,
    /// `ALBRequestCountPerTarget`: requests per target and minute in this group, which `ResourceLabel` names.
    RequestCountPerTarget(TargetGroupName),
}

/// `PredefinedMetricType`, those that services have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
pub enum PredefinedMetric {
    /// Of the CPU.
    #[strum(serialize = "ECSServiceAverageCPUUtilization")]
    Cpu,
    /// Of the memory.
    #[strum(serialize = "ECSServiceAverageMemoryUtilization")]
    Memory,
    /// Of the load balancer.
    #[strum(serialize = "ALBRequestCountPerTarget")]
    RequestCountPerTarget,
}

impl ScalingMetric {
    /// Its type.
    pub fn predefined(&self) -> PredefinedMetric {
        match self {
            Self::Cpu => PredefinedMetric::Cpu,
            Self::Memory => PredefinedMetric::Memory,
            Self::RequestCountPerTarget(_) => PredefinedMetric::RequestCountPerTarget,
        }
    }
}
