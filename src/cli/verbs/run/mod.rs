//! `run -- CMD`: runs the stack for as long as one command needs it. The command reaches and trusts the stack through its
//! environment, and on Linux through its own view of the machine ([`outfit`]); its exit code is ours ([`child`]).

mod child;
mod outfit;

pub(crate) use child::find as find_program;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use child::Launch;
use outfit::Outfit;

use crate::app::App;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::RunArgs;
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::live::Live;
use crate::cli::output::printer::Printer;
use crate::cli::running::process;
use crate::cli::running::process::Signals;
use crate::cli::running::stack;
use crate::cli::running::waiting;
use crate::cli::running::waiting::{Goal, Patience};
use crate::machine::folders::GuestLock;

/// How often it is looked whether another process has let go of a stack.
const POLL: Duration = Duration::from_millis(5);

/// `run`
pub(crate) fn run(global: &Global, args: &RunArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, Some(&args.start), true, printer)?;
    let command = Command::new(&project, args, printer)?;
    process::block_on_threads(async {
        let request = project.request(global, &args.start);
        loop {
            if let Some(stack::Applied { pid, .. }) = stack::apply(&project.folders, &request, printer).await? {
                let Some(_guest) = project.folders.be_guest()? else {
                    // The `run` that owns it has ended a moment ago, and takes it down.
                    tokio::time::sleep(POLL).await;
                    continue;
                };
                printer.note(format!(
                    "using the stack that is already running (process {pid}); this command leaves it running"
                ));
                waiting::follow(&project, Goal::Healthy, &args.start, printer).await?;
                return command.run(&project, &mut Signals::new()?).await;
            }
            let signals = Signals::new()?;
            match process::start(&project, &request).await {
                Ok(app) => return own(app, &project, args, &command, signals, printer).await,
                // Another command was a moment earlier: its stack is used.
                Err(failure) if failure.status == ExitStatus::ALREADY_RUNNING => {}
                Err(failure) => return Err(failure),
            }
        }
    })
}

/// Runs the command on a stack of our own, and takes that down.
async fn own(
    app: App,
    project: &Project,
    args: &RunArgs,
    command: &Command,
    mut signals: Signals,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    for note in app.notes() {
        printer.note(note);
    }
    let result = match until_ready(&app, project, args, &mut signals, printer).await {
        Ok(()) => command.run(project, &mut signals).await,
        Err(failure) => Err(failure),
    };
    let _closed = match &result {
        Ok(_) => until_no_guests(&app, project, &mut signals, printer).await?,
        Err(_) => None,
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
}

/// Waits for other `run`s that came while this one had the stack: their commands are not to lose it. Whoever asks for its
/// end, by a signal or by `down`, means it.
async fn until_no_guests(
    app: &App,
    project: &Project,
    signals: &mut Signals,
    printer: &mut Printer,
) -> Result<Option<GuestLock>, Failure> {
    let mut told = false;
    loop {
        if let Some(closed) = project.folders.close_to_guests()? {
            return Ok(Some(closed));
        }
        if !told {
            told = true;
            printer.note(
                "another `neargate run` is using the stack; waiting for it to end (Ctrl-C takes the stack down now)",
            );
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = signals.next() => return Ok(None),
            () = app.until_shut_down() => return Ok(None),
        }
    }
}

async fn until_ready(
    app: &App,
    project: &Project,
    args: &RunArgs,
    signals: &mut Signals,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut live = Live::new();
    let mut views = app.views();
    let failed_before = waiting::failed(&views.latest());
    let mut patience = Patience::new(Duration::from_secs(args.start.wait_timeout));
    let result = loop {
        let view = views.latest();
        live.draw(&view, printer);
        patience.saw(&view);
        let failure = waiting::cannot_listen(&view).or_else(|| waiting::failed_build(&view));
        let failure = failure.or_else(|| waiting::given_up(project, &view));
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

/// What is to be run, found and thought through before anything is started.
struct Command {
    program: PathBuf,
    words: Vec<OsString>,
    namespace: bool,
}

impl Command {
    fn new(project: &Project, args: &RunArgs, printer: &mut Printer) -> Result<Self, Failure> {
        let first = args.command.first().ok_or_else(|| Failure::usage("no command"))?;
        let program = child::find(first)?;
        let namespace = outfit::may_have_namespace(project, !args.no_namespace, printer);
        Ok(Self { program, words: args.command.clone(), namespace })
    }

    /// Once the stack runs.
    async fn run(&self, project: &Project, signals: &mut Signals) -> Result<ExitStatus, Failure> {
        let outfit = Outfit::make(project, self.namespace)?;
        let (variables, plan) = (outfit.variables.clone(), outfit.plan.clone());
        let launch = Launch { program: self.program.clone(), words: self.words.clone(), variables, plan };
        child::run(&launch, signals).await
    }
}
