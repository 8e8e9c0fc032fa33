//! `logs`: the containers' output, merged by time, from the files that the running stack keeps.

use std::collections::BTreeSet;

use jiff::{Span, Timestamp, ToSpan};

use crate::admin::view::shape::ClusterView;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::LogsArgs;
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::follow::{Output, Wanted};
use crate::cli::output::health_lines::HealthLines;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::cli::verbs::records;
use crate::logs::containers::reader::{Entry, LogReader};
use crate::machine::following::Following;

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
        return Err(asking::not_running(&name));
    }
    let view = asking::block_on(asking::view(&folders))?;
    refuse_unknown_containers(args, &known_containers(global, view.as_ref(), &entries))?;
    let health = match (args.no_health, &view) {
        (true, Some(view)) => Some(HealthLines::from_view(view)),
        (true, None) => Some(HealthLines::default()),
        (false, _) => None,
    };
    let wanted = Wanted { containers: &args.containers, since, health: health.as_ref() };
    entries.retain(|entry| wanted.takes(entry));
    if let Some(tail) = args.tail {
        entries.drain(..entries.len().saturating_sub(tail));
    }
    let mut output = Output::new(args.format.format, args.timestamps);
    printer.container_output(&output.text(&entries)?)?;
    if !args.follow {
        return Ok(ExitStatus::SUCCESS);
    }
    asking::block_on(async {
        let mut following = Following::of(folders.container_logs());
        loop {
            // Ends with the stack, as compose's does. Asked before the reading, which is then the last.
            let ended = folders.lock_is_free()?;
            let mut entries = reader.read()?;
            entries.retain(|entry| wanted.takes(entry));
            printer.container_output(&output.text(&entries)?)?;
            if ended {
                return Ok(ExitStatus::SUCCESS);
            }
            tokio::select! {
                () = following.grown() => {}
                _ = tokio::signal::ctrl_c() => return Ok(ExitStatus::INTERRUPTED),
            }
        }
    })
}

/// A name that is no container's would be waited for in vain.
fn refuse_unknown_containers(args: &LogsArgs, known: &BTreeSet<String>) -> Result<(), Failure> {
    let Some(unknown) = args.containers.iter().find(|name| !known.contains(*name)) else { return Ok(()) };
    let there: Vec<&str> = known.iter().map(String::as_str).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    let hint = match args.follow && unknown.contains(['.', '/']) {
        true => format!(" (`-f` means --follow here; put a file before the verb: neargate -f {unknown} logs)"),
        false => String::new(),
    };
    Err(Failure::new(format!("no container `{unknown}`; the containers are: {there}{hint}")))
}

/// The containers that there are, or were: of the file, of the running stack, and of the output that is kept.
fn known_containers(global: &Global, view: Option<&ClusterView>, entries: &[Entry]) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = entries.iter().map(|entry| entry.container.clone()).collect();
    let tasks = view.iter().flat_map(|view| &view.services).flat_map(|service| &service.tasks);
    known.extend(tasks.flat_map(|task| &task.containers).map(|container| container.name.clone()));
    if let Some(topology) = project::topology_if_readable(global) {
        let containers = topology.services.values().flat_map(|service| &service.task_definition.containers);
        known.extend(containers.map(|container| container.name.to_string()));
    }
    known
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
                "--since {text}: neither a timestamp (2026-01-02T13:23:37Z) nor an age (10m, 1h30m)"
            ))
        })?,
    };
    now.checked_sub(ago).map_err(|error| Failure::usage(format!("--since {text}: {error}")))
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
