//! The only place that writes to standard output and standard error. Data goes to the first, everything else to the
//! second; colours only if the terminal supports them, and no other control sequences.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use tracing_subscriber::EnvFilter;

use crate::cli::failure::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::input::global::Color;
use crate::cli::output::sanitise;
use crate::cli::output::sanitise::{Sanitised, sanitised};

/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Bad news.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Something to know.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
/// Less important.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Names.
pub(crate) const STRONG: Style = Style::new().bold();

/// The longest that the log of a background process gets, in bytes.
const LONGEST_LOG: u64 = 16 << 20;

/// Where output goes.
pub(crate) struct Printer {
    out: Sanitised<AutoStream<io::Stdout>>,
    err: Sanitised<AutoStream<io::Stderr>>,
}

impl Printer {
    /// As `--color` says.
    pub(crate) fn new(color: Color) -> Self {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        if choice != ColorChoice::Auto {
            choice.write_global();
        }
        Self {
            out: Sanitised::new(AutoStream::new(io::stdout(), choice)),
            err: Sanitised::new(AutoStream::new(io::stderr(), choice)),
        }
    }

    /// What was asked for. A reader that hangs up (`| head`) has enough: the program ends quietly.
    pub(crate) fn data(&mut self, text: &str) -> Result<(), Failure> {
        self.output(&sanitised(text))
    }

    /// Output of containers: a terminal gets it as they wrote it, as from `docker logs`.
    pub(crate) fn container_output(&mut self, text: &str) -> Result<(), Failure> {
        self.output(text)
    }

    fn output(&mut self, text: &str) -> Result<(), Failure> {
        match self.out.raw().and_then(|out| out.write_all(text.as_bytes()).and_then(|()| out.flush())) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::printed(ExitStatus::SUCCESS)),
            other => other.map_err(Failure::from),
        }
    }

    /// A value as JSON, indented on a terminal.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text =
            if io::stdout().is_terminal() { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        self.output(&format!("{}\n", sanitise::json(&text.map_err(Failure::new)?)))
    }

    /// A value as JSON on one line, for streams.
    pub(crate) fn json_line(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(Failure::new)?;
        self.output(&format!("{}\n", sanitise::json(&text)))
    }

    /// A line of progress or advice.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        // Standard error has no reader any more: nothing is lost.
        let _ = writeln!(self.err, "{text}");
    }

    /// Why the command failed.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if !failure.message.is_empty() {
            let _ = writeln!(self.err, "{BAD}error:{BAD:#} {}", failure.message);
        }
    }

    /// Where diagnostics of the file and the like are written.
    pub(crate) fn err(&mut self) -> &mut impl Write {
        &mut self.err
    }

    /// Standard output and standard error, for what writes to both.
    pub(crate) fn both(&mut self) -> (&mut dyn Write, &mut dyn Write) {
        (&mut self.out, &mut self.err)
    }
}

/// Whether people read standard error as it is written.
pub(crate) fn is_live() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// neargate's own diagnostics on standard error: warnings while a stack runs in the foreground, more with `-v`.
pub(crate) fn install_diagnostics(verbose: u8, runs_a_stack: bool) {
    let level = match (verbose, runs_a_stack) {
        (0, false) => "error",
        (0, true) => "error,neargate=warn",
        (1, _) => "warn,neargate=debug",
        _ => "info,neargate=trace,bollard=debug",
    };
    install(level, || Sanitised::new(io::stderr()));
}

/// The same for the background process, whose standard error is its log file. The file grows to a limit: whatever is
/// said in a loop, it does not fill the disk.
pub(crate) fn install_background_diagnostics() {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    install("warn,neargate=info", || Limited {
        inner: Sanitised::new(io::stderr()),
        written: &WRITTEN,
        limit: LONGEST_LOG,
    });
}

/// Writes to a limit, says that it is reached, and then takes everything without writing it.
struct Limited<'a, W> {
    inner: W,
    written: &'a AtomicU64,
    limit: u64,
}

impl<W: Write> Write for Limited<'_, W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let before = self.written.fetch_add(text.len() as u64, Ordering::Relaxed);
        let after = before + text.len() as u64;
        if after <= self.limit {
            self.inner.write_all(text)?;
        } else if before <= self.limit {
            writeln!(self.inner, "this log is full; nothing more will be written to it")?;
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn install<W>(default: &str, writer: W)
where
    W: for<'writer> tracing_subscriber::fmt::MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A second installation (tests) changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(colour)
        .with_target(false)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_says_that_it_is_full_once() {
        let written = AtomicU64::new(0);
        let mut text = Vec::new();
        for _ in 0..5 {
            Limited { inner: &mut text, written: &written, limit: 10 }.write_all(b"four").unwrap();
        }
        assert_eq!(String::from_utf8(text).unwrap(), "fourfourthis log is full; nothing more will be written to it\n");
    }
}
