//! `metric_alarms`: alarms on metrics of the load balancers (CloudWatch API reference, PutMetricAlarm).

use std::collections::BTreeMap;
use std::time::Duration;

use super::lowering::Lowering;
use crate::file::File;
use crate::file::alarm::{ComparisonWord, MetricAlarmFile, MissingDataWord, StatisticWord};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;
use neargate_alb::metrics::alarm::Kind;
use neargate_alb::metrics::alarm_limits;
use neargate_alb::violation::Violation;
use neargate_model::alarm::{Comparison, MetricAlarm, MissingData, Statistic};
use neargate_model::{AlarmName, LoadBalancerName};

const PUT: &str = "CloudWatch API reference, PutMetricAlarm";
/// By name; `None` for an alarm with mistakes.
pub(super) type Alarms = BTreeMap<AlarmName, Option<MetricAlarm>>;

/// All alarms. `balancers` is `None` if they could not be read.
pub(super) fn lower(file: &File, balancers: Option<&[LoadBalancerName]>, lowering: &mut Lowering<'_>) -> Alarms {
    let alarms = file.metric_alarms.iter().flat_map(|alarms| alarms.iter());
    alarms.map(|(name, alarm)| (AlarmName::new(&name.value), self::alarm(alarm, balancers, lowering))).collect()
}

fn alarm(
    file: &MetricAlarmFile,
    balancers: Option<&[LoadBalancerName]>,
    lowering: &mut Lowering<'_>,
) -> Option<MetricAlarm> {
    if let Some(namespace) = file.namespace.as_ref().filter(|namespace| namespace.value != "AWS/ApplicationELB") {
        lowering.report(
            Diagnostic::error(format!("there are no metrics of `{}`", namespace.value), namespace.span, "")
                .help("alarms can watch the load balancer: `AWS/ApplicationELB`"),
        );
    }
    let kind = metric(file, lowering);
    let default = if kind == Some(Kind::Count) { Statistic::Sum } else { Statistic::Average };
    let statistic = file.statistic.as_ref().map_or(default, |word| statistic(word.value));
    if let (Some(kind), Some(word), Some(name)) = (kind, &file.statistic, &file.metric_name)
        && !kind.has(statistic)
    {
        lowering.report(Diagnostic::error(format!("{} has no such statistic here", name.value), word.span, "").help(
            match kind {
                Kind::Count => "the sum is what CloudWatch's documentation recommends: `Sum`",
                Kind::Time => "the average is kept, and the number of responses: `Average`, `SampleCount`",
                Kind::Gauge => "write `Average`, `Minimum` or `Maximum`",
            },
        ));
    }
    let load_balancer = load_balancer(file, balancers, lowering);
    let target_group = file.dimensions.as_ref().and_then(|dimensions| dimensions.target_group.as_ref());
    let target_group = target_group.map(|name| lowering.target_group(name));
    let (period, evaluation_periods, datapoints_to_alarm) = periods(file, lowering);
    kind?;
    Some(MetricAlarm {
        metric: file.metric_name.as_ref()?.value.clone(),
        load_balancer: load_balancer?,
        target_group: target_group.map_or(Some(None), |found| found.map(Some))?,
        statistic,
        period,
        evaluation_periods,
        datapoints_to_alarm,
        comparison: match file.comparison_operator.as_ref()?.value {
            ComparisonWord::GreaterOrEqual => Comparison::GreaterOrEqual,
            ComparisonWord::Greater => Comparison::Greater,
            ComparisonWord::Less => Comparison::Less,
            ComparisonWord::LessOrEqual => Comparison::LessOrEqual,
        },
        threshold: file.threshold.as_ref()?.value,
        missing_data: match file.treat_missing_data.as_ref().map(|word| word.value) {
            None | Some(MissingDataWord::Missing) => MissingData::Missing,
            Some(MissingDataWord::Ignore) => MissingData::Ignore,
            Some(MissingDataWord::Breaching) => MissingData::Breaching,
            Some(MissingDataWord::NotBreaching) => MissingData::NotBreaching,
        },
    })
}

fn statistic(word: StatisticWord) -> Statistic {
    match word {
        StatisticWord::Sum => Statistic::Sum,
        StatisticWord::Average => Statistic::Average,
        StatisticWord::Minimum => Statistic::Minimum,
        StatisticWord::Maximum => Statistic::Maximum,
        StatisticWord::SampleCount => Statistic::SampleCount,
    }
}

fn metric(file: &MetricAlarmFile, lowering: &mut Lowering<'_>) -> Option<Kind> {
    let name = file.metric_name.as_ref()?;
    let kind = Kind::from_metric(&name.value);
    if kind.is_none() {
        lowering.report(
            Diagnostic::error(format!("the load balancer has no metric `{}`", name.value), name.span, "")
                .maybe_help(help_for(name, "its metrics are", Kind::metrics())),
        );
    }
    kind
}

fn load_balancer(
    file: &MetricAlarmFile,
    balancers: Option<&[LoadBalancerName]>,
    lowering: &mut Lowering<'_>,
) -> Option<LoadBalancerName> {
    let named = file.dimensions.as_ref().and_then(|dimensions| dimensions.load_balancer.as_ref());
    match (named, balancers?) {
        (None, [only]) => Some(only.clone()),
        (None, _) => {
            lowering.report(
                Diagnostic::error("which load balancer is meant?", file.span, "")
                    .help("name it: `dimensions: { LoadBalancer: … }`"),
            );
            None
        }
        (Some(name), all) => {
            let found = all.iter().find(|known| known.as_str() == name.value).cloned();
            if found.is_none() {
                let known = all.iter().map(LoadBalancerName::as_str);
                lowering.report(
                    Diagnostic::error(format!("there is no load balancer `{}`", name.value), name.span, "")
                        .maybe_help(help_for(name, "the load balancers are", known)),
                );
            }
            found
        }
    }
}

/// The length of a period, how many there are, and how many of them have to breach the threshold.
fn periods(file: &MetricAlarmFile, lowering: &mut Lowering<'_>) -> (Duration, u32, u32) {
    let value = |field: &Option<Spanned<u32>>, default: u32| field.as_ref().map_or(default, |field| field.value);
    let (period, periods) = (value(&file.period, 60), value(&file.evaluation_periods, 1));
    let datapoints = value(&file.datapoints_to_alarm, periods);
    for violation in alarm_limits::judge(period, periods, datapoints) {
        // What follows from a default has been told of the field that does not go with it.
        let told = match violation {
            Violation::InvalidAlarmPeriod(_) => file.period.as_ref().map(|field| {
                Diagnostic::error(format!("a period of {period} seconds"), field.span, "")
                    .note(format!("valid values are 10, 20, 30, and any multiple of 60 ({PUT})"))
            }),
            Violation::NoEvaluationPeriods => file.evaluation_periods.as_ref().map(|field| {
                Diagnostic::error("an alarm looks at one period at least", field.span, "")
                    .note(format!("evaluation_periods is at least 1 ({PUT})"))
            }),
            Violation::InvalidDatapointsToAlarm => file.datapoints_to_alarm.as_ref().map(|field| {
                Diagnostic::error(format!("{datapoints} of {periods} periods"), field.span, "")
                    .note(format!("datapoints_to_alarm is at least 1 and at most evaluation_periods ({PUT})"))
            }),
            _ => {
                let place = file.evaluation_periods.as_ref().or(file.period.as_ref());
                let span = place.map_or(file.span, |field| field.span);
                let longest = alarm_limits::LONGEST_SECONDS;
                Some(
                    Diagnostic::error("an alarm that looks back for more than a day", span, "")
                        .note(format!("period times evaluation_periods is at most {longest} seconds ({PUT})")),
                )
            }
        };
        told.into_iter().for_each(|told| lowering.report(told));
    }
    (Duration::from_secs(period.into()), periods, datapoints)
}
