//! The cases of `fixtures/alb/health/` and `fixtures/alb/health-schedule/`: probe outcomes, and the state that AWS would
//! report.

use std::time::Duration;

use serde::Deserialize;

use super::*;
use neargate_fixture as fixture;
use neargate_model::target_group::ProtocolVersion;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransitionCase {
    name: String,
    source: String,
    #[serde(default = "five")]
    healthy_threshold: u32,
    #[serde(default = "two")]
    unhealthy_threshold: u32,
    #[serde(default = "yes")]
    in_use: bool,
    #[serde(default)]
    dropped_by_security_group: bool,
    /// Why it cannot happen here; then there are no steps.
    not_yet: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// `early`, `scaled` or `whole`; a scheduled probe in real time is `whole`.
    #[serde(default = "whole")]
    probe: String,
    /// A status code, `timed out`, `failed` or `no gRPC status`; or an event: `in use`, `not in use`, `deregistered`.
    got: String,
    /// `state`, or `state: reason: description`.
    then: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleCase {
    name: String,
    source: String,
    /// Why neargate differs here; then there are no probes.
    not_yet: Option<String>,
    #[serde(default)]
    interval: f64,
    #[serde(default)]
    time_scale: f64,
    /// Duration of every probe.
    #[serde(default)]
    probe_takes: f64,
    /// When the target is no longer `initial`; absent: never.
    healthy_from: Option<f64>,
    /// `<seconds> <tick>`.
    #[serde(default)]
    probes: Vec<String>,
}

fn two() -> u32 {
    2
}

fn five() -> u32 {
    5
}

fn yes() -> bool {
    true
}

fn whole() -> String {
    "whole".into()
}

#[test]
fn states_follow_the_documented_rules() {
    fixture::each("alb/health", check_transitions);
}

#[test]
fn probes_are_due_when_the_cases_say() {
    fixture::each("alb/health-schedule", check_schedule);
}

fn check_transitions(case: TransitionCase) {
    assert_ne!(case.steps.is_empty(), case.not_yet.is_none(), "{}: what is not done has no steps", case.name);
    let settings = settings(case.healthy_threshold, case.unhealthy_threshold, 30.0);
    let mut record = HealthRecord::new(case.in_use);
    for (index, step) in case.steps.iter().enumerate() {
        let before = describe(record.health());
        let change = match step.got.as_str() {
            "in use" => record.set_in_use(true),
            "not in use" => record.set_in_use(false),
            "deregistered" => record.drain(),
            outcome => {
                let probe = Probe {
                    tick: tick(&step.probe),
                    outcome: parse_outcome(outcome),
                    reachable: !case.dropped_by_security_group,
                };
                record.apply(&settings, probe)
            }
        };
        let after = describe(record.health());
        assert_eq!(after, step.then, "{}, step {} ({})", case.name, index + 1, case.source);
        let reported = change.map(|change| (describe(&change.from), describe(&change.to)));
        let expected = (before != after).then_some((before, after));
        assert_eq!(
            reported,
            expected,
            "{}, step {}: a change is reported exactly when there is one",
            case.name,
            index + 1
        );
    }
}

fn check_schedule(case: ScheduleCase) {
    assert_ne!(case.probes.is_empty(), case.not_yet.is_none(), "{}: what is not done has no probes", case.name);
    if case.not_yet.is_some() {
        return;
    }
    let settings = settings(5, 2, case.interval);
    let scale = TimeScale::new(case.time_scale).expect("a time scale");
    let mut due = FIRST_PROBE;
    let mut found = Vec::new();
    for _ in &case.probes {
        found.push(format!(
            "{} {}",
            (due.at.as_secs_f64() * 1000.0).round() / 1000.0,
            format!("{:?}", due.tick).to_lowercase()
        ));
        let end = due.at + Duration::from_secs_f64(case.probe_takes);
        let judged = case.healthy_from.is_some_and(|from| end.as_secs_f64() >= from);
        let health =
            if judged { TargetHealth::Healthy } else { TargetHealth::Initial(InitialReason::InitialHealthChecking) };
        due = next_probe(&health, due, end, &settings, scale);
    }
    assert_eq!(found, case.probes, "{} ({})", case.name, case.source);
}

fn settings(healthy_threshold: u32, unhealthy_threshold: u32, interval: f64) -> HealthCheck {
    HealthCheck {
        interval: Duration::from_secs_f64(interval),
        healthy_threshold,
        unhealthy_threshold,
        ..HealthCheck::new(ProtocolVersion::Http1)
    }
}

fn parse_outcome(text: &str) -> ProbeOutcome {
    match text {
        "timed out" => ProbeOutcome::TimedOut,
        "failed" => ProbeOutcome::Failed,
        "no gRPC status" => ProbeOutcome::NoGrpcStatus,
        "200" => ProbeOutcome::Passed { code: 200 },
        code => ProbeOutcome::CodeMismatch { code: code.parse().expect("a status code") },
    }
}

fn tick(text: &str) -> ProbeTick {
    match text {
        "early" => ProbeTick::Early,
        "scaled" => ProbeTick::Scaled,
        "whole" => ProbeTick::Whole,
        other => panic!("no such tick: {other}"),
    }
}

fn describe(health: &TargetHealth) -> String {
    match (health.reason(), health.description()) {
        (Some(reason), Some(description)) => format!("{}: {reason}: {description}", health.state()),
        _ => health.state().to_string(),
    }
}
