//! What `doctor` reports about problems that no health check sees: `fixtures/diagnosis/origins/`,
//! `fixtures/diagnosis/silence/`.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use neargate::admin::diagnosis::diagnose;
use neargate::admin::diagnosis::finding::{Finding, Severity};
use neargate::admin::diagnosis::origins::{Reply, finding, suspects};
use neargate::admin::view::shape::{ClusterView, SilenceView, TargetGroupView, TargetView};
use neargate::config::{Source, Tasks, load};
use neargate::model::Topology;
use neargate::model::target_health::TargetHealthState;
use serde::Deserialize;

use crate::support::expected::read;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OriginCase {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    value: String,
    reply: Option<ReplyCase>,
    /// The path of the request; without it no request is sent.
    asked: Option<String>,
    problem: Option<bool>,
    symptom: Option<String>,
    cause: Option<String>,
    fix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyCase {
    status: u16,
    allow_origin: Option<String>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/diagnosis").join(name)
}

/// The stack of the cases, with this value of its variable and additions to its load balancer.
fn topology(value: &str, load_balancer: &str) -> Topology {
    let folder = folder("origins");
    let path = folder.join("neargate.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("load_balancer:\n", &format!("load_balancer:\n{load_balancer}"));
    let read_file = |path: &Path| {
        let text = std::fs::read_to_string(path)?;
        Ok(text.replace("\"VALUE\"", &serde_json::to_string(value).unwrap()))
    };
    let source = Source {
        path: &path,
        folder: &folder,
        text: &text,
        overrides: &[],
        env_files: Some(&[]),
        read_file: &read_file,
        unusable_certificate: &|_, _| None,
        env: &|_| None,
        tasks: Tasks::Run,
    };
    load(source).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(neargate::config::Style::Plain))).topology
}

#[test]
fn a_refused_page_is_found_in_the_containers_variables_and_by_a_request() {
    let cases: Vec<OriginCase> = read(&folder("origins").join("cases.yaml"));
    for case in cases {
        let suspects = suspects(&topology(&case.value, ""));
        let asked: Vec<Option<&str>> = suspects
            .iter()
            .map(|suspect| {
                assert_eq!((suspect.container.as_str(), suspect.origin.as_str()), ("api", "https://app.domain.com"));
                suspect.question.as_ref().map(|question| question.path.as_str())
            })
            .collect();
        assert_eq!(asked, case.asked.iter().map(|path| Some(path.as_str())).collect::<Vec<_>>(), "{}", case.name);
        let reply = case.reply.map(|reply| Reply { status: reply.status, allow_origin: reply.allow_origin });
        let found = suspects.first().and_then(|suspect| finding(suspect, reply.as_ref()));
        let said = found
            .map(|Finding { severity, symptom, cause, fix, .. }| (severity == Severity::Problem, symptom, cause, fix));
        let expected = case.problem.map(|problem| {
            (problem, case.symptom.unwrap_or_default(), case.cause.unwrap_or_default(), case.fix.unwrap_or_default())
        });
        assert_eq!(said, expected, "{}", case.name);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SilenceCase {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    idle_timeout: u64,
    targets: Vec<SilentTarget>,
    symptom: Option<String>,
    effect: Option<String>,
    cause: Option<String>,
    fix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SilentTarget {
    count: u32,
    last_request: String,
    ago: i64,
    idle_timeout: u64,
}

#[test]
fn requests_that_outlive_the_idle_timeout_are_reported_while_they_are_recent() {
    let noon: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let cases: Vec<SilenceCase> = read(&folder("silence").join("cases.yaml"));
    for case in cases {
        let target = |silent: &SilentTarget| TargetView {
            id: "172.18.0.2".to_owned(),
            port: 8000,
            state: TargetHealthState::Healthy.into(),
            reason: None,
            description: None,
            last_probe: None,
            last_probe_reason: None,
            last_probe_description: None,
            task_id: Some("0123456789abcdef".to_owned()),
            container: Some("api".to_owned()),
            reachable: true,
            silence: Some(SilenceView {
                count: silent.count,
                last_request: silent.last_request.clone(),
                last_at: (noon - SignedDuration::from_secs(silent.ago)).to_string(),
                idle_timeout: silent.idle_timeout,
            }),
        };
        let group = TargetGroupView {
            load_balancer: None,
            name: "tg-api".to_owned(),
            arn: String::new(),
            in_use: false,
            health_check: String::new(),
            targets: case.targets.iter().map(target).collect(),
        };
        let view = ClusterView { target_groups: vec![group], ..ClusterView::default() };
        let settings = format!("  idle_timeout: {}\n", case.idle_timeout);
        let found = diagnose(&view, &topology("*", &settings), noon);
        let said: Vec<_> = found
            .into_iter()
            .map(|found| {
                assert_eq!(found.severity, Severity::Problem);
                assert_eq!(found.container.map(|container| container.container).as_deref(), Some("api"));
                (found.symptom, found.effect, found.cause, found.fix)
            })
            .collect();
        let expected = case
            .symptom
            .map(|symptom| (symptom, case.effect, case.cause.unwrap_or_default(), case.fix.unwrap_or_default()));
        assert_eq!(said, expected.into_iter().collect::<Vec<_>>(), "{}", case.name);
    }
}
