//! Prints problems for people: for `doctor`, and for a failing `up`.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;

use crate::admin::diagnosis::finding::{ContainerOfTask, Finding, Severity};
use crate::admin::diagnosis::{diagnose, origins};
use crate::admin::view::shape::ClusterView;
use crate::alb::routing::RoutingTable;
use crate::certs::targets;
use crate::cli::output::health_lines::HealthLines;
use crate::cli::output::printer::{BAD, DIM, NOTE, STRONG};
use crate::logs::containers::reader::LogReader;
use crate::machine::folders::Folders;
use crate::machine::trust::reach::reachable_address;
use crate::model::Topology;
use crate::probes::page::{self, Way};

/// How many of a failing container's last lines are shown.
const LAST_LINES: usize = 5;

/// A finding with its container's last words. The documented shape of `--format json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FindingView {
    severity: &'static str,
    subject: String,
    symptom: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
    cause: String,
    fix: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    last_output: Vec<String>,
}

/// Everything that is wrong with the running stack.
pub(crate) fn find(view: &ClusterView, topology: &Topology, folders: &Folders) -> Vec<FindingView> {
    let health = HealthLines::from_view(view);
    diagnose(view, topology, Timestamp::now())
        .into_iter()
        .map(|finding| {
            let last_output = finding.container.as_ref().map(|container| last_lines(folders, container, &health));
            FindingView::new(finding, last_output.unwrap_or_default())
        })
        .collect()
}

/// Containers whose CORS settings reject the stack's own pages, found by sending requests to the running stack.
pub(crate) async fn cross_origin(view: &ClusterView, topology: &Topology) -> Vec<FindingView> {
    let mut found = Vec::new();
    for suspect in origins::suspects(topology) {
        let reply = match &suspect.question {
            Some(question) => ask(question, &suspect.origin, view, topology).await,
            None => None,
        };
        found.extend(origins::finding(&suspect, reply.as_ref()).map(|finding| FindingView::new(finding, Vec::new())));
    }
    found
}

async fn ask(
    question: &origins::Question,
    origin: &str,
    view: &ClusterView,
    topology: &Topology,
) -> Option<origins::Reply> {
    let balancer = topology.load_balancers.get(&question.load_balancer)?;
    let listener = view.listener(balancer.name.as_str(), question.port).filter(|listener| listener.bound)?;
    let address = reachable_address(balancer.bind_address);
    let way = Way {
        address: (address, listener.bind_port).into(),
        tls: targets::client_configs().ok()?,
        policy: RoutingTable::compile(topology, balancer, &BTreeMap::new(), 0).target_policy,
    };
    let page::Reply { status, allow_origin } = page::ask(&question.domain, &question.path, origin, &way).await?;
    Some(origins::Reply { status, allow_origin })
}

impl FindingView {
    fn new(finding: Finding, last_output: Vec<String>) -> Self {
        Self {
            severity: match finding.severity {
                Severity::Problem => "problem",
                Severity::Note => "note",
            },
            subject: finding.subject,
            symptom: finding.symptom,
            effect: finding.effect,
            cause: finding.cause,
            fix: finding.fix,
            last_output,
        }
    }

    /// Whether the stack does not do what the file asks for.
    pub(crate) fn is_problem(&self) -> bool {
        self.severity == "problem"
    }
}

/// The end of a container's output, without the health checks that would drown it. Without its output a finding is
/// still worth showing.
fn last_lines(folders: &Folders, wanted: &ContainerOfTask, health: &HealthLines) -> Vec<String> {
    let entries = LogReader::new(folders.container_logs()).read().unwrap_or_default();
    let of_container =
        entries.into_iter().filter(|entry| entry.task == wanted.task && entry.container == wanted.container);
    let lines: Vec<String> = of_container.map(|entry| entry.text).filter(|text| !health.matches(text)).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
}

/// The findings as text, each a paragraph.
pub(crate) fn text(findings: &[FindingView]) -> String {
    let mut text = String::new();
    for finding in findings {
        let (symbol, style) = if finding.is_problem() { ("✘", BAD) } else { ("!", NOTE) };
        let mut symptom = finding.symptom.lines();
        let _ = writeln!(text, "{style}{symbol}{style:#} {STRONG}{}{STRONG:#}", finding.subject);
        let _ = writeln!(text, "    {}", symptom.next().unwrap_or_default());
        for line in symptom {
            let _ = writeln!(text, "    {DIM}| {line}{DIM:#}");
        }
        if let Some(effect) = &finding.effect {
            let _ = writeln!(text, "    {DIM}clients get:{DIM:#} {effect}");
        }
        let _ = writeln!(text, "    {DIM}cause:{DIM:#} {}", finding.cause);
        let _ = writeln!(text, "    {DIM}fix:{DIM:#}   {}", finding.fix);
        for line in &finding.last_output {
            let _ = writeln!(text, "    {DIM}| {line}{DIM:#}");
        }
    }
    text
}
