//! The result of a replay, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

use super::files::LogFiles;
use crate::alb::routing::RoutingTable;
use crate::cli::input::arguments::ReplayArgs;
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, STRONG};
use crate::replay::moves::Moves;
use crate::replay::replay::{Contradiction, Difference, Replay};
use crate::replay::tally::{Kind, Tally};

pub(super) struct Report<'r> {
    pub(super) tally: &'r Tally,
    pub(super) moves: Option<&'r Moves>,
    pub(super) old: &'r RoutingTable,
    pub(super) files: &'r LogFiles,
    pub(super) args: &'r ReplayArgs,
}

impl Report<'_> {
    pub(super) fn text(&self) -> String {
        let tally = self.tally;
        let mut text = String::new();
        let between = tally.times.as_ref().map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "{STRONG}{} lines{STRONG:#} in {} files{between}",
            grouped(tally.lines),
            self.files.logs.len()
        );
        let possible: u64 = tally.possible.values().sum();
        let _ = writeln!(text, "{GOOD}✔{GOOD:#} {:>12}  agree with the rules", grouped(tally.agreed));
        if possible > 0 {
            let _ = writeln!(
                text,
                "{DIM}?{DIM:#} {:>12}  may agree: it depends on headers that logs do not hold",
                grouped(possible)
            );
        }
        let contradictions = tally.contradictions();
        let (symbol, style) = if contradictions == 0 { ("✔", GOOD) } else { ("✘", BAD) };
        let _ = writeln!(text, "{style}{symbol}{style:#} {:>12}  contradict the rules", grouped(contradictions));
        let not_routed: u64 = tally.not_routed.values().sum();
        if not_routed > 0 {
            let by: Vec<String> =
                tally.not_routed.iter().map(|(status, count)| format!("{status}: {}", grouped(*count))).collect();
            let _ = writeln!(
                text,
                "{DIM}·{DIM:#} {:>12}  were decided by no rule ({})",
                grouped(not_routed),
                by.join(", ")
            );
        }
        for (count, what) in [
            (tally.no_listener, "came to a port without a listener in the file"),
            (tally.other_load_balancers, "are of other load balancers"),
        ] {
            if count > 0 {
                let _ = writeln!(text, "{DIM}·{DIM:#} {:>12}  {what}", grouped(count));
            }
        }
        for (why, count) in &tally.unreadable {
            let _ = writeln!(text, "{NOTE}!{NOTE:#} {:>12}  {why}", grouped(*count));
        }
        if self.files.skipped > 0 {
            let _ = writeln!(text, "{DIM}· {} other files skipped{DIM:#}", self.files.skipped);
        }
        for (listener, priority, headers) in Replay::new(self.old).undecidable() {
            let depend: u64 =
                tally.possible.iter().filter(|(rules, _)| rules.contains(&priority)).map(|(_, n)| n).sum();
            let port = self.old.listeners[listener].port;
            let _ = writeln!(
                text,
                "{NOTE}?{NOTE:#} rule {priority} of port {port} looks at {}: {} of the lines depend on it",
                headers.join(", "),
                percent(depend, tally.lines)
            );
        }
        let mut kinds: Vec<_> = tally.contradicted.iter().collect();
        kinds.sort_by_key(|(_, kind)| std::cmp::Reverse(kind.count));
        for (contradiction, kind) in kinds.into_iter().take(10) {
            let _ = writeln!(text, "\n{BAD}✘{BAD:#} {}", self.told(contradiction));
            self.samples(kind, &mut text);
        }
        if let Some(moves) = self.moves {
            self.moved(moves, &mut text);
        }
        text
    }

    fn moved(&self, moves: &Moves, text: &mut String) {
        let _ = writeln!(text, "\n{STRONG}with the other file{STRONG:#}: {} lines stay", grouped(moves.stay));
        for (word, all) in [("go", &moves.certain), ("may go", &moves.possible)] {
            for ((from, to), kind) in all {
                let share = percent(kind.count, self.tally.lines);
                let _ =
                    writeln!(text, "{NOTE}→{NOTE:#} {} ({share}) {word} from `{from}` to `{to}`", grouped(kind.count));
                self.samples(kind, text);
            }
        }
    }

    fn told(&self, contradiction: &Contradiction) -> String {
        let port = self.old.listeners[contradiction.listener].port;
        let rule =
            |priority: u32| if priority == 0 { "the default rule".to_owned() } else { format!("rule {priority}") };
        let (recorded, own) = (rule(contradiction.recorded), rule(contradiction.own));
        match contradiction.what {
            Difference::Rule => format!("port {port}: {recorded} decided, the file has {own}"),
            Difference::TargetGroup => format!("port {port}: {recorded} forwarded to another target group"),
            Difference::Location => format!("port {port}: {recorded} redirected elsewhere"),
            Difference::Action => format!("port {port}: {recorded} did something else"),
        }
    }

    fn samples(&self, kind: &Kind, text: &mut String) {
        let between = kind.times.as_ref().map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
        let _ = writeln!(text, "    {} lines{between}", grouped(kind.count));
        for sample in &kind.samples {
            let _ = writeln!(text, "    {DIM}{}{DIM:#}", self.masked(&sample.request));
        }
    }

    /// Without the values of the query, which may be personal.
    fn masked(&self, request: &str) -> String {
        match request.split_once('?') {
            Some((before, query)) if !self.args.show_values => {
                let keys = query.split('&').map(|pair| match pair.split_once('=') {
                    Some((key, _)) => format!("{key}=…"),
                    None => pair.to_owned(),
                });
                format!("{before}?{}", keys.collect::<Vec<_>>().join("&"))
            }
            _ => request.to_owned(),
        }
    }

    /// The documented shape of `--format json`.
    pub(super) fn json(&self) -> ReplayView {
        let tally = self.tally;
        let kinds = |kind: &Kind| KindView {
            count: kind.count,
            first: kind.times.as_ref().map(|(first, _)| first.clone()),
            last: kind.times.as_ref().map(|(_, last)| last.clone()),
            samples: kind.samples.iter().map(|sample| self.masked(&sample.request)).collect(),
        };
        let moved = |all: &std::collections::BTreeMap<(String, String), Kind>| {
            let view = |((from, to), kind): (&(String, String), &Kind)| MoveView {
                from: from.clone(),
                to: to.clone(),
                lines: kinds(kind),
            };
            all.iter().map(view).collect()
        };
        ReplayView {
            lines: tally.lines,
            agreed: tally.agreed,
            possible: tally.possible.values().sum(),
            contradicted: tally.contradictions(),
            not_routed: tally.not_routed.values().sum(),
            no_listener: tally.no_listener,
            other_load_balancers: tally.other_load_balancers,
            unreadable: tally.unreadable.values().sum(),
            target_groups: tally.groups.clone(),
            contradictions: tally
                .contradicted
                .iter()
                .map(|(contradiction, kind)| ContradictionView {
                    port: self.old.listeners[contradiction.listener].port,
                    recorded_rule: contradiction.recorded,
                    rule: contradiction.own,
                    message: self.told(contradiction),
                    lines: kinds(kind),
                })
                .collect(),
            moves: self.moves.map(|moves| MovesView {
                stay: moves.stay,
                certain: moved(&moves.certain),
                possible: moved(&moves.possible),
            }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayView {
    lines: u64,
    agreed: u64,
    possible: u64,
    contradicted: u64,
    not_routed: u64,
    no_listener: u64,
    other_load_balancers: u64,
    unreadable: u64,
    target_groups: std::collections::BTreeMap<String, u64>,
    contradictions: Vec<ContradictionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moves: Option<MovesView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContradictionView {
    port: u16,
    /// 0 is the default rule.
    recorded_rule: u32,
    rule: u32,
    message: String,
    lines: KindView,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KindView {
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    samples: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MovesView {
    stay: u64,
    certain: Vec<MoveView>,
    possible: Vec<MoveView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MoveView {
    from: String,
    to: String,
    lines: KindView,
}

/// `1 234 567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / whole.max(1) as f64)
}
