//! `logs`: the containers' output, merged by time, from the files that the running stack keeps.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::{Span, Timestamp, ToSpan};
use serde::Serialize;

use crate::cli::picture::short;
use crate::cli::printer::{DIM, Printer};
use crate::cli::{ExitStatus, Failure, Format, Global, LogsArgs, project, records, stack};
use crate::logs::reader::{Entry, LogReader};

/// How often a followed file is looked at.
pub(crate) const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

/// `logs`
pub(crate) fn logs(global: &Global, args: &LogsArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let since = args.since.as_deref().map(|text| parse_since(text, Timestamp::now())).transpose()?;
    if let Some(kind) = records::wanted(args) {
        return records::logs(global, args, kind, since, printer);
    }
    let (name, folders) = project::identify(global)?;
    let mut reader = LogReader::new(folders.container_logs());
    let mut entries = reader.read()?;
    if entries.is_empty() && !folders.container_logs().exists() && !args.follow {
        return Err(stack::not_running(&name));
    }
    refuse_unknown_containers(args, &entries)?;
    entries.retain(|entry| is_wanted(args, since, entry));
    if let Some(tail) = args.tail {
        entries.drain(..entries.len().saturating_sub(tail));
    }
    let mut shown = Colours::default();
    print(args, &entries, &mut shown, printer)?;
    if !args.follow {
        return Ok(ExitStatus::SUCCESS);
    }
    stack::block_on(async {
        loop {
            // Ends with the stack, as compose's does. Asked before the reading, which is then the last.
            let ended = folders.lock_is_free()?;
            let mut entries = reader.read()?;
            entries.retain(|entry| is_wanted(args, since, entry));
            print(args, &entries, &mut shown, printer)?;
            if ended {
                return Ok(ExitStatus::SUCCESS);
            }
            tokio::select! {
                () = tokio::time::sleep(FOLLOW_INTERVAL) => {}
                _ = tokio::signal::ctrl_c() => return Ok(ExitStatus::INTERRUPTED),
            }
        }
    })
}

fn refuse_unknown_containers(args: &LogsArgs, entries: &[Entry]) -> Result<(), Failure> {
    for name in &args.containers {
        if !args.follow && !entries.iter().any(|entry| entry.container == *name) {
            let mut known: Vec<&str> = entries.iter().map(|entry| entry.container.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(Failure::new(format!(
                "container `{name}` has written nothing; those that have: {}",
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            )));
        }
    }
    Ok(())
}

fn is_wanted(args: &LogsArgs, since: Option<Timestamp>, entry: &Entry) -> bool {
    since.is_none_or(|since| entry.at >= since)
        && (args.containers.is_empty() || args.containers.contains(&entry.container))
}

/// A point in time, or how long ago.
fn parse_since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(timestamp) = text.parse() {
        return Ok(timestamp);
    }
    let ago: Span = match text.parse::<i64>() {
        Ok(seconds) => seconds.seconds(),
        Err(_) => text.parse().map_err(|_| {
            Failure::usage(format!(
                "--since {text}: neither a timestamp (2026-01-02T13:23:37Z) nor a time ago (10m, 1h30m)"
            ))
        })?,
    };
    now.checked_sub(ago).map_err(|error| Failure::usage(format!("--since {text}: {error}")))
}

/// Which container has which colour, in the order they first spoke.
#[derive(Default)]
struct Colours(BTreeMap<String, Style>);

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
struct Line<'a> {
    timestamp: String,
    container: &'a str,
    task_id: &'a str,
    stream: &'a str,
    message: &'a str,
}

fn print(args: &LogsArgs, entries: &[Entry], colours: &mut Colours, printer: &mut Printer) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    let width = entries.iter().map(|entry| entry.container.len()).max().unwrap_or_default();
    for entry in entries {
        match args.format.format {
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
                let style = colours.of(&entry.container);
                let _ =
                    write!(text, "{style}{:<width$} {}{style:#} {DIM}|{DIM:#} ", entry.container, short(&entry.task));
                if args.timestamps {
                    let _ = write!(text, "{DIM}{}{DIM:#} ", entry.at);
                }
                let _ = writeln!(text, "{}", entry.text);
            }
        }
    }
    printer.data(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_takes_a_time_or_how_long_ago() {
        let now: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        let at = |text: &str| parse_since(text, now).map(|at| at.to_string());
        assert_eq!(at("2026-01-01T00:00:00Z").unwrap(), "2026-01-01T00:00:00Z");
        assert_eq!(at("10m").unwrap(), "2026-01-02T11:50:00Z");
        assert_eq!(at("90").unwrap(), "2026-01-02T11:58:30Z");
        assert_eq!(at("yesterday").unwrap_err().status, ExitStatus::USAGE);
    }
}
