//! `up`: starts the stack here or in the background, or applies a changed file to the one that runs.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::wire::{Request, UpRequest};
use crate::app::{App, ShutDown, StartError, chain};
use crate::cli::background::{in_the_background, wait_for_background};
use crate::cli::live::Live;
use crate::cli::printer::Printer;
use crate::cli::project::{self, Project};
use crate::cli::stack;
use crate::cli::waiting::{Goal, cannot_listen, follow};
use crate::cli::{ExitStatus, Failure, Global, UpArgs, welcome};

/// `up`
pub(crate) fn up(global: &Global, args: &UpArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, Some(&args.start), true, printer)?;
    let goal = match (args.wait, args.detach) {
        (true, _) => Goal::Healthy,
        (false, true) => Goal::Started,
        (false, false) => Goal::Forever,
    };
    block_on_threads(async {
        let request = project.request(global, &args.start);
        if let Some(pid) = stack::request(&project.folders, &Request::Apply(request.clone())).await? {
            printer.note(format!("applied {} to the running stack (process {pid})", project.file.display()));
            let goal = if goal == Goal::Forever { Goal::Healthy } else { goal };
            return follow(&project, goal, &args.start, printer).await;
        }
        if goal == Goal::Forever {
            in_the_foreground(&project, &request, printer).await
        } else {
            let background = in_the_background(&project, global, &args.start)?;
            wait_for_background(&project, background, goal, &args.start, printer).await
        }
    })
}

/// A runtime for a process that runs a stack: the control plane and Docker share two threads; the data plane has its
/// own.
pub(crate) fn block_on_threads<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::from(error).context("cannot start the async runtime"))?;
    let result = runtime.block_on(future);
    // What still blocks (a DNS lookup, a file) must not hold up the exit.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::Runtime(error) => error.clone().into(),
        other => Failure::new(chain(other)),
    }
}

pub(crate) async fn start(project: &Project, request: &UpRequest) -> Result<App, Failure> {
    App::start(Arc::clone(&project.topology), request, project.folders.clone(), Arc::new(project::reload))
        .await
        .map_err(|error| {
            if !matches!(error, StartError::AlreadyRunning) {
                // Nothing half done: the folder was made for this start.
                let _ = project.folders.remove_state();
            }
            start_failure(&error)
        })
}

async fn in_the_foreground(
    project: &Project,
    request: &UpRequest,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    // Asked for before anything is started, so that no Ctrl-C can come too early.
    let mut signals = Signals::new()?;
    let app = start(project, request).await?;
    for note in app.notes() {
        printer.note(note);
    }
    let mut views = app.view();
    let mut live = Live::new();
    let mut welcomed = false;
    let status = loop {
        let view = Arc::clone(&views.borrow_and_update());
        if let Some(failure) = cannot_listen(&view) {
            live.finish();
            printer.failure(&failure);
            break failure.status;
        }
        if welcomed {
            live.report(&view, printer);
        } else {
            live.draw(&view, printer);
            if view.ready {
                live.finish();
                welcomed = true;
                welcome::print(project, &view, true, printer);
            }
        }
        tokio::select! {
            _ = views.changed() => {}
            () = signals.next() => break ExitStatus::INTERRUPTED,
            () = app.until_shut_down() => break ExitStatus::SUCCESS,
        }
    };
    live.finish();
    stop(app, signals, printer).await?;
    Ok(status)
}

/// Takes the stack down, showing how it goes; a second signal stops the waiting.
pub(crate) async fn stop(app: App, mut signals: Signals, printer: &mut Printer) -> Result<(), Failure> {
    printer.note("stopping (Ctrl-C again to stop at once)");
    let urgent = app.shut_down();
    let stopping = app.stop();
    tokio::pin!(stopping);
    let result = loop {
        tokio::select! {
            result = &mut stopping => break result,
            () = signals.next() => { urgent.send_replace(ShutDown::AtOnce); }
        }
    };
    result.map_err(|error| start_failure(&error))
}

/// SIGINT and SIGTERM.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next one. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
