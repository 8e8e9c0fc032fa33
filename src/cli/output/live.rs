//! Draws the progress of a starting stack: redrawn in place on a terminal, a line per change elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::admin::view::shape::ClusterView;
use crate::cli::failure::Failure;
use crate::cli::output::picture::{Changes, Line, Mood, lines};
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, Printer, is_live};
use crate::cli::output::sanitise::sanitised;

/// The picture, as it was drawn last.
pub(crate) struct Live {
    changes: Changes,
    terminal: Option<Terminal>,
}

struct Terminal {
    bars: MultiProgress,
    by_subject: BTreeMap<String, ProgressBar>,
}

impl Live {
    /// Nothing is drawn yet.
    pub(crate) fn new() -> Self {
        let terminal = is_live().then(|| Terminal {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)),
            by_subject: BTreeMap::new(),
        });
        Self { changes: Changes::default(), terminal }
    }

    /// Draws the view.
    pub(crate) fn draw(&mut self, view: &ClusterView, printer: &mut Printer) {
        let changed = self.changes.lines(view);
        match &mut self.terminal {
            Some(terminal) => terminal.draw(&lines(view)),
            None => {
                for line in changed {
                    printer.note(text(&line));
                }
            }
        }
    }

    /// Writes service events that are new, and what changed, as lines that stay. For a stack that is up.
    pub(crate) fn report(&mut self, view: &ClusterView, printer: &mut Printer) {
        for line in self.changes.lines(view) {
            printer.note(text(&line));
        }
        for event in self.changes.events(view) {
            printer.note(format!("{DIM}{event}{DIM:#}"));
        }
    }

    /// A line that stays, above what is redrawn.
    pub(crate) fn note(&mut self, text: &str, printer: &mut Printer) {
        match &self.terminal {
            Some(terminal) => {
                let _ = terminal.bars.println(sanitised(text));
            }
            None => printer.note(text),
        }
    }

    /// Output of containers, above what is redrawn.
    pub(crate) fn output(&mut self, text: &str, printer: &mut Printer) -> Result<(), Failure> {
        match &self.terminal {
            Some(terminal) => terminal.bars.suspend(|| printer.container_output(text)),
            None => printer.container_output(text),
        }
    }

    /// Takes a view as known: only what differs from it is worth a line.
    pub(crate) fn prime(&mut self, view: &ClusterView) {
        self.changes.lines(view);
        self.changes.events(view);
    }

    /// Leaves what was drawn on the screen and stops redrawing it.
    pub(crate) fn finish(&mut self) {
        if let Some(terminal) = self.terminal.take() {
            for bar in terminal.by_subject.values() {
                bar.abandon();
            }
        }
    }
}

impl Terminal {
    fn draw(&mut self, lines: &[Line]) {
        self.by_subject.retain(|subject, bar| {
            let stays = lines.iter().any(|line| line.subject == *subject);
            if !stays {
                bar.finish_and_clear();
            }
            stays
        });
        for (index, line) in lines.iter().enumerate() {
            let bar = self.by_subject.entry(line.subject.clone()).or_insert_with(|| {
                let bar = self.bars.insert(index, ProgressBar::new_spinner());
                bar.set_style(style("{spinner:.cyan} {msg}"));
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            });
            bar.set_message(sanitised(&words(line)));
            match line.mood {
                Mood::Working => bar.set_style(style("{spinner:.cyan} {msg}")),
                Mood::Good => bar.set_style(style("{prefix:.green} {msg}")),
                Mood::Bad => bar.set_style(style("{prefix:.red} {msg}")),
            }
            bar.set_prefix(symbol(line.mood));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn symbol(mood: Mood) -> &'static str {
    match mood {
        Mood::Working => "·",
        Mood::Good => "✔",
        Mood::Bad => "✘",
    }
}

fn words(line: &Line) -> String {
    let detail = if line.detail.is_empty() { String::new() } else { format!("  {DIM}{}{DIM:#}", line.detail) };
    format!("{:<44} {}{detail}", line.subject, line.state)
}

fn text(line: &Line) -> String {
    let style = match line.mood {
        Mood::Working => NOTE,
        Mood::Good => GOOD,
        Mood::Bad => BAD,
    };
    format!("{style}{}{style:#} {}", symbol(line.mood), words(line))
}
