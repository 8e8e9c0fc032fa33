//! `doctor`: looks at everything a stack depends on, says what is wrong, why, and what to do.

use std::fmt::Write;
use std::net::TcpListener;

use serde::Serialize;

use crate::cli::printer::{BAD, DIM, GOOD, NOTE, Printer, STRONG};
use crate::cli::project::{self, Project};
use crate::cli::trust;
use crate::cli::{ExitStatus, Failure, Format, Global, stack};
use crate::control::diagnosis::{Finding, diagnose};
use crate::control::view::ClusterView;
use crate::hosts::{self, Resolution};
use crate::logs::reader::LogReader;
use crate::runtime::docker::Engine;

/// How many of a failing container's last lines are shown.
const LAST_LINES: usize = 5;

/// `doctor`
pub(crate) fn doctor(global: &Global, format: Format, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, None, false, printer)?;
    let report = stack::block_on(async {
        let view = stack::view(&project.folders).await?;
        let mut checks = vec![engine().await];
        checks.extend(ports(&project, view.as_ref()));
        checks.extend(names(&project));
        checks.extend(trust::checks(&project));
        let findings = view.as_ref().map(|view| diagnose(view, &project.topology)).unwrap_or_default();
        let findings = findings.into_iter().map(|finding| FindingView::of(finding, &project)).collect();
        Ok(Report { project: project.topology.name.to_string(), running: view.is_some(), checks, findings })
    })?;
    match format {
        Format::Json => printer.json(&report)?,
        Format::Table => printer.data(&text(&report))?,
    }
    let problem = report.checks.iter().any(|check| check.status == Status::Problem) || !report.findings.is_empty();
    Ok(if problem { ExitStatus::FAILED } else { ExitStatus::SUCCESS })
}

/// The documented shape of `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    project: String,
    running: bool,
    checks: Vec<Check>,
    findings: Vec<FindingView>,
}

/// Something a stack depends on.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    /// What was looked at.
    pub(crate) name: String,
    /// How it is.
    pub(crate) status: Status,
    /// What was found.
    pub(crate) detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// Only needed for some ways of using the stack.
    Note,
    /// In the way.
    Problem,
}

impl Check {
    /// As it should be.
    pub(crate) fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, detail: detail.into(), fix: None }
    }

    /// Not as it should be.
    pub(crate) fn wrong(
        status: Status,
        name: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), status, detail: detail.into(), fix: Some(fix.into()) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingView {
    subject: String,
    symptom: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
    cause: String,
    fix: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    last_output: Vec<String>,
}

impl FindingView {
    fn of(finding: Finding, project: &Project) -> Self {
        let last_output = finding.container.as_ref().map(|(task, container)| last_lines(project, task, container));
        Self {
            subject: finding.subject,
            symptom: finding.symptom,
            effect: finding.effect,
            cause: finding.cause,
            fix: finding.fix,
            last_output: last_output.unwrap_or_default(),
        }
    }
}

fn last_lines(project: &Project, task: &str, container: &str) -> Vec<String> {
    // Without its output a finding is still worth showing.
    let entries = LogReader::new(project.folders.container_logs()).read().unwrap_or_default();
    let of_container = entries.into_iter().filter(|entry| entry.task == task && entry.container == container);
    let lines: Vec<String> = of_container.map(|entry| entry.text).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
}

async fn engine() -> Check {
    match Engine::connect().await {
        Ok(engine) => {
            let info = engine.info();
            Check::ok(
                "container engine",
                format!("{} {} at {} ({})", info.name, info.version, info.endpoint, info.source),
            )
        }
        Err(error) => Check::wrong(
            Status::Problem,
            "container engine",
            error.to_string(),
            "start the engine, or say where it is with DOCKER_HOST",
        ),
    }
}

fn ports(project: &Project, view: Option<&ClusterView>) -> Vec<Check> {
    let load_balancer = &project.topology.load_balancer;
    let check = |listener: &crate::model::listener::Listener| {
        let name = format!("port {}", listener.bind_port);
        let shown = view.and_then(|view| view.listeners.iter().find(|shown| shown.port == listener.port));
        if let Some(shown) = shown {
            return match &shown.error {
                None => Check::ok(
                    format!("port {}", shown.bind_port),
                    format!("bound by this stack for listener {}:{}", shown.protocol, shown.port),
                ),
                Some(error) => Check::wrong(Status::Problem, name, error, remap(listener.port)),
            };
        }
        match TcpListener::bind((load_balancer.bind_address, listener.bind_port)) {
            Ok(_) => Check::ok(name, "free"),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Check::wrong(
                Status::Problem,
                name,
                "this user may not bind it",
                format!("{}, or allow it: sudo sysctl net.ipv4.ip_unprivileged_port_start=80", remap(listener.port)),
            ),
            Err(error) => Check::wrong(Status::Problem, name, error.to_string(), remap(listener.port)),
        }
    };
    load_balancer.listeners.iter().map(check).collect()
}

fn remap(port: u16) -> String {
    let local = if port < 1024 { 8000 + port } else { port.saturating_add(1) };
    format!("map the listener elsewhere: neargate up --listen {port}={local}")
}

fn names(project: &Project) -> Vec<Check> {
    hosts::status(&project.topology.domains, hosts::resolve)
        .into_iter()
        .map(|(domain, resolution)| {
            let name = format!("name {domain}");
            let fix = "neargate hosts --apply; or per command: curl --resolve, Chromium's --host-resolver-rules";
            match resolution {
                Resolution::Loopback => Check::ok(name, "resolves to this machine"),
                Resolution::Unknown => Check::wrong(Status::Note, name, "does not resolve on this machine", fix),
                Resolution::Elsewhere(addresses) => {
                    let found: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                    let detail = format!("resolves to {}, not to this machine", found.join(", "));
                    Check::wrong(Status::Note, name, detail, fix)
                }
            }
        })
        .collect()
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let (symbol, style) = match check.status {
            Status::Ok => ("✔", GOOD),
            Status::Note => ("!", NOTE),
            Status::Problem => ("✘", BAD),
        };
        let _ = writeln!(text, "{style}{symbol}{style:#} {:<22} {}", check.name, check.detail);
        if let Some(fix) = &check.fix {
            let _ = writeln!(text, "{:25}{DIM}fix:{DIM:#} {fix}", "");
        }
    }
    let running = match (report.running, report.findings.is_empty()) {
        (false, _) => format!("{DIM}· the stack is not running{DIM:#}"),
        (true, true) => format!("{GOOD}✔{GOOD:#} the stack is running, and nothing is wrong with it"),
        (true, false) => String::new(),
    };
    let _ = writeln!(text, "{running}");
    for finding in &report.findings {
        let _ = writeln!(text, "{BAD}✘{BAD:#} {STRONG}{}{STRONG:#}", finding.subject);
        let _ = writeln!(text, "    {}", finding.symptom);
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
