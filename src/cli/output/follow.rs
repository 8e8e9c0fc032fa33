//! Follows the output of containers: selects and prints lines.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde::Serialize;

use super::health_lines::HealthLines;
use super::picture::short;
use super::printer::DIM;
use crate::cli::failure::Failure;
use crate::cli::input::arguments::Format;
use crate::logs::containers::reader::Entry;

/// Which container has which colour, in the order they first spoke.
#[derive(Default)]
pub(crate) struct Colours(BTreeMap<String, Style>);

impl Colours {
    const PALETTE: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Magenta,
        AnsiColor::Green,
        AnsiColor::Yellow,
        AnsiColor::Blue,
        AnsiColor::BrightRed,
    ];

    fn of(&mut self, container: &str) -> Style {
        let next = Self::PALETTE[self.0.len() % Self::PALETTE.len()].on_default();
        *self.0.entry(container.to_owned()).or_insert(next)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line<'a> {
    timestamp: String,
    container: &'a str,
    task_id: &'a str,
    stream: &'a str,
    message: &'a str,
}

/// Which lines are shown.
pub(crate) struct Wanted<'a> {
    /// Of these containers; of all, if there are none.
    pub(crate) containers: &'a [String],
    /// From this time on.
    pub(crate) since: Option<Timestamp>,
    /// Without those of health checks.
    pub(crate) health: Option<&'a HealthLines>,
}

impl Wanted<'_> {
    /// Whether this line is.
    pub(crate) fn takes(&self, entry: &Entry) -> bool {
        self.since.is_none_or(|since| entry.at >= since)
            && (self.containers.is_empty() || self.containers.contains(&entry.container))
            && !self.health.is_some_and(|health| health.matches(&entry.text))
    }
}

/// How lines are shown.
pub(crate) struct Output {
    format: Format,
    timestamps: bool,
    colours: Colours,
}

impl Output {
    pub(crate) fn new(format: Format, timestamps: bool) -> Self {
        Self { format, timestamps, colours: Colours::default() }
    }

    /// The lines as text.
    pub(crate) fn text(&mut self, entries: &[Entry]) -> Result<String, Failure> {
        let mut text = String::new();
        let width = entries.iter().map(|entry| entry.container.len()).max().unwrap_or_default();
        for entry in entries {
            match self.format {
                Format::Json => {
                    let line = Line {
                        timestamp: entry.at.to_string(),
                        container: &entry.container,
                        task_id: &entry.task,
                        stream: if entry.stderr { "stderr" } else { "stdout" },
                        message: &entry.text,
                    };
                    let _ = writeln!(text, "{}", serde_json::to_string(&line).map_err(Failure::new)?);
                }
                Format::Table => {
                    let style = self.colours.of(&entry.container);
                    let task = short(&entry.task);
                    let _ = write!(text, "{style}{:<width$} {task}{style:#} {DIM}|{DIM:#} ", entry.container);
                    if self.timestamps {
                        let _ = write!(text, "{DIM}{}{DIM:#} ", entry.at);
                    }
                    let _ = writeln!(text, "{}", entry.text);
                }
            }
        }
        Ok(text)
    }
}
