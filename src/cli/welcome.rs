//! What to try once the stack is up: one line per way to reach it, ready to be copied.

use std::fmt::Write;

use crate::app;
use crate::cli::printer::{DIM, GOOD, Printer, STRONG};
use crate::cli::project::Project;
use crate::control::view::ClusterView;
use crate::trust::reach;

/// Prints it.
pub(crate) fn print(project: &Project, view: &ClusterView, foreground: bool, printer: &mut Printer) {
    printer.note(text(project, view, foreground).trim_end());
}

fn text(project: &Project, view: &ClusterView, foreground: bool) -> String {
    let mut text = String::new();
    let domains = &project.topology.domains;
    let listeners = app::reachable(&project.topology);
    let url = reach::url(domains, &listeners).unwrap_or_default();
    let _ = writeln!(text, "\n{GOOD}✔{GOOD:#} {STRONG}{}{STRONG:#} is up: {STRONG}{url}{STRONG:#}", view.project);
    let https = listeners.iter().find(|listener| listener.https);
    if let Some(listener) = https.or(listeners.first()) {
        let certificate = match https {
            Some(_) => format!(" --cacert {}", project.folders.ca_certificate_in_use().display()),
            None => String::new(),
        };
        let resolve: Vec<String> = reach::curl_resolve_arguments(domains, &[*listener])
            .iter()
            .map(|argument| format!(" --resolve {argument}"))
            .collect();
        let _ = writeln!(text, "  {DIM}curl{DIM:#}      curl{certificate}{} {url}/", resolve.concat());
        let rules = reach::chromium_host_resolver_rules(domains, &listeners);
        let _ = writeln!(text, "  {DIM}browser{DIM:#}   neargate trust; then neargate hosts --apply, or:");
        let _ = writeln!(text, "            chromium --host-resolver-rules='{rules}' {url}/");
    }
    let _ = writeln!(text, "  {DIM}look{DIM:#}      neargate ps | logs -f | explain URL | doctor");
    if foreground {
        let _ = writeln!(text, "  {DIM}stop{DIM:#}      Ctrl-C");
    } else {
        let _ = writeln!(text, "  {DIM}stop{DIM:#}      neargate down");
    }
    text
}
