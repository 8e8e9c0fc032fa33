//! How a service is scaled, in a line for each policy.

use crate::admin::view::scaling::{ScalingPolicyView, ScalingView};
use crate::model::alarm::AlarmState;
use crate::model::scaling::PredefinedMetric;

/// Between how many tasks, then each policy with what was measured for it last, and whether one of its alarms has gone off.
pub(crate) fn lines(view: &ScalingView) -> Vec<String> {
    let range = format!("scaled between {} and {} tasks", view.min_capacity, view.max_capacity);
    let policies = view.policies.iter().map(|policy| format!("  {}: {}", policy.policy_name, sentence(policy)));
    std::iter::once(range).chain(policies).collect()
}

fn sentence(policy: &ScalingPolicyView) -> String {
    let (what, unit) = match policy.metric.known() {
        Some(PredefinedMetric::Cpu) => ("CPU", " %"),
        Some(PredefinedMetric::Memory) => ("memory", " %"),
        Some(PredefinedMetric::RequestCountPerTarget) => ("requests per target and minute", ""),
        None => (policy.metric.as_str(), ""),
    };
    let value = policy.value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:.0}{unit}"));
    let of = policy.target_group.as_ref().map(|group| format!(" in {group}")).unwrap_or_default();
    let alarm = match (policy.alarm_high == AlarmState::Alarm, policy.alarm_low == AlarmState::Alarm) {
        (true, _) => "; above it for three minutes",
        (false, true) => "; well below it for fifteen minutes",
        (false, false) => "",
    };
    format!("{what}{of}: {value}, target {}{unit}{alarm}", policy.target_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(value: Option<f64>) -> ScalingPolicyView {
        ScalingPolicyView {
            policy_name: "busy".to_owned(),
            metric: PredefinedMetric::Cpu.into(),
            target_value: 60.0,
            value,
            alarm_high: AlarmState::Ok.into(),
            alarm_low: AlarmState::Ok.into(),
            ..ScalingPolicyView::default()
        }
    }

    #[test]
    fn a_policy_is_told_in_a_line() {
        let raised = ScalingPolicyView { alarm_high: AlarmState::Alarm.into(), ..policy(Some(90.4)) };
        let requests = ScalingPolicyView {
            metric: PredefinedMetric::RequestCountPerTarget.into(),
            target_group: Some("tg-api".to_owned()),
            target_value: 1000.0,
            ..policy(None)
        };
        let view = ScalingView { min_capacity: 1, max_capacity: 4, policies: vec![raised, requests] };
        assert_eq!(
            lines(&view),
            [
                "scaled between 1 and 4 tasks",
                "  busy: CPU: 90 %, target 60 %; above it for three minutes",
                "  busy: requests per target and minute in tg-api: not measured, target 1000",
            ]
        );
    }
}
