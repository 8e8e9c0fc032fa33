//! Findings as text, JSON, SARIF and annotations.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::config::findings::Found;
use crate::config::{Sources, Style};
use crate::model::Topology;

/// Each finding with its carets.
pub(super) fn table(found: &[Found], sources: &Sources, style: Style) -> String {
    found.iter().map(|found| format!("{}\n\n", found.diagnostic.render(sources, style))).collect()
}

/// One line about all of them.
pub(super) fn summary(topology: &Topology, found: &[Found]) -> String {
    let rules: usize = topology
        .load_balancers
        .values()
        .flat_map(|balancer| &balancer.listeners)
        .map(|listener| listener.rules.len() + 1)
        .sum();
    let warnings = found.iter().filter(|found| found.is_warning).count();
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    format!(
        "{} in {}: {}, {}",
        count(found.len(), "finding"),
        count(rules, "rule"),
        count(warnings, "warning"),
        count(found.len() - warnings, "note")
    )
}

/// The documented shape of `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingView<'a> {
    id: &'a str,
    severity: &'a str,
    message: &'a str,
    file: String,
    line: usize,
    column: usize,
    notes: &'a [String],
    help: &'a [String],
}

pub(super) fn json(found: &[Found], sources: &Sources) -> String {
    let views: Vec<FindingView<'_>> = found
        .iter()
        .map(|found| {
            let location = found.diagnostic.location(sources);
            FindingView {
                id: found.id,
                severity: severity(found),
                message: found.diagnostic.message(),
                file: crate::config::text::source::show_path(&location.path),
                line: location.line,
                column: location.column,
                notes: found.diagnostic.notes(),
                help: found.diagnostic.helps(),
            }
        })
        .collect();
    pretty(&json!({ "findings": views }))
}

/// A log in the Static Analysis Results Interchange Format (OASIS, SARIF 2.1.0).
pub(super) fn sarif(found: &[Found], sources: &Sources) -> String {
    let ids: BTreeMap<&str, &str> = found.iter().map(|found| (found.id, severity(found))).collect();
    let rules: Vec<_> = ids
        .iter()
        .map(|(id, severity)| {
            json!({ "id": id, "defaultConfiguration": { "level": severity }, "helpUri": format!("{PAGE}#{id}") })
        })
        .collect();
    let results: Vec<_> = found
        .iter()
        .map(|found| {
            let location = found.diagnostic.location(sources);
            let file = crate::config::text::source::show_path(&location.path);
            json!({
                "ruleId": found.id,
                "level": severity(found),
                "message": { "text": whole(found) },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": file.replace('\\', "/") },
                    "region": { "startLine": location.line, "startColumn": location.column },
                }}],
            })
        })
        .collect();
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "neargate",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

const PAGE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/lint.md");

/// Workflow commands of GitHub Actions ("Workflow commands for GitHub Actions", setting a warning message).
pub(super) fn github(found: &[Found], sources: &Sources) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    found
        .iter()
        .map(|found| {
            let location = found.diagnostic.location(sources);
            let command = if found.is_warning { "warning" } else { "notice" };
            format!(
                "::{command} file={},line={},col={},title={}::{}\n",
                property(&crate::config::text::source::show_path(&location.path)),
                location.line,
                location.column,
                property(&format!("neargate lint ({})", found.id)),
                data(&whole(found))
            )
        })
        .collect()
}

/// Message, notes and help, a line each.
fn whole(found: &Found) -> String {
    let diagnostic = &found.diagnostic;
    let lines = [diagnostic.message().to_owned()];
    let more = diagnostic.notes().iter().chain(diagnostic.helps()).cloned();
    lines.into_iter().chain(more).collect::<Vec<_>>().join("\n")
}

fn severity(found: &Found) -> &'static str {
    if found.is_warning { "warning" } else { "note" }
}

fn pretty(value: &serde_json::Value) -> String {
    // A value of strings, numbers and lists can always be written.
    serde_json::to_string_pretty(value).unwrap_or_default()
}
