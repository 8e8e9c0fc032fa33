//! The common part of every process that runs a stack, in the foreground (`up`, `run`) or behind `up -d`: its threads, the
//! signals that end it, the start and the end of the stack.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::admin::wire::UpRequest;
use crate::app::{App, ShutDown, StartError, chain};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::printer::Printer;
use crate::cli::running::stopping::Stopping;

/// A runtime for a process that runs a stack: the control plane and Docker share two threads; the data plane has its
/// own.
pub(crate) fn block_on_threads<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    raise_open_files();
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

/// A load balancer takes as many connections as come, each with two descriptors. The soft limit of most systems (256,
/// 1024) is there for programs that use `select`; those that do not raise it to the hard one, as Go's runtime does
/// (<https://go.dev/doc/go1.19>, `os`).
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some() && limit.current != limit.maximum {
        // macOS has a lower limit still and refuses; then the one in force has to do.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}

/// Starts the stack of a project; a start that fails leaves nothing.
pub(crate) async fn start(project: &Project, request: &UpRequest) -> Result<App, Failure> {
    App::start(Arc::clone(&project.topology), request, project.folders.clone(), Arc::new(project::reload))
        .await
        .map_err(|error| start_failure(&error))
}

/// Takes the stack down, showing how it goes; a second signal stops the waiting.
pub(crate) async fn stop(app: App, mut signals: Signals, printer: &mut Printer) -> Result<(), Failure> {
    printer.note("taking the stack down (Ctrl-C to force)");
    let urgent = app.shut_down();
    let mut views = app.views();
    let stopping = app.stop();
    tokio::pin!(stopping);
    let mut slow = Stopping::default();
    let result = loop {
        tokio::select! {
            result = &mut stopping => break result,
            () = signals.next() => { urgent.send_replace(ShutDown::AtOnce); }
            () = Stopping::wait() => {
                for notice in slow.notices(&views.latest(), Instant::now(), "Ctrl-C kills it now") {
                    printer.note(notice);
                }
            }
        }
    };
    result.map_err(|error| start_failure(&error))
}

/// The signals that ask a process to end: Ctrl-C and Ctrl-\\, `kill`, a terminal that is closed.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    outlives_terminal: bool,
    quit: tokio::signal::unix::Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            outlives_terminal: false,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Those of a process that goes on when the terminal it was started from is closed.
    pub(crate) fn in_the_background() -> Result<Self, Failure> {
        Ok(Self { outlives_terminal: true, ..Self::new()? })
    }

    /// The next one. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        self.next_signal().await;
    }

    /// The next one, and which. Cancel-safe.
    pub(crate) async fn next_signal(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv(), if !self.outlives_terminal => Signal::HUP,
            _ = self.quit.recv() => Signal::QUIT,
        }
    }
}

fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::Runtime(error) => error.into(),
        StartError::AlreadyRunning(_) => Failure { status: ExitStatus::ALREADY_RUNNING, message: chain(error) },
        other => Failure::new(chain(other)),
    }
}
