//! Alarms on the metrics of a load balancer (CloudWatch API, PutMetricAlarm).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use super::ids::{LoadBalancerName, TargetGroupName};

/// An alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricAlarm {
    /// `MetricName`: one that the load balancer has.
    pub metric: String,
    /// The dimension `LoadBalancer`.
    pub load_balancer: LoadBalancerName,
    /// The dimension `TargetGroup`; without it all of the load balancer's.
    pub target_group: Option<TargetGroupName>,
    /// `Statistic`
    pub statistic: Statistic,
    /// `Period`
    pub period: Duration,
    /// `EvaluationPeriods`; at least 1.
    pub evaluation_periods: u32,
    /// `DatapointsToAlarm`; at most `evaluation_periods`.
    pub datapoints_to_alarm: u32,
    /// `ComparisonOperator`
    pub comparison: Comparison,
    /// `Threshold`
    pub threshold: f64,
    /// `TreatMissingData`
    pub missing_data: MissingData,
}

/// What is made of the values of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistic {
    /// Of all values.
    Sum,
    /// Of all values.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// How many values there are.
    SampleCount,
}

/// Which values breach the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `GreaterThanOrEqualToThreshold`
    GreaterOrEqual,
    /// `GreaterThanThreshold`
    Greater,
    /// `LessThanThreshold`
    Less,
    /// `LessThanOrEqualToThreshold`
    LessOrEqual,
}

/// What a period without values means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingData {
    /// It breaches the threshold.
    Breaching,
    /// It does not.
    NotBreaching,
    /// The state stays.
    Ignore,
    /// Nothing; without any value the state is INSUFFICIENT_DATA.
    #[default]
    Missing,
}

/// `StateValue`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// Within the threshold.
    Ok,
    /// Outside.
    Alarm,
    /// Not known.
    #[default]
    InsufficientData,
}
