//! What became of every field.

use std::collections::BTreeMap;

use crate::objects::Place;

/// What neargate makes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The source does not decide it, or neargate has nothing like it: traffic would go elsewhere.
    Refused,
    /// Nearly the same.
    Approximated,
    /// Not in the source; a guess with its reason.
    Assumed,
    /// Must differ on this machine.
    LocalOnly,
    /// Left out.
    Ignored,
    /// A default that the source does not state.
    Default,
    /// The same.
    Honoured,
}

impl Outcome {
    /// As the report prints it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Approximated => "approximated",
            Self::Assumed => "assumed",
            Self::LocalOnly => "local only",
            Self::Ignored => "ignored",
            Self::Default => "default",
            Self::Honoured => "honoured",
        }
    }
}

/// A line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What became of it.
    pub outcome: Outcome,
    /// The field, as AWS or the source calls it.
    pub field: String,
    /// Where it stands.
    pub place: Place,
    /// Why, or what to do. No values of secrets.
    pub note: String,
}

/// All lines.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order in which they came up.
    pub lines: Vec<Line>,
}

impl Report {
    pub(super) fn add(&mut self, outcome: Outcome, field: &str, place: &Place, note: impl Into<String>) {
        let line = Line { outcome, field: field.to_owned(), place: place.clone(), note: note.into() };
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// How many things decide traffic and are not known.
    pub fn refused(&self) -> usize {
        self.lines.iter().filter(|line| line.outcome == Outcome::Refused).count()
    }

    /// For people: counts, what is refused, then a line for each kind of the others.
    pub fn human(&self) -> String {
        let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
        self.lines.iter().for_each(|line| *counts.entry(line.outcome).or_default() += 1);
        let counts: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} {}", outcome.word())).collect();
        let mut out = format!("fields: {}\n", counts.join(", "));
        let mut kinds: Vec<(Outcome, &str, &str, Vec<&Place>)> = Vec::new();
        for line in self.lines.iter().filter(|line| !matches!(line.outcome, Outcome::Honoured | Outcome::Default)) {
            let same = |kind: &&mut (Outcome, &str, &str, Vec<&Place>)| {
                kind.0 == line.outcome && kind.1 == line.field && kind.2 == line.note
            };
            match kinds.iter_mut().find(same) {
                Some((.., places)) => places.push(&line.place),
                None => kinds.push((line.outcome, &line.field, &line.note, vec![&line.place])),
            }
        }
        kinds.sort_by_key(|(outcome, ..)| *outcome);
        for (outcome, field, note, places) in kinds {
            let times = if places.len() > 1 { format!(" ({} times)", places.len()) } else { String::new() };
            let note = if note.is_empty() { String::new() } else { format!(": {note}") };
            out.push_str(&format!("{}: {field}{times}{note}\n", outcome.word()));
            let shown = if outcome == Outcome::Refused { places.len() } else { 1 };
            for place in places.iter().take(shown) {
                out.push_str(&format!("  [{place}]\n"));
            }
        }
        match self.refused() {
            0 => {}
            1 => out.push_str("1 thing decides traffic and is not known\n"),
            count => out.push_str(&format!("{count} things decide traffic and are not known\n")),
        }
        out
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        let line = |line: &Line| {
            serde_json::json!({
                "object": &*line.place.address,
                "field": line.field,
                "source": { "file": &*line.place.file, "pointer": line.place.pointer, "address": &*line.place.address },
                "outcome": line.outcome.word(),
                "note": line.note,
            })
        };
        self.lines.iter().map(line).collect()
    }
}
