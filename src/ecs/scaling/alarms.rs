//! The two alarms of a target tracking policy.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use neargate_model::alarm::AlarmState;
use neargate_model::arn::uuid;
use neargate_model::{AlarmName, ClusterName, ScalingPolicyName, ServiceName};

/// The length of the alarms' periods: services send their metrics once a minute.
pub const PERIOD: Duration = Duration::from_secs(60);

/// How far below the target value the low alarm begins. (The user guide speaks of a threshold that is "far enough below
/// the target value"; the alarms that are made for services are seen to have 90 % of it.)
const LOW_SHARE: f64 = 0.9;

/// An alarm of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Goes off when three datapoints in a row are above the target value.
    High,
    /// Goes off when fifteen datapoints in a row are below 90 % of it.
    Low,
}

impl Alarm {
    /// `EvaluationPeriods` and `DatapointsToAlarm`.
    fn periods(self) -> usize {
        match self {
            Self::High => 3,
            Self::Low => 15,
        }
    }

    fn is_breached(self, value: f64, target_value: f64) -> bool {
        match self {
            Self::High => value > target_value,
            Self::Low => value < target_value * LOW_SHARE,
        }
    }

    /// `AlarmName`
    pub fn name(self, cluster: &ClusterName, service: &ServiceName, policy: &ScalingPolicyName) -> AlarmName {
        let kind = self.to_string();
        let id = uuid(&["scaling alarm", cluster.as_str(), service.as_str(), policy.as_str(), &kind]);
        AlarmName::new(format!("TargetTracking-service/{cluster}/{service}-{kind}-{id}"))
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "AlarmHigh",
            Self::Low => "AlarmLow",
        })
    }
}

/// The last datapoints of a policy's metric, newest last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History(VecDeque<Option<f64>>);

impl History {
    /// A minute has passed. `None`: nothing was measured in it.
    pub fn push(&mut self, point: Option<f64>) {
        self.0.push_back(point);
        while self.0.len() > Alarm::Low.periods() {
            self.0.pop_front();
        }
    }

    /// What was measured in the last minute.
    pub fn last(&self) -> Option<f64> {
        self.0.back().copied().flatten()
    }

    /// The state of an alarm. It goes off when every one of its periods breaches the threshold; one without a datapoint
    /// breaches none, because missing data are not taken for low utilization.
    pub fn state(&self, alarm: Alarm, target_value: f64) -> AlarmState {
        let latest = self.0.iter().rev().take(alarm.periods());
        let breaching = latest.clone().flatten().filter(|value| alarm.is_breached(**value, target_value)).count();
        match latest.clone().flatten().count() {
            0 => AlarmState::InsufficientData,
            _ if breaching == alarm.periods() => AlarmState::Alarm,
            _ => AlarmState::Ok,
        }
    }
}
