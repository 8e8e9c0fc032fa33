//! What to try when the stack is up: one line per way to reach it, ready to copy.

use std::fmt::Write;

use crate::admin::view::shape::ClusterView;
use crate::cli::input::project::Project;
use crate::cli::output::printer::{DIM, GOOD, Printer, STRONG};
use crate::cli::verbs::check::tree;
use crate::machine::trust::reach;
use crate::model::Topology;
use crate::model::listener::ListenerProtocol;

/// Prints it.
pub(crate) fn print(project: &Project, view: &ClusterView, foreground: bool, printer: &mut Printer) {
    printer.note(text(project, view, foreground).trim_end());
}

fn text(project: &Project, view: &ClusterView, foreground: bool) -> String {
    let mut text = String::new();
    let sites = reach::sites(&project.topology);
    let Some(main) = sites.first() else { return text };
    let url = reach::url(main).unwrap_or_default();
    let state = match view.ready {
        true => "is up",
        false => "is running; its targets are being checked (`--wait` waits for them)",
    };
    let _ = writeln!(text, "\n{GOOD}✔{GOOD:#} {STRONG}{}{STRONG:#} {state}: {STRONG}{url}{STRONG:#}", view.project);
    for other in &sites[1..] {
        let url = reach::url(other).unwrap_or_default();
        let _ = writeln!(text, "  {DIM}also{DIM:#}      {url} {DIM}load balancer {}{DIM:#}", other.load_balancer);
    }
    routes(&mut text, &project.topology);
    let https = main.listeners.iter().find(|listener| listener.https);
    if let Some(listener) = https.or(main.listeners.first()) {
        let certificate = match https {
            Some(_) => format!(" --cacert {}", project.folders.ca_certificate_in_use().display()),
            None => String::new(),
        };
        let resolve: Vec<String> = reach::curl_resolve_arguments(&main.domains, &[*listener])
            .iter()
            .map(|argument| format!(" --resolve {argument}"))
            .collect();
        let _ = writeln!(text, "  {DIM}curl{DIM:#}      curl{certificate}{} {url}/", resolve.concat());
        let rules = reach::chromium_host_resolver_rules(&sites);
        let _ = writeln!(
            text,
            "  {DIM}browser{DIM:#}   once: neargate trust && sudo \"$(command -v neargate)\" hosts --apply; then: neargate open"
        );
        let _ = writeln!(text, "            or, without the hosts file:");
        let _ = writeln!(text, "            chromium --host-resolver-rules='{rules}' {url}/");
    }
    if let Ok(endpoint) = std::fs::read_to_string(project.folders.aws_endpoint()) {
        let _ = writeln!(text, "  {DIM}aws{DIM:#}       {} {DIM}eval \"$(neargate env)\"{DIM:#}", endpoint.trim());
    }
    let _ = writeln!(text, "  {DIM}look{DIM:#}      neargate ps | logs -f | events -f | explain URL | doctor");
    if foreground {
        let _ = writeln!(text, "  {DIM}stop{DIM:#}      Ctrl-C");
    } else {
        let _ = writeln!(text, "  {DIM}stop{DIM:#}      neargate down");
    }
    text
}

/// Where requests go, in the order in which rules are tried; not more than a glance takes.
fn routes(text: &mut String, topology: &Topology) {
    const MOST: usize = 8;
    let mut lines = Vec::new();
    for (balancer, listener) in topology.listeners() {
        let of = if topology.has_several_load_balancers() { format!("{} ", balancer.name) } else { String::new() };
        let protocol = if matches!(listener.protocol, ListenerProtocol::Https(_)) { "HTTPS" } else { "HTTP" };
        let rules = listener.rules.iter().map(|rule| (tree::conditions(rule), tree::action(&rule.actions.routing)));
        let rest = (if listener.rules.is_empty() { "everything" } else { "everything else" }).to_owned();
        let all = rules.chain([(rest, tree::action(&listener.default_actions.routing))]);
        lines.extend(all.map(|(what, to)| (format!("{of}{protocol}:{}", listener.port), what, to)));
    }
    let width = |of: fn(&(String, String, String)) -> &str| {
        lines.iter().take(MOST).map(|line| of(line).chars().count()).max().unwrap_or_default().min(48)
    };
    let (first, second) = (width(|line| &line.0), width(|line| &line.1));
    for (index, (listener, what, to)) in lines.iter().take(MOST).enumerate() {
        let heading = if index == 0 { "routes" } else { "" };
        let _ = writeln!(text, "  {DIM}{heading:<9}{DIM:#} {listener:<first$}  {what:<second$}  → {to}");
    }
    if lines.len() > MOST {
        let _ = writeln!(text, "            and {} more: neargate check", lines.len() - MOST);
    }
}
