//! `logs --access` and its siblings: the load balancer's own logs, as in its files.

use std::fmt::Write;

use jiff::Timestamp;

use crate::alb::logs::key::LogKind;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{Format, LogsArgs};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::logs::load_balancer::reader::{Line, RecordReader};
use crate::machine::following::Following;
use crate::model::Topology;

/// What the user wants to see instead of containers' output.
pub(crate) fn wanted(args: &LogsArgs) -> Option<LogKind> {
    let flags = [
        (args.access, LogKind::Access),
        (args.connections, LogKind::Connection),
        (args.health_checks, LogKind::HealthCheck),
    ];
    flags.into_iter().find_map(|(given, kind)| given.then_some(kind))
}

/// Prints it.
pub(crate) fn logs(
    global: &Global,
    args: &LogsArgs,
    kind: LogKind,
    since: Option<Timestamp>,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let (name, folders) = project::identify(global)?;
    let mut reader = RecordReader::new(folders.load_balancer_logs(), kind, args.load_balancer.clone());
    let mut lines = reader.read()?;
    if lines.is_empty() && !args.follow {
        if folders.lock_is_free()? {
            return Err(asking::not_running(&name));
        }
        let topology = project::topology_if_readable(global);
        if let (Some(topology), Some(name)) = (&topology, &args.load_balancer) {
            project::load_balancer(topology, name)?;
        }
        return Err(nothing_written(kind, topology.as_ref(), args.load_balancer.as_deref()));
    }
    let is_wanted = |line: &Line| since.is_none_or(|since| line.at >= since);
    lines.retain(is_wanted);
    if let Some(tail) = args.tail {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    print(args, &lines, printer)?;
    if !args.follow {
        return Ok(ExitStatus::SUCCESS);
    }
    asking::block_on(async {
        let mut following = Following::of(folders.load_balancer_logs());
        loop {
            // Ends with the stack, as compose's does.
            let ended = folders.lock_is_free()?;
            let mut lines = reader.read()?;
            lines.retain(is_wanted);
            print(args, &lines, printer)?;
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

/// Off, or on and no line yet.
fn nothing_written(kind: LogKind, topology: Option<&Topology>, of: Option<&str>) -> Failure {
    let balancers = topology.iter().flat_map(|topology| topology.load_balancers.values());
    let wanted = balancers.filter(|balancer| of.is_none_or(|name| name == balancer.name.as_str()));
    let mut attributes = wanted.map(|balancer| &balancer.attributes);
    let (what, key, is_on) = match kind {
        LogKind::Access => ("access", "access_logs", attributes.any(|all| all.access_logs.is_some())),
        LogKind::Connection => ("connection", "connection_logs", attributes.any(|all| all.connection_logs.is_some())),
        LogKind::HealthCheck => {
            ("health check", "health_check_logs", attributes.any(|all| all.health_check_logs.is_some()))
        }
    };
    if is_on {
        return Failure::new(format!("the {what} log has no lines"));
    }
    let field = format!("{key}: {{ enabled: true }}");
    let field = match (topology.is_some_and(Topology::has_several_load_balancers), of) {
        (false, _) => format!("load_balancer: {{ {field} }}"),
        (true, of) => format!("load_balancers: {{ {}: {{ {field} }} }}", of.unwrap_or("NAME")),
    };
    Failure::new(format!("{what} logging is off; turn it on with `{field}`"))
}

fn print(args: &LogsArgs, lines: &[Line], printer: &mut Printer) -> Result<(), Failure> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for line in lines {
        let _ = match args.format.format {
            Format::Table => writeln!(text, "{}", line.text),
            Format::Json => {
                let value = serde_json::json!({ "timestamp": line.at.to_string(), "message": line.text });
                writeln!(text, "{value}")
            }
        };
    }
    printer.data(&text)
}
