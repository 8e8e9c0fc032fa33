//! `metric_alarms:` in the file (Terraform: `aws_cloudwatch_metric_alarm`).

use crate::read::reader::Spanned;
use crate::read::{Anything, keywords, record};

record! {
    /// An alarm on a metric of a load balancer (Terraform: `aws_cloudwatch_metric_alarm`). It ends deployments of the
    /// services that name it under `alarms`.
    MetricAlarmFile, "metric alarm" {
        /// `AWS/ApplicationELB` is the only one.
        namespace: Spanned<String>,
        /// A metric of the load balancer, e.g. `HTTPCode_Target_5XX_Count`.
        metric_name: Spanned<String> [required],
        /// Whose metric.
        dimensions: DimensionsFile,
        /// What is made of the values of a period. Default: `Sum`.
        statistic: Spanned<StatisticWord>,
        /// Seconds: 10, 20, 30 or a multiple of 60. It is not divided by `time_scale`. Default: 60.
        period: Spanned<u32>,
        /// How many periods are looked at. Default: 1.
        evaluation_periods: Spanned<u32>,
        /// How many of them have to breach the threshold. Default: all.
        datapoints_to_alarm: Spanned<u32>,
        /// Which values breach the threshold.
        comparison_operator: Spanned<ComparisonWord> [required],
        /// The threshold.
        threshold: Spanned<f64> [required],
        /// What a period without values means. Default: `missing`.
        treat_missing_data: Spanned<MissingDataWord>,
        /// Recognised; shown nowhere.
        alarm_description: String,
        /// Recognised; alarms only end deployments.
        alarm_actions: Anything,
        /// Recognised; alarms only end deployments.
        ok_actions: Anything,
        /// Recognised; shown nowhere.
        tags: Anything,
    }
}

record! {
    /// Whose metric an alarm watches.
    DimensionsFile, "dimensions" {
        /// A key of `load_balancers`. Default: the load balancer, if there is one.
        load_balancer = "LoadBalancer": Spanned<String>,
        /// A key of `target_groups`. Default: all of the load balancer's.
        target_group = "TargetGroup": Spanned<String>,
    }
}

keywords! {
    /// What is made of the values of a period.
    StatisticWord, "a statistic" {
        /// Of all values.
        Sum = "Sum",
        /// Of all values.
        Average = "Average",
        /// The smallest value.
        Minimum = "Minimum",
        /// The largest value.
        Maximum = "Maximum",
        /// How many values there are.
        SampleCount = "SampleCount",
    }
}

keywords! {
    /// Which values breach a threshold.
    ComparisonWord, "a comparison operator" {
        /// At least the threshold.
        GreaterOrEqual = "GreaterThanOrEqualToThreshold",
        /// More than the threshold.
        Greater = "GreaterThanThreshold",
        /// Less than the threshold.
        Less = "LessThanThreshold",
        /// At most the threshold.
        LessOrEqual = "LessThanOrEqualToThreshold",
    }
}

keywords! {
    /// What a period without values means.
    MissingDataWord, "a treatment of missing data" {
        /// Nothing is known.
        Missing = "missing",
        /// The state of the alarm stays.
        Ignore = "ignore",
        /// The threshold is breached.
        Breaching = "breaching",
        /// The threshold is not breached.
        NotBreaching = "notBreaching",
    }
}
