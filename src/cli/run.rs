//! `run -- CMD`: the stack for as long as one command needs it. The command finds the stack and trusts it by its
//! environment alone; its exit code is ours.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use crate::app::{self, App};
use crate::cli::live::Live;
use crate::cli::printer::Printer;
use crate::cli::process::{self, Signals};
use crate::cli::project::{self, Project};
use crate::cli::waiting::{self, Goal, Patience};
use crate::cli::{ExitStatus, Failure, Global, RunArgs, stack};
use crate::control::view::ClusterView;
use crate::trust::environment;

/// `run`
pub(crate) fn run(global: &Global, args: &RunArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, Some(&args.start), true, printer)?;
    process::block_on_threads(async {
        let request = project.request(global, &args.start);
        if let Some(pid) = stack::apply(&project.folders, &request, printer).await? {
            printer.note(format!(
                "using the stack that is already running (process {pid}); it will keep running afterwards"
            ));
            waiting::follow(&project, Goal::Healthy, &args.start, printer).await?;
            return command(&project, args, &mut Signals::new()?).await;
        }
        let mut signals = Signals::new()?;
        let app = process::start(&project, &request).await?;
        for note in app.notes() {
            printer.note(note);
        }
        let result = match until_ready(&app, &project, args, &mut signals, printer).await {
            Ok(()) => command(&project, args, &mut signals).await,
            Err(failure) => Err(failure),
        };
        let stopped = process::stop(app, signals, printer).await;
        // The command's own exit code says more than a failure to clean up; that is printed, not returned.
        match (result, stopped) {
            (Ok(status), Ok(())) => Ok(status),
            (Ok(status), Err(failure)) => {
                printer.failure(&failure);
                Ok(status)
            }
            (Err(failure), _) => Err(failure),
        }
    })
}

async fn until_ready(
    app: &App,
    project: &Project,
    args: &RunArgs,
    signals: &mut Signals,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut live = Live::new();
    let mut views = app.view();
    let failed_before = waiting::failed(&views.borrow());
    let mut patience = Patience::new(Duration::from_secs(args.start.wait_timeout));
    let result = loop {
        let view: Arc<ClusterView> = Arc::clone(&views.borrow_and_update());
        live.draw(&view, printer);
        patience.saw(&view);
        let failure = waiting::cannot_listen(&view).or_else(|| waiting::failed_build(&view));
        if let Some(failure) = failure.or_else(|| waiting::is_hopeless(project, &view, &failed_before)) {
            break Err(failure);
        }
        if view.ready {
            break Ok(());
        }
        tokio::select! {
            _ = views.changed() => {}
            () = patience.is_over() => break Err(Failure {
                status: ExitStatus::NOT_HEALTHY,
                message: waiting::not_in_time(project, Some(&view), args.start.wait_timeout),
            }),
            () = signals.next() => break Err(Failure::printed(ExitStatus::INTERRUPTED)),
        }
    };
    live.finish();
    result
}

/// Runs the command and waits for it. Signals reach it by itself when they come from the terminal; a SIGTERM for us
/// alone ends it too.
async fn command(project: &Project, args: &RunArgs, signals: &mut Signals) -> Result<ExitStatus, Failure> {
    let environment = environment::environment(
        &project.folders.ca_certificate_in_use(),
        &project.folders.ca_bundle(),
        &project.topology.domains,
        &app::reachable(&project.topology),
    );
    let (program, arguments) = args.command.split_first().ok_or_else(|| Failure::usage("no command"))?;
    let mut child =
        tokio::process::Command::new(program).args(arguments).envs(environment).kill_on_drop(true).spawn().map_err(
            |error| Failure {
                // As a shell answers: 127 for a command that is not there, 126 for one that cannot be run.
                status: ExitStatus(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 }),
                message: format!("{}: {error}", program.to_string_lossy()),
            },
        )?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            () = signals.next() => terminate(&child),
        }
    };
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitStatus(u8::try_from(code).unwrap_or(1)))
}

fn terminate(child: &tokio::process::Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended in the meantime, which is what we want.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}
