//! What `deploy` prints at the end, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

use super::rehearsal::Shown;
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE};
use crate::cli::running::rollout::Outcome;
use crate::rehearsal::findings::{Finding, Lost};
use crate::rehearsal::recording::Way;
use crate::rehearsal::words;

/// Failed requests that are listed for people; programs get them all, and so does the picture.
const LISTED: usize = 20;

/// The documented shape of `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report<'a> {
    pub(super) service: &'a str,
    pub(super) task_definition: &'a str,
    pub(super) deployment: &'a str,
    pub(super) outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
    pub(super) seconds: f64,
    /// Of `--rehearse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rehearsal: Option<RehearsalReport>,
}

/// What traffic has shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RehearsalReport {
    url: String,
    requests: usize,
    failed: usize,
    /// WebSockets that were closed in good order.
    reopened: usize,
    /// Requests that were not sent because too many were on their way.
    skipped: usize,
    findings: Vec<FindingReport>,
    remarks: Vec<String>,
    failures: Vec<FailureReport>,
    picture: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<String>,
    requests: usize,
    symptom: String,
    fix: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureReport {
    /// Seconds from the beginning of the traffic.
    seconds: f64,
    way: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'static str>,
    /// On one line.
    text: String,
}

impl RehearsalReport {
    pub(super) fn new(shown: &Shown) -> Self {
        let Shown { recording, verdict, url, picture, skipped } = shown;
        let finding = |finding: &Finding| FindingReport {
            task: finding.task.clone(),
            container: finding.container.clone(),
            requests: finding.lost.len(),
            symptom: words::symptom(finding, verdict),
            fix: words::advice(finding, recording),
        };
        let failure = |lost: &Lost| FailureReport {
            seconds: (lost.sample.settled.as_secs_f64() * 1000.0).round() / 1000.0,
            way: lost.sample.way.as_str(),
            task: lost.task.clone(),
            phase: lost.phase.map(|phase| phase.as_str()),
            text: words::line(lost),
        };
        Self {
            url: url.clone(),
            requests: verdict.sent,
            failed: verdict.lost.len(),
            reopened: verdict.reopened,
            skipped: *skipped,
            findings: verdict.findings.iter().map(finding).collect(),
            remarks: verdict.remarks.iter().map(words::remark).collect(),
            failures: verdict.lost.iter().map(failure).collect(),
            picture: picture.display().to_string(),
        }
    }
}

/// How the deployment ended.
pub(super) fn outcome(report: &Report<'_>) -> String {
    let Report { service, task_definition, reason, seconds, .. } = report;
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    match report.outcome {
        Outcome::Stable => format!("service {service} is stable on {task_definition} after {seconds} s\n"),
        Outcome::RolledBack => format!("service {service}: {task_definition} was rolled back{because}\n"),
        Outcome::Failed => format!("service {service}: the deployment of {task_definition} failed{because}\n"),
        Outcome::Replaced => format!("service {service}: another deployment replaced that of {task_definition}\n"),
        Outcome::NotStableInTime => format!(
            "service {service} is not stable on {task_definition} after {seconds} s; the deployment goes on \
             (`neargate doctor`, `neargate events -f`)\n"
        ),
        Outcome::InProgress => format!("service {service}: {task_definition} is being deployed\n"),
    }
}

/// What the traffic has shown.
pub(super) fn rehearsal(shown: &Shown) -> String {
    let Shown { recording, verdict, picture, skipped, .. } = shown;
    let mut text = String::new();
    let by_way = [Way::Kept, Way::New, Way::Http2, Way::WebSocket].map(|way| {
        let count = recording.samples.iter().filter(|sample| sample.way == way).count();
        (count > 0).then(|| format!("{count} {}", way.as_str()))
    });
    let by_way: Vec<String> = by_way.into_iter().flatten().collect();
    let seconds = words::seconds(recording.length);
    let (symbol, style, failed) = match verdict.lost.len() {
        0 => ("✔", GOOD, "none failed".to_owned()),
        1 => ("✘", BAD, "1 failed".to_owned()),
        failed => ("✘", BAD, format!("{failed} failed")),
    };
    let _ = writeln!(
        text,
        "{style}{symbol}{style:#} rehearsal: {} requests in {seconds} ({}), {failed}",
        verdict.sent,
        by_way.join("; ")
    );
    for finding in &verdict.findings {
        let task = finding.task.as_ref().map(|task| format!("task {}: ", task.get(..8).unwrap_or(task)));
        let _ = writeln!(text, "{BAD}✘{BAD:#} {}{}", task.unwrap_or_default(), words::symptom(finding, verdict));
        let _ = writeln!(text, "    {DIM}fix:{DIM:#} {}", words::advice(finding, recording));
    }
    for lost in verdict.lost.iter().take(LISTED) {
        let _ = writeln!(text, "    {DIM}{}{DIM:#}", words::line(lost));
    }
    if verdict.lost.len() > LISTED {
        let _ = writeln!(text, "    {DIM}and {} more (--format json){DIM:#}", verdict.lost.len() - LISTED);
    }
    for remark in &verdict.remarks {
        let _ = writeln!(text, "{NOTE}!{NOTE:#} {}", words::remark(remark));
    }
    if verdict.reopened > 0 {
        let _ = writeln!(text, "    {} WebSockets were closed in good order and opened again", verdict.reopened);
    }
    if *skipped > 0 {
        let _ = writeln!(text, "{NOTE}!{NOTE:#} {skipped} requests were not sent: too many were on their way (--rate)");
    }
    let _ = writeln!(text, "    {DIM}picture:{DIM:#} {}", picture.display());
    text
}
