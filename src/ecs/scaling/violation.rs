//! Why Application Auto Scaling refuses a scalable target or a policy: a code and a message.

use std::fmt;

use neargate_model::{ClusterName, ScalingPolicyName, ServiceName};

/// A refused scalable target or policy. Where AWS publishes no text, the message here says the documented rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// RegisterScalableTarget for a service that does not exist.
    NoSuchService,
    /// RegisterScalableTarget for the first time, without a capacity.
    CapacityMissing,
    /// DeleteScalingPolicy of a policy that does not exist.
    NoSuchPolicy,
    /// `MaxCapacity` below `MinCapacity`.
    MaximumBelowMinimum,
    /// PutScalingPolicy for a service that is no scalable target.
    NoScalableTarget(ClusterName, ServiceName),
    /// Another policy of the service tracks the same metric.
    SameMetric(ScalingPolicyName),
    /// `TargetValue` that is not above 0.
    TargetValueNotPositive(ScalingPolicyName),
    /// `ALBRequestCountPerTarget` without `ResourceLabel`.
    ResourceLabelMissing(ScalingPolicyName),
    /// `ResourceLabel` beside another metric.
    ResourceLabelNotAllowed(ScalingPolicyName),
    /// `ResourceLabel` names a target group that the service's tasks are not registered in.
    TargetGroupOfOthers(ScalingPolicyName),
}

impl Violation {
    /// The error's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoScalableTarget(..) | Self::NoSuchPolicy => "ObjectNotFoundException",
            Self::NoSuchService
            | Self::CapacityMissing
            | Self::MaximumBelowMinimum
            | Self::SameMetric(_)
            | Self::TargetValueNotPositive(_)
            | Self::ResourceLabelMissing(_)
            | Self::ResourceLabelNotAllowed(_)
            | Self::TargetGroupOfOthers(_) => "ValidationException",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchService => f.write_str("ECS service doesn't exist"),
            Self::CapacityMissing => f.write_str("Minimum capacity and maximum capacity must be specified"),
            Self::NoSuchPolicy => f.write_str("No scaling policy found with this name"),
            Self::MaximumBelowMinimum => f.write_str("Maximum capacity cannot be less than minimum capacity"),
            Self::NoScalableTarget(cluster, service) => write!(
                f,
                "No scalable target registered for service namespace: ecs, resource ID: service/{cluster}/{service}, \
                 scalable dimension: ecs:service:DesiredCount"
            ),
            Self::SameMetric(_) => {
                f.write_str("Only one TargetTrackingScaling policy for a given metric specification is allowed.")
            }
            Self::TargetValueNotPositive(_) => f.write_str("Target value must be greater than 0"),
            Self::ResourceLabelMissing(_) => {
                f.write_str("Resource label should be specified for predefined metric type ALBRequestCountPerTarget")
            }
            Self::ResourceLabelNotAllowed(_) => {
                f.write_str("You can't specify a resource label unless the metric type is ALBRequestCountPerTarget")
            }
            Self::TargetGroupOfOthers(_) => f.write_str("The resource label must name a target group of the service"),
        }
    }
}

impl std::error::Error for Violation {}
