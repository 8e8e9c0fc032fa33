//! Limits of alarms (CloudWatch API, PutMetricAlarm).

use crate::violation::Violation;

/// "The number of evaluation periods multiplied by the length of each … cannot exceed 86,400 seconds" for periods of less
/// than an hour; longer ones are of no use to a deployment here.
pub const LONGEST_SECONDS: u64 = 86_400;

/// Judges the length of a period in seconds, how many there are, and how many of them have to breach the threshold.
pub fn judge(period: u32, evaluation_periods: u32, datapoints_to_alarm: u32) -> Vec<Violation> {
    let mut found = Vec::new();
    if !(matches!(period, 10 | 20 | 30) || (period > 0 && period.is_multiple_of(60))) {
        found.push(Violation::InvalidAlarmPeriod(period));
    }
    if evaluation_periods == 0 {
        found.push(Violation::NoEvaluationPeriods);
    }
    if datapoints_to_alarm == 0 || datapoints_to_alarm > evaluation_periods {
        found.push(Violation::InvalidDatapointsToAlarm);
    }
    if u64::from(period) * u64::from(evaluation_periods) > LONGEST_SECONDS {
        found.push(Violation::AlarmLooksBackTooLong);
    }
    found
}
