//! What a person sees of a run: a line for each step, the output of a step that fails, annotations, summaries.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, Printer, STRONG};
use crate::pipeline::job::Outcome;
use crate::pipeline::protocol::commands::{Annotation, Level};
use crate::runner::Event;

/// Prints events as they come.
pub(super) struct Report<'p> {
    printer: &'p mut Printer,
    /// Whether the output of every step is printed.
    log: bool,
    /// The output of the steps that run, one within the other, held back until they fail.
    held: Vec<String>,
    summaries: Vec<String>,
    failures: Vec<String>,
    job: String,
}

impl<'p> Report<'p> {
    pub(super) fn new(printer: &'p mut Printer, log: bool) -> Self {
        Self { printer, log, held: Vec::new(), summaries: Vec::new(), failures: Vec::new(), job: String::new() }
    }

    pub(super) fn note(&mut self, text: String) {
        self.printer.note(text);
    }

    pub(super) fn hear(&mut self, event: Event) {
        match event {
            Event::Job(name) => {
                self.printer.note(format!("{STRONG}{name}{STRONG:#}"));
                self.job = name;
            }
            Event::JobSkipped(name, why) => {
                self.printer.note(format!("{DIM}- {name}: skipped, {why}{DIM:#}"));
            }
            Event::JobDone(name, outcome, took) => {
                self.printer.note(format!("{} {name}: {} in {}", mark(outcome), outcome.word(), time(took)));
            }
            Event::Step(name) => {
                if self.log {
                    self.printer.note(format!("{}{DIM}> {name}{DIM:#}", self.indent()));
                }
                self.held.push(String::new());
            }
            Event::StepSkipped(name, why) => {
                self.printer.note(format!("{}{DIM}- {name}: skipped, {why}{DIM:#}", self.indent()));
            }
            Event::StepDone(name, outcome, conclusion, took) => {
                let output = self.held.pop().unwrap_or_default();
                let forgiven = if outcome == conclusion { "" } else { " (continue-on-error)" };
                self.printer.note(format!("{}{} {name}{forgiven}  {}", self.indent(), mark(outcome), time(took)));
                if outcome == Outcome::Failure {
                    if !self.log {
                        self.printer.note(output.trim_end());
                    }
                    if conclusion == Outcome::Failure && self.held.is_empty() {
                        self.failures.push(format!("{}: {name}", self.job));
                    }
                }
            }
            Event::Line(text) => self.line(&text),
            Event::Group(title) => self.line(&format!("{STRONG}{title}{STRONG:#}")),
            Event::EndGroup | Event::Debug(_) => {}
            Event::Annotation(annotation) => self.annotation(&annotation),
            Event::Note(text) => self.printer.note(format!("{}{NOTE}!{NOTE:#} {text}", self.indent())),
            Event::Summary(text) => self.summaries.push(text),
        }
    }

    /// Two spaces for the job, and two for each step around.
    fn indent(&self) -> String {
        "  ".repeat(self.held.len() + 1)
    }

    fn line(&mut self, text: &str) {
        if self.log {
            self.printer.note(format!("{}{text}", self.indent()));
        } else {
            let indent = self.indent();
            for held in &mut self.held {
                // A string takes everything.
                let _ = writeln!(held, "{indent}{text}");
            }
        }
    }

    fn annotation(&mut self, annotation: &Annotation) {
        let Annotation { level, message, title, file, line, .. } = annotation;
        let (style, word) = match level {
            Level::Error => (BAD, "error"),
            Level::Warning => (NOTE, "warning"),
            Level::Notice => (STRONG, "notice"),
        };
        let place = match (file, line) {
            (Some(file), Some(line)) => format!(" {file}:{line}:"),
            (Some(file), None) => format!(" {file}:"),
            _ => String::new(),
        };
        let title = title.as_ref().map(|title| format!(" {title}:")).unwrap_or_default();
        self.printer.note(format!("{}{style}{word}:{style:#}{place}{title} {message}", self.indent()));
    }

    pub(super) fn end(&mut self, outcome: Outcome) {
        for summary in std::mem::take(&mut self.summaries) {
            self.printer.note(format!("\n{}", summary.trim_end()));
        }
        if !self.failures.is_empty() {
            self.printer.note(format!("\nfailed: {}", self.failures.join("; ")));
        }
        if outcome == Outcome::Cancelled {
            self.printer.note("the run was cancelled");
        }
    }
}

fn mark(outcome: Outcome) -> String {
    match outcome {
        Outcome::Success => format!("{GOOD}✓{GOOD:#}"),
        Outcome::Failure => format!("{BAD}✗{BAD:#}"),
        Outcome::Cancelled => format!("{NOTE}!{NOTE:#}"),
        Outcome::Skipped => "-".to_owned(),
    }
}

fn time(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds >= 60 { format!("{}m{:02}s", seconds / 60, seconds % 60) } else { format!("{:.1}s", took.as_secs_f64()) }
}
