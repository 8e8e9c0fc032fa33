//! What to try once the stack is up: one line per way to reach it, ready to be copied.

use std::fmt::Write;

use crate::cli::printer::{DIM, GOOD, Printer, STRONG};
use crate::cli::project::Project;
use crate::control::view::ClusterView;
use crate::model::DomainName;

/// Prints it.
pub(crate) fn print(project: &Project, view: &ClusterView, foreground: bool, printer: &mut Printer) {
    printer.note(text(project, view, foreground).trim_end());
}

fn text(project: &Project, view: &ClusterView, foreground: bool) -> String {
    let mut text = String::new();
    let name = view.domains.first().map_or("localhost", |domain| domain.trim_start_matches("*."));
    let _ = writeln!(text, "\n{GOOD}✔{GOOD:#} {STRONG}{}{STRONG:#} is up: {}", view.project, urls(view, name));
    let secure = view.listeners.iter().find(|listener| listener.protocol == "HTTPS");
    let listener = secure.or(view.listeners.first());
    if let Some(listener) = listener {
        let scheme = listener.protocol.to_lowercase();
        let port = port_suffix(&scheme, listener.bind_port);
        let certificate = match secure {
            Some(_) => format!(" --cacert {}", project.folders.ca_bundle().display()),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "  {DIM}curl{DIM:#}      curl{certificate} --resolve {name}:{}:127.0.0.1 {scheme}://{name}{port}/",
            listener.bind_port
        );
        let _ = writeln!(
            text,
            "  {DIM}browser{DIM:#}   neargate trust; neargate hosts --apply  (or: chromium --host-resolver-rules='{}')",
            crate::trust::environment::host_resolver_rules(
                &view.domains.iter().map(DomainName::new).collect::<Vec<_>>(),
                &view.listeners.iter().map(|listener| (listener.port, listener.bind_port)).collect::<Vec<_>>(),
            )
        );
    }
    let _ = writeln!(text, "  {DIM}look{DIM:#}      neargate ps | logs -f | explain URL | doctor");
    if foreground {
        let _ = writeln!(text, "  {DIM}stop{DIM:#}      Ctrl-C");
    } else {
        let _ = writeln!(text, "  {DIM}stop{DIM:#}      neargate down");
    }
    text
}

/// The URL of each listener.
pub(crate) fn urls(view: &ClusterView, name: &str) -> String {
    let urls: Vec<String> = view
        .listeners
        .iter()
        .map(|listener| {
            let scheme = listener.protocol.to_lowercase();
            format!("{scheme}://{name}{}", port_suffix(&scheme, listener.bind_port))
        })
        .collect();
    urls.join("  ")
}

/// `:port`, unless it is the scheme's own.
pub(crate) fn port_suffix(scheme: &str, port: u16) -> String {
    match (scheme, port) {
        ("http", 80) | ("https", 443) => String::new(),
        _ => format!(":{port}"),
    }
}
