//! Alarms: what their metrics measure, and when they go off (CloudWatch user guide, "Alarm evaluation").
//!
//! CloudWatch divides time into periods that begin at full minutes. Here the last period ends now, so an alarm goes off as
//! soon as a period's length of time breaches its threshold.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::metrics::figures::{Count, Figures, GroupCount, GroupFigures, dimension};
use crate::routing::{RoutedTargetGroup, RoutingTable};
use crate::targets::balancing;
use neargate_model::alarm::{AlarmState, Comparison, MetricAlarm, MissingData, Statistic};
use neargate_model::arn::Arn;
use neargate_model::target_health::TargetHealth;

/// What a metric is, and so which statistics it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Occurrences: "the most useful statistic is Sum".
    Count,
    /// Seconds.
    Time,
    /// A number of hosts.
    Gauge,
}

impl Kind {
    /// Of a metric by its name; `None` if it is not kept.
    pub fn from_metric(name: &str) -> Option<Self> {
        match name {
            "TargetResponseTime" => Some(Self::Time),
            "HealthyHostCount" | "UnHealthyHostCount" => Some(Self::Gauge),
            "RequestCountPerTarget" => Some(Self::Count),
            _ => (count(name).is_some() || group_count(name).is_some()).then_some(Self::Count),
        }
    }

    /// Whether the values that are kept allow it.
    pub fn has(self, statistic: Statistic) -> bool {
        match self {
            Self::Count => matches!(statistic, Statistic::Sum | Statistic::SampleCount),
            Self::Time => matches!(statistic, Statistic::Average | Statistic::SampleCount),
            Self::Gauge => matches!(statistic, Statistic::Average | Statistic::Minimum | Statistic::Maximum),
        }
    }

    /// Every metric that an alarm may watch.
    pub fn metrics() -> impl Iterator<Item = &'static str> {
        let others = ["TargetResponseTime", "HealthyHostCount", "UnHealthyHostCount", "RequestCountPerTarget"];
        Count::ALL
            .into_iter()
            .filter_map(Count::cloudwatch)
            .chain(GroupCount::ALL.into_iter().map(GroupCount::cloudwatch))
            .chain(others)
    }
}

fn count(name: &str) -> Option<Count> {
    Count::ALL.into_iter().find(|count| count.cloudwatch() == Some(name))
}

fn group_count(name: &str) -> Option<GroupCount> {
    GroupCount::ALL.into_iter().find(|count| count.cloudwatch() == name)
}

/// A metric at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// Everything since the load balancer started: the sum of all values, and their number.
    Total {
        /// The sum.
        sum: f64,
        /// The number.
        samples: u64,
    },
    /// The value now.
    Gauge(f64),
}

/// Reads the alarm's metric.
pub fn read(alarm: &MetricAlarm, figures: &Figures, table: &RoutingTable) -> Option<Reading> {
    let group = alarm.target_group.as_ref().map(|group| dimension(&Arn::target_group(group)).to_owned());
    let measured =
        figures.groups.iter().filter(|known| group.as_ref().is_none_or(|group| known.target_group == *group));
    let of_groups = |value: &dyn Fn(&GroupFigures) -> (f64, u64)| {
        let (sum, samples) = measured.clone().map(value).fold((0.0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        Reading::Total { sum, samples }
    };
    let routed =
        table.target_groups.iter().filter(|known| alarm.target_group.as_ref().is_none_or(|one| known.name == *one));
    let hosts =
        |wanted: &dyn Fn(&RoutedTargetGroup) -> usize| Reading::Gauge(routed.clone().map(wanted).sum::<usize>() as f64);
    Some(match alarm.metric.as_str() {
        "TargetResponseTime" => of_groups(&|group| (group.response_time.as_secs_f64(), group.buckets.iter().sum())),
        "RequestCountPerTarget" => {
            of_groups(&|group| (group.requests_per_target as f64 / 1e6, group.counts[GroupCount::Requests as usize]))
        }
        "HealthyHostCount" => hosts(&|group| balancing::count(&group.targets, balancing::is_healthy)),
        "UnHealthyHostCount" => {
            hosts(&|group| balancing::count(&group.targets, |health| matches!(health, TargetHealth::Unhealthy(_))))
        }
        name => match (count(name), group_count(name)) {
            (Some(count), _) => Reading::Total { sum: figures.get(count) as f64, samples: figures.get(count) },
            (None, Some(count)) => of_groups(&|group| {
                let value = group.counts[count as usize];
                (value as f64, value)
            }),
            (None, None) => return None,
        },
    })
}

/// An alarm, and what it remembers.
#[derive(Clone, Debug)]
pub struct Evaluation {
    alarm: MetricAlarm,
    readings: VecDeque<(Instant, Reading)>,
    state: AlarmState,
}

impl Evaluation {
    /// Of an alarm that knows nothing yet.
    pub fn new(alarm: MetricAlarm) -> Self {
        Self { alarm, readings: VecDeque::new(), state: AlarmState::default() }
    }

    /// What is watched.
    pub fn alarm(&self) -> &MetricAlarm {
        &self.alarm
    }

    /// Takes a reading; returns the alarm's state after it.
    pub fn take(&mut self, reading: Reading, now: Instant) -> AlarmState {
        self.readings.push_back((now, reading));
        let span = self.alarm.period * self.alarm.evaluation_periods;
        // One that is older than all periods is what the first of them is compared with.
        while self.readings.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= span) {
            self.readings.pop_front();
        }
        let datapoints: Vec<Option<f64>> =
            (0..self.alarm.evaluation_periods).map(|back| self.datapoint(back, now)).collect();
        self.state = self.judge(&datapoints);
        self.state
    }

    /// The period that ended so many periods ago.
    fn datapoint(&self, back: u32, now: Instant) -> Option<f64> {
        let age = |at: &Instant| now.saturating_duration_since(*at);
        let (newest, oldest) = (self.alarm.period * back, self.alarm.period * (back + 1));
        let within = |at: &Instant| age(at) >= newest && age(at) < oldest;
        let inside: Vec<Reading> =
            self.readings.iter().filter(|(at, _)| within(at)).map(|(_, reading)| *reading).collect();
        match *inside.last()? {
            Reading::Gauge(_) => self.of_gauge(&inside),
            Reading::Total { sum, samples } => {
                let before = self.readings.iter().rev().find(|(at, _)| age(at) >= oldest).map(|(_, reading)| *reading);
                // What happened before the first reading belongs to no period.
                let Reading::Total { sum: sum_before, samples: samples_before } = before.unwrap_or(inside[0]) else {
                    return None;
                };
                let (sum, samples) = (sum - sum_before, samples.saturating_sub(samples_before));
                // CloudWatch has no value where nothing happened.
                (samples > 0).then(|| match self.alarm.statistic {
                    Statistic::Average => sum / samples as f64,
                    Statistic::SampleCount => samples as f64,
                    Statistic::Sum | Statistic::Minimum | Statistic::Maximum => sum,
                })
            }
        }
    }

    fn of_gauge(&self, readings: &[Reading]) -> Option<f64> {
        let values = readings.iter().filter_map(|reading| match reading {
            Reading::Gauge(value) => Some(*value),
            Reading::Total { .. } => None,
        });
        match self.alarm.statistic {
            Statistic::Minimum => values.reduce(f64::min),
            Statistic::Maximum => values.reduce(f64::max),
            Statistic::Average | Statistic::Sum | Statistic::SampleCount => {
                let count = values.clone().count();
                (count > 0).then(|| values.sum::<f64>() / count as f64)
            }
        }
    }

    fn judge(&self, datapoints: &[Option<f64>]) -> AlarmState {
        let breaches = |value: f64| match self.alarm.comparison {
            Comparison::GreaterOrEqual => value >= self.alarm.threshold,
            Comparison::Greater => value > self.alarm.threshold,
            Comparison::Less => value < self.alarm.threshold,
            Comparison::LessOrEqual => value <= self.alarm.threshold,
        };
        let breaching = datapoints.iter().filter(|datapoint| match (datapoint, self.alarm.missing_data) {
            (Some(value), _) => breaches(*value),
            (None, missing) => missing == MissingData::Breaching,
        });
        let has_none = datapoints.iter().all(Option::is_none);
        match (has_none, self.alarm.missing_data) {
            _ if breaching.count() >= self.alarm.datapoints_to_alarm as usize => AlarmState::Alarm,
            (true, MissingData::Missing) => AlarmState::InsufficientData,
            (true, MissingData::Ignore) => self.state,
            _ => AlarmState::Ok,
        }
    }
}

/// How often metrics are read.
pub const INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use neargate_fixture as fixture;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        statistic: Statistic,
        period: u64,
        evaluation_periods: u32,
        datapoints_to_alarm: u32,
        comparison: Comparison,
        threshold: f64,
        #[serde(default)]
        missing_data: MissingData,
        /// At which second what has been counted so far, or is the value then.
        #[serde(default)]
        counted: Vec<(u64, u64)>,
        #[serde(default)]
        gauge: Vec<(u64, f64)>,
        /// The states from which second on.
        states: Vec<(u64, String)>,
        seconds: u64,
    }

    #[test]
    fn alarms_go_off() {
        fixture::each("alb/alarms", |case: Case| {
            let alarm = MetricAlarm {
                metric: "HTTPCode_Target_5XX_Count".to_owned(),
                load_balancer: "main".into(),
                target_group: None,
                statistic: case.statistic,
                period: Duration::from_secs(case.period),
                evaluation_periods: case.evaluation_periods,
                datapoints_to_alarm: case.datapoints_to_alarm,
                comparison: case.comparison,
                threshold: case.threshold,
                missing_data: case.missing_data,
            };
            let mut evaluation = Evaluation::new(alarm);
            let begin = Instant::now();
            let mut states: Vec<(u64, String)> = Vec::new();
            for second in 0..=case.seconds {
                let gauge = case.gauge.iter().rev().find(|(at, _)| *at <= second);
                let total = case.counted.iter().rev().find(|(at, _)| *at <= second).map_or(0, |(_, total)| *total);
                let reading = gauge
                    .map_or(Reading::Total { sum: total as f64, samples: total }, |(_, value)| Reading::Gauge(*value));
                let state = evaluation.take(reading, begin + Duration::from_secs(second)).to_string();
                if states.last().is_none_or(|(_, last)| *last != state) {
                    states.push((second, state));
                }
            }
            assert_eq!(states, case.states, "{}", case.name);
        });
    }

    #[test]
    fn every_metric_is_of_some_kind() {
        assert!(Kind::metrics().all(|name| Kind::from_metric(name).is_some()));
        assert_eq!(Kind::from_metric("CPUUtilization"), None);
    }
}
