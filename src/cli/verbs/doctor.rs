//! `doctor`: checks everything that a stack depends on, and says what is wrong, why, and what to do.

use std::fmt::Write;

use serde::Serialize;

use crate::admin::view::shape::ClusterView;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{DoctorArgs, Format};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::checks::{Check, Status};
use crate::cli::output::findings;
use crate::cli::output::findings::FindingView;
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, Printer};
use crate::cli::running::asking;
use crate::cli::verbs::trust;
use crate::machine::hosts;
use crate::machine::hosts::Resolution;
use crate::machine::trust::reach::reachable_address;
use crate::model::listener::{Listener, ListenerProtocol, LoadBalancer};
use crate::model::rule::Action;
use crate::model::{DomainName, Topology};
use crate::proxy::{PortTrouble, trouble_with};
use crate::runtime::docker::Engine;

/// `doctor`
pub(crate) fn doctor(global: &Global, args: &DoctorArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, None, false, printer)?.listening_on(&args.listen)?;
    let report = asking::block_on(async {
        let view = asking::view(&project.folders).await?;
        let mut checks = vec![engine().await];
        checks.extend(ports(&project, view.as_ref()));
        checks.extend(names(&project));
        checks.extend(
            project.topology.load_balancers.values().filter_map(|balancer| secure_context(&project.topology, balancer)),
        );
        checks.extend(trust::checks(&project));
        let find = |view| findings::find(view, &project.topology, &project.folders);
        let mut findings = view.as_ref().map(find).unwrap_or_default();
        if let Some(view) = &view {
            findings.extend(findings::cross_origin(view, &project.topology).await);
        }
        let left_behind = match view {
            Some(_) => None,
            None => asking::left_behind(&project.topology.name).await,
        };
        Ok(Report {
            left_behind,
            project: project.topology.name.to_string(),
            running: view.is_some(),
            checks,
            findings,
        })
    })?;
    match args.format.format {
        Format::Json => printer.json(&report)?,
        Format::Table => printer.data(&text(&report))?,
    }
    let problem = report.checks.iter().any(|check| check.status == Status::Problem)
        || report.findings.iter().any(FindingView::is_problem);
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
    /// What a killed run left on the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_behind: Option<String>,
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
        Err(error) => {
            let text = error.to_string();
            let (problem, fix) = text.split_once(". ").unwrap_or((&text, "start it, or set DOCKER_HOST"));
            Check::wrong(Status::Problem, "container engine", problem, fix)
        }
    }
}

fn ports(project: &Project, view: Option<&ClusterView>) -> Vec<Check> {
    let several = project.topology.has_several_load_balancers();
    let check = |(balancer, listener): (&LoadBalancer, &Listener)| {
        let title = |port: u16| match several {
            true => format!("port {port} of {}", balancer.bind_address),
            false => format!("port {port}"),
        };
        let name = title(listener.bind_port);
        if let Some(shown) = view.and_then(|view| view.listener(balancer.name.as_str(), listener.port)) {
            return match &shown.error {
                None => {
                    Check::ok(title(shown.bind_port), format!("bound by this stack for listener {}", shown.title()))
                }
                Some(error) => {
                    let (problem, fix) = error.split_once(". ").unwrap_or((error, "see above"));
                    Check::wrong(Status::Problem, name, problem, fix)
                }
            };
        }
        match trouble_with(listener.port, (balancer.bind_address, listener.bind_port).into()) {
            None => Check::ok(name, "free"),
            Some(PortTrouble { problem, fix }) => Check::wrong(Status::Problem, name, problem, fix),
        }
    };
    project.topology.listeners().map(check).collect()
}

fn names(project: &Project) -> Vec<Check> {
    let topology = &project.topology;
    // Where load balancers have several addresses, any of this machine will not do.
    let misled = |domain: &DomainName| {
        let balancer = topology.load_balancer_at(domain).filter(|_| topology.has_several_load_balancers())?;
        let address = reachable_address(balancer.bind_address);
        (!hosts::leads_to(domain, address)).then_some((address, &balancer.name))
    };
    hosts::status(&project.topology.domains, hosts::resolve)
        .into_iter()
        .map(|(domain, resolution)| {
            let name = format!("name {domain}");
            let fix = "run neargate hosts --apply; or use curl --resolve, Chromium's --host-resolver-rules";
            match resolution {
                Resolution::Loopback => match misled(&domain) {
                    None => Check::ok(name, "resolves to this machine"),
                    Some((address, balancer)) => {
                        let detail =
                            format!("resolves to this machine, but not to {address} of load balancer {balancer}");
                        Check::wrong(Status::Note, name, detail, fix)
                    }
                },
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

/// Whether pages can be opened where browsers withhold what they offer in secure contexts only (W3C, Secure Contexts).
/// Nothing on the stack is wrong then, so no health check and no log shows it.
fn secure_context(topology: &Topology, load_balancer: &LoadBalancer) -> Option<Check> {
    let serves_pages = |listener: &&Listener| {
        let actions =
            listener.rules.iter().map(|rule| &rule.actions.routing).chain([&listener.default_actions.routing]);
        listener.protocol == ListenerProtocol::Http
            && actions.into_iter().any(|action| matches!(action, Action::Forward(_)))
    };
    if !load_balancer.listeners.iter().any(|listener| listener.protocol == ListenerProtocol::Http) {
        return None;
    }
    let name = match topology.has_several_load_balancers() {
        true => format!("secure context at load balancer {}", load_balancer.name),
        false => "secure context".to_owned(),
    };
    Some(match load_balancer.listeners.iter().find(serves_pages) {
        None => Check::ok(name, "no page is served over plain HTTP"),
        Some(listener) => Check::wrong(
            Status::Note,
            name,
            format!(
                "listener HTTP:{} serves pages over plain HTTP, where browsers have no crypto.randomUUID, no service workers \
                 and no clipboard; http://localhost does not show it",
                listener.port
            ),
            "default_action: { redirect: { protocol: HTTPS, port: 443, status_code: HTTP_301 } }, and open https://",
        ),
    })
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
    let _ = match (report.running, report.findings.iter().any(FindingView::is_problem)) {
        (false, _) => match &report.left_behind {
            Some(left) => writeln!(text, "{NOTE}!{NOTE:#} the stack is not running, but {left}"),
            None => writeln!(text, "{DIM}· the stack is not running{DIM:#}"),
        },
        (true, false) => writeln!(text, "{GOOD}✔{GOOD:#} the stack is running and healthy"),
        (true, true) => writeln!(text),
    };
    text.push_str(&findings::text(&report.findings));
    text
}
