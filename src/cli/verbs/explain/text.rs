//! An explanation as text for people.

use std::fmt::Write;

use super::explanation::{Explanation, GroupLine, TransformLine};
use crate::alb::actions::transform::TransformStatus;
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, STRONG};
use crate::model::target_health::TargetHealthState;

pub(super) fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{STRONG}{} {}{STRONG:#}  arrives at listener {}{}",
        explanation.method,
        explanation.url,
        explanation.listener,
        explanation.load_balancer.as_ref().map(|name| format!(" of load balancer {name}")).unwrap_or_default()
    );
    if let Some(certificate) = &explanation.certificate {
        let _ = writeln!(text, "{NOTE}! {certificate}{NOTE:#}");
    }
    if let Some(because) = &explanation.client_refused {
        let _ = writeln!(text, "{BAD}✘ dropped by the load balancer's security groups: {because}{BAD:#}");
    }
    for rule in &explanation.rules {
        let (symbol, style) = match rule.verdict {
            "chosen" => ("✔", GOOD),
            "no match" => ("✘", DIM),
            _ => ("·", DIM),
        };
        let _ = writeln!(
            text,
            "{style}{symbol} rule {:<8}{style:#} {:<11} {DIM}{}{DIM:#}",
            rule.priority, rule.verdict, rule.action
        );
        for condition in &rule.conditions {
            let (symbol, style) = if condition.matched { ("✔", GOOD) } else { ("✘", NOTE) };
            let request =
                condition.request.as_deref().map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
            let _ = writeln!(
                text,
                "    {style}{symbol}{style:#} {} {}  {DIM}the request has {request}{DIM:#}",
                condition.field,
                condition.values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" or ")
            );
        }
    }
    let _ = writeln!(text, "{STRONG}→ {}{STRONG:#}", explanation.action);
    match &explanation.transform {
        Some(TransformLine { status, .. }) if *status != TransformStatus::Success.name() => {
            let _ = writeln!(text, "  {BAD}its transform fails: {status}, answered with 500{BAD:#}");
        }
        Some(TransformLine { host: None, url: None, .. }) => {
            let _ = writeln!(text, "  {DIM}its transforms match nothing here{DIM:#}");
        }
        Some(TransformLine { host, url, .. }) => {
            for (what, value) in [("host", host), ("URL", url)] {
                if let Some(value) = value {
                    let _ = writeln!(text, "  the target sees the {what} {value}");
                }
            }
        }
        None => {}
    }
    if let Some(location) = &explanation.location {
        let _ = writeln!(text, "  Location: {location}");
    }
    if let Some(response) = &explanation.response {
        let _ = writeln!(text, "  answers {response}");
    }
    for group in &explanation.target_groups {
        targets(&mut text, group, explanation.target_groups.len() > 1);
    }
    if !explanation.running && !explanation.target_groups.is_empty() {
        let _ = writeln!(text, "  {DIM}the stack is not running, so its targets are unknown{DIM:#}");
    }
    text
}

fn targets(text: &mut String, group: &GroupLine, weighted: bool) {
    if weighted {
        let _ = writeln!(text, "  {} (weight {})", group.name, group.weight);
    }
    if let Some(unreachable) = &group.unreachable {
        let _ = writeln!(text, "  {BAD}✘ {unreachable}{BAD:#}");
    }
    if let Some(note) = &group.note {
        let _ = writeln!(text, "  {NOTE}{note}{NOTE:#}");
    }
    for target in &group.targets {
        let style = match target.state.known() {
            Some(TargetHealthState::Healthy) => GOOD,
            Some(TargetHealthState::Unhealthy) => BAD,
            _ => NOTE,
        };
        let reason = match (&target.reason, &target.description) {
            (Some(reason), Some(description)) => format!("  {reason}: {description}"),
            _ => String::new(),
        };
        let container = target.container.as_deref().unwrap_or("static target");
        let _ = writeln!(
            text,
            "  {}:{} {DIM}({container}){DIM:#} {style}{}{style:#}{reason}",
            target.id, target.port, target.state
        );
    }
}
