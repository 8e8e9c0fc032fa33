//! What a change of the rules would alter: lines that would go elsewhere.

use std::collections::BTreeMap;

use neargate_alb::candidates::Candidate;
use neargate_alb::routing::RoutingTable;

use crate::line::Line;
use crate::replay::Replay;
use crate::tally::Kind;

/// Lines by where they went and where they would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// From, to.
    pub certain: BTreeMap<(String, String), Kind>,
    /// The same, if headers that logs do not hold are right.
    pub possible: BTreeMap<(String, String), Kind>,
    /// Lines that would stay where they are.
    pub stay: u64,
}

impl Moves {
    /// Counts a line that a rule decided.
    pub fn add(&mut self, line: &Line<'_>, old: &mut Replay<'_>, new: &mut Replay<'_>) {
        let Some(recorded) = line.priority else { return };
        let (Some(from), Some(to)) = (old.listener(line), new.listener(line)) else { return };
        let destination = |replay: &Replay<'_>, found: &[Candidate<'_>]| {
            found.iter().map(|candidate| describe(replay.table(), candidate)).collect::<Vec<_>>()
        };
        let before = old.decide(line, from).iter().find(|candidate| candidate.priority == recorded).copied();
        // What the file does not explain is not compared.
        let Some(before) = before.map(|before| describe(old.table(), &before)) else { return };
        let after = new.decide(line, to).to_vec();
        let after = destination(new, &after);
        let moves: Vec<&String> = after.iter().filter(|after| **after != before).collect();
        match (moves.first(), after.len()) {
            (None, _) => self.stay += 1,
            (Some(to), 1) => self.certain.entry((before, (*to).clone())).or_default().add(line),
            (Some(to), _) => self.possible.entry((before, (*to).clone())).or_default().add(line),
        }
    }

    /// Adds others.
    pub fn merge(&mut self, other: Self) {
        self.stay += other.stay;
        for (into, from) in [(&mut self.certain, other.certain), (&mut self.possible, other.possible)] {
            for (key, kind) in from {
                into.entry(key).or_default().merge(kind);
            }
        }
    }
}

fn describe(table: &RoutingTable, candidate: &Candidate<'_>) -> String {
    table.describe(candidate.action)
}
