//! `up`: starts the stack here or in the background, or applies a changed file to the one that runs.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::admin::wire::{Request, UpRequest};
use crate::app::{App, ShutDown, StartError, chain};
use crate::cli::live::Live;
use crate::cli::printer::{self, Printer};
use crate::cli::project::{self, Project};
use crate::cli::stack;
use crate::cli::{ExitStatus, Failure, Global, StartArgs, UpArgs, welcome};
use crate::control::view::{ClusterView, ServiceView};

/// A service whose tasks have failed this often will not come up (ECS developer guide, "Deployment circuit breaker": the
/// threshold of a service with few tasks).
const FAILED_TASKS_TO_GIVE_UP: u32 = 3;

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

/// What `up` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Every service runs its tasks.
    Started,
    /// Every target is healthy.
    Healthy,
    /// Ctrl-C.
    Forever,
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

/// The process behind `up -d`.
pub(crate) fn background(global: &Global, args: &UpArgs) -> Result<ExitStatus, Failure> {
    printer::install_background_diagnostics();
    let mut printer = Printer::new(global.color);
    let project = project::load(global, Some(&args.start), false, &mut printer)?;
    block_on_threads(async {
        let mut signals = Signals::new()?;
        let app = start(&project, &project.request(global, &args.start)).await?;
        for note in app.notes() {
            tracing::info!("{note}");
        }
        let mut views = app.view();
        loop {
            let failure = cannot_listen(&views.borrow_and_update().clone());
            if let Some(failure) = failure {
                stop(app, signals, &mut printer).await?;
                return Err(failure);
            }
            if views.borrow().listeners.iter().all(|listener| listener.bound) {
                break;
            }
            tokio::select! {
                _ = views.changed() => {}
                () = signals.next() => break,
                () = app.until_shut_down() => break,
            }
        }
        tokio::select! {
            () = signals.next() => {}
            () = app.until_shut_down() => {}
        }
        stop(app, signals, &mut printer).await?;
        Ok(ExitStatus::SUCCESS)
    })
}

/// A port that cannot be bound ends a start: a stack that nobody can reach is of no use.
pub(crate) fn cannot_listen(view: &ClusterView) -> Option<Failure> {
    let messages: Vec<&str> = view.listeners.iter().filter_map(|listener| listener.error.as_deref()).collect();
    (!messages.is_empty()).then(|| Failure::new(messages.join("\n")))
}

/// The process behind `up -d`, and what it writes. A start that fails removes its folder with the log in it, hence the
/// open file.
struct Background {
    child: Child,
    log: File,
}

/// Starts this program again, detached: its own session, no terminal, output into its log file.
fn in_the_background(project: &Project, global: &Global, start: &StartArgs) -> Result<Background, Failure> {
    project.folders.create_state()?;
    let mut options = OpenOptions::new();
    // Appending, so that where we read does not decide where it writes.
    options.create(true).read(true).append(true).mode(0o600);
    let log = options.open(project.folders.process_log())?;
    log.set_len(0)?;
    let program = std::env::current_exe().map_err(|error| Failure::from(error).context("cannot find this program"))?;
    let mut command = Command::new(program);
    command.arg("background").arg("--file").arg(&project.file).args(["--color", "never"]);
    if let Some(name) = &global.project_name {
        command.arg("--project-name").arg(name);
    }
    for (port, local) in &start.listen {
        command.arg("--listen").arg(format!("{port}={local}"));
    }
    if let Some(factor) = start.time_scale {
        command.arg("--time-scale").arg(factor.to_string());
    }
    if let Some(address) = start.admin {
        command.arg("--admin").arg(address.to_string());
    }
    command.args(start.build.then_some("--build")).args(start.pull.then_some("--pull"));
    let folder = project.file.parent().unwrap_or(std::path::Path::new("/"));
    // A group of its own: Ctrl-C here is not meant for it.
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.try_clone()?).process_group(0);
    let child = command.spawn().map_err(|error| Failure::from(error).context("cannot start the background process"))?;
    Ok(Background { child, log })
}

/// Waits until the background process answers, then until the goal is reached. If the process ends before, its last
/// words are the failure.
async fn wait_for_background(
    project: &Project,
    mut background: Background,
    goal: Goal,
    start: &StartArgs,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    loop {
        if let Some(status) = background.child.try_wait()? {
            return Err(last_words(project, &mut background.log, status.code()));
        }
        if project.folders.socket().exists() && stack::view(&project.folders).await?.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    match follow(project, goal, start, printer).await {
        Err(failure) if failure.status == ExitStatus::FAILED && is_ending(project).await => {
            Err(last_words(project, &mut background.log, background.child.wait()?.code()))
        }
        other => other,
    }
}

/// Whether the process behind `up -d` has ended or is about to: without a port it takes down what it has started.
/// Whoever is told so should find nothing half done.
async fn is_ending(project: &Project) -> bool {
    match stack::view(&project.folders).await {
        Ok(Some(view)) => view.shutting_down || cannot_listen(&view).is_some(),
        Ok(None) | Err(_) => true,
    }
}

fn last_words(project: &Project, log: &mut File, code: Option<i32>) -> Failure {
    let mut text = String::new();
    // What cannot be read is as good as not written.
    let _ = log.rewind().and_then(|()| log.read_to_string(&mut text));
    let _ = project.folders.remove_state();
    let status = code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
    let message = text.trim_end().rsplit_once("error: ").map_or(text.trim_end(), |(_, message)| message);
    let message = if message.is_empty() { "the background process ended without a word" } else { message };
    Failure { status: ExitStatus(status.unwrap_or(1)), message: message.to_owned() }
}

/// Shows how the running stack comes up, until the goal is reached or cannot be any more.
pub(crate) async fn follow(
    project: &Project,
    goal: Goal,
    start: &StartArgs,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let mut live = Live::new();
    let outcome = follow_views(project, goal, start, &mut live, printer).await;
    live.finish();
    let view = outcome?;
    welcome::print(project, &view, false, printer);
    Ok(ExitStatus::SUCCESS)
}

async fn follow_views(
    project: &Project,
    goal: Goal,
    start: &StartArgs,
    live: &mut Live,
    printer: &mut Printer,
) -> Result<ClusterView, Failure> {
    let deadline = Instant::now() + Duration::from_secs(start.wait_timeout);
    let Some(mut conversation) = stack::ask(&project.folders, &Request::Watch).await? else {
        return Err(Failure::printed(ExitStatus::FAILED));
    };
    let mut signals = Signals::new()?;
    let mut last: Option<ClusterView> = None;
    let mut crashed_before = None;
    loop {
        let next = tokio::select! {
            // Cancel-safe enough: on the other arms the conversation is not used again.
            next = conversation.view() => next,
            () = tokio::time::sleep_until(deadline) => {
                return Err(goes_on(Failure {
                    status: ExitStatus::NOT_HEALTHY,
                    message: not_in_time(last.as_ref(), start.wait_timeout),
                }));
            }
            () = signals.next() => return Err(Failure {
                status: ExitStatus::INTERRUPTED,
                message: "interrupted; the stack goes on in the background (`neargate down` stops it)".into(),
            }),
        };
        let Ok(Some(view)) = next else { return Err(Failure::printed(ExitStatus::FAILED)) };
        live.draw(&view, printer);
        if let Some(failure) = cannot_listen(&view) {
            return Err(failure);
        }
        if is_reached(goal, &view) {
            return Ok(view);
        }
        let crashed_before = crashed_before.get_or_insert_with(|| crashed(&view));
        if let Some(failure) = is_hopeless(&view, crashed_before) {
            return Err(goes_on(failure));
        }
        last = Some(view);
    }
}

fn is_reached(goal: Goal, view: &ClusterView) -> bool {
    match goal {
        Goal::Healthy | Goal::Forever => view.ready,
        Goal::Started => {
            view.listeners.iter().all(|listener| listener.bound)
                && view.services.iter().all(|service| service.running_count >= service.desired_count)
        }
    }
}

/// A service whose tasks fail again and again, with the reason of the last one. ECS counts as failed those that never
/// ran; one that crashes right after its start is as little use, and ECS restarts it for ever. Whoever waits is told.
/// `crashed_before` are those that had crashed when the waiting began.
pub(crate) fn is_hopeless(view: &ClusterView, crashed_before: &BTreeSet<String>) -> Option<Failure> {
    let crashed = crashed(view);
    let failures = |service: &ServiceView| {
        let ids = service.tasks.iter().map(|task| &task.task_id);
        let crashes = ids.filter(|id| crashed.contains(*id) && !crashed_before.contains(*id)).count();
        service.failed_tasks.max(u32::try_from(crashes).unwrap_or(u32::MAX))
    };
    let service = view.services.iter().find(|service| {
        failures(service) >= FAILED_TASKS_TO_GIVE_UP && service.running_count < service.desired_count
    })?;
    let last = service.tasks.iter().rev().find(|task| task.stopped_reason.is_some())?;
    Some(Failure::new(format!(
        "service {} does not come up: {} tasks failed, the last one with\n  {}: {}",
        service.service_name,
        failures(service),
        last.stop_code.as_deref().unwrap_or_default(),
        last.stopped_reason.as_deref().unwrap_or_default(),
    )))
}

/// Tasks of which an essential container has ended by itself.
pub(crate) fn crashed(view: &ClusterView) -> BTreeSet<String> {
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    let crashed = tasks.filter(|task| task.stop_code.as_deref() == Some("EssentialContainerExited"));
    crashed.map(|task| task.task_id.clone()).collect()
}

/// What becomes of a stack that is no longer waited for.
fn goes_on(mut failure: Failure) -> Failure {
    failure.message.push_str(
        "\nThe stack goes on trying in the background; `neargate doctor` says more, `neargate down` stops it.",
    );
    failure
}

pub(crate) fn not_in_time(view: Option<&ClusterView>, seconds: u64) -> String {
    let mut text = format!("not healthy within {seconds} s:");
    let Some(view) = view else { return text };
    for group in view.target_groups.iter().filter(|group| group.in_use) {
        if group.targets.is_empty() {
            text.push_str(&format!("\n  {}: no registered targets", group.name));
        }
        for target in group.targets.iter().filter(|target| target.state != "healthy") {
            let reason = target.description.as_deref().unwrap_or_default();
            let probe = target.last_probe.as_deref().map(|probe| format!(" (last probe: {probe})")).unwrap_or_default();
            text.push_str(&format!(
                "\n  {} {}:{} is {}: {reason}{probe}",
                group.name, target.id, target.port, target.state
            ));
        }
    }
    for task in view.services.iter().flat_map(|service| &service.tasks).filter(|task| task.last_status != "RUNNING") {
        if let Some(reason) = &task.stopped_reason {
            text.push_str(&format!("\n  task {} stopped: {reason}", crate::cli::picture::short(&task.task_id)));
        }
    }
    text
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
