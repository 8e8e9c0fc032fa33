//! Scaling of services in the file (Terraform: `aws_appautoscaling_target`, `aws_appautoscaling_policy`).

use crate::read::reader::Spanned;
use crate::read::{Anything, keywords, record};

record! {
    /// Between how many tasks a service is scaled (Terraform: `aws_appautoscaling_target`). Once there is one,
    /// `desired_count` is only what the service begins with.
    ScalableTargetFile, "appautoscaling_target" {
        /// At least so many tasks.
        min_capacity: Spanned<u32> [required],
        /// At most so many tasks.
        max_capacity: Spanned<u32> [required],
        /// What policies may not do for the time being.
        suspended_state: SuspendedStateFile,
        /// Recognised; shown nowhere.
        tags: Anything,
    }
}

record! {
    /// What policies may not do for the time being (Terraform: `suspended_state` of `aws_appautoscaling_target`).
    SuspendedStateFile, "suspended_state" {
        /// Whether policies remove no tasks. Default: `false`.
        dynamic_scaling_in_suspended: Spanned<bool>,
        /// Whether policies add no tasks. Default: `false`.
        dynamic_scaling_out_suspended: Spanned<bool>,
        /// Recognised; there are no scheduled actions.
        scheduled_scaling_suspended: bool,
    }
}

record! {
    /// A policy that keeps a metric of the service at a value (Terraform: `aws_appautoscaling_policy`).
    ScalingPolicyFile, "appautoscaling_policy" {
        /// `TargetTrackingScaling` is the only one.
        policy_type: Spanned<PolicyTypeWord>,
        /// What is kept at which value.
        target_tracking_scaling_policy_configuration: TargetTrackingFile [required],
    }
}

keywords! {
    /// How a policy scales.
    PolicyTypeWord, "a type of a scaling policy" {
        /// Keeps a metric at a value.
        TargetTracking = "TargetTrackingScaling",
    }
}

record! {
    /// What is kept at which value (Terraform: `target_tracking_scaling_policy_configuration`).
    TargetTrackingFile, "target_tracking_scaling_policy_configuration" {
        /// The metric.
        predefined_metric_specification: PredefinedMetricFile [required],
        /// Its value: percent, or requests per target and minute.
        target_value: Spanned<f64> [required],
        /// Seconds after a scale-out until another one that is not larger. Divided by `time_scale`. Default: 300.
        scale_out_cooldown: Spanned<u32>,
        /// Seconds after a scale-in until another one. Divided by `time_scale`. Default: 300.
        scale_in_cooldown: Spanned<u32>,
        /// Whether the policy removes no tasks. Default: `false`.
        disable_scale_in: Spanned<bool>,
    }
}

record! {
    /// A metric of a service (Terraform: `predefined_metric_specification`).
    PredefinedMetricFile, "predefined_metric_specification" {
        /// `ECSServiceAverageCPUUtilization`, `ECSServiceAverageMemoryUtilization` or `ALBRequestCountPerTarget`.
        predefined_metric_type: Spanned<MetricTypeWord> [required],
        /// For `ALBRequestCountPerTarget`: a key of `target_groups`, or AWS's
        /// `app/NAME/ID/targetgroup/NAME/ID`.
        resource_label: Spanned<String>,
    }
}

keywords! {
    /// A metric of a service.
    MetricTypeWord, "a predefined metric" {
        /// Percent of the CPU that its tasks reserve.
        Cpu = "ECSServiceAverageCPUUtilization",
        /// Percent of the memory that its tasks reserve.
        Memory = "ECSServiceAverageMemoryUtilization",
        /// Requests per target and minute.
        RequestCountPerTarget = "ALBRequestCountPerTarget",
    }
}
