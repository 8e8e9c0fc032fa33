//! Verbs that talk to a running stack: `down`, `restart`, and how all others find it.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::admin::client::{self, Conversation};
use crate::admin::wire::{Answer, Request, UpRequest};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{Global, Rmi};
use crate::cli::input::project;
use crate::cli::output::live::Live;
use crate::cli::output::printer::Printer;
use crate::cli::running::orphan;
use crate::cli::running::stopping::Stopping;
use crate::control::runtime::{Owners, Runtime as _};
use crate::control::view::ClusterView;
use crate::machine::folders::Folders;
use crate::model::ProjectName;
use crate::runtime::docker::{DockerOptions, DockerRuntime, Engine};

/// How long a process that was told to stop may take before it is no longer waited for.
pub(crate) const LONGEST_SHUT_DOWN: Duration = Duration::from_secs(150);

/// How long a process may hold the project before its control socket answers: an engine that is slow to answer is asked
/// several times before.
const LONGEST_START: Duration = Duration::from_secs(30);

/// What a killed process had asked of the engine is done all the same, a little later: nobody can take it back, and
/// nothing tells that it is on its way. After this long without anything new, nothing more is expected.
const AFTERMATH: Duration = Duration::from_millis(700);

/// Runs a future on a runtime of its own: verbs are ordinary functions.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from(error).context("cannot start the async runtime"))?;
    runtime.block_on(future)
}

/// Asks the process that runs the project; `None` if there is none.
pub(crate) async fn ask(folders: &Folders, request: &Request) -> Result<Option<Conversation>, Failure> {
    let socket = folders.socket();
    client::ask(&socket, request).await.map_err(|error| Failure::from(error).context(socket.display()))
}

/// The view of the running stack; `None` if none runs.
pub(crate) async fn view(folders: &Folders) -> Result<Option<ClusterView>, Failure> {
    match ask(folders, &Request::View).await? {
        Some(mut conversation) => Ok(conversation.view().await?),
        None => Ok(None),
    }
}

/// What a process that was killed has left on the engine, in words. Without an engine nothing is known of it.
pub(crate) async fn left_behind(project: &ProjectName) -> Option<String> {
    let projects = Engine::connect().await.ok()?.projects().await.ok()?;
    let left = projects.into_iter().find(|found| found.project == *project && found.owner_pid.is_none())?;
    let containers = match left.running_containers {
        0 => "something".to_owned(),
        1 => "1 running container".to_owned(),
        more => format!("{more} running containers"),
    };
    Some(format!("a killed run left {containers} behind; `neargate down` removes it, the next `neargate up` as well"))
}

/// The failure of a verb that needs a running stack.
pub(crate) fn not_running(project: &ProjectName) -> Failure {
    Failure::new(format!("the stack of project `{project}` is not running; start it with `neargate up`"))
}

/// Sends a request that is answered with one line.
pub(crate) async fn request(folders: &Folders, request: &Request) -> Result<Option<u32>, Failure> {
    let Some(mut conversation) = ask(folders, request).await? else { return Ok(None) };
    match conversation.answer().await? {
        Some(Answer::Done { pid, .. }) => Ok(Some(pid)),
        Some(Answer::Refused { message, exit_code }) => Err(Failure { status: ExitStatus(exit_code), message }),
        Some(Answer::Ending { pid }) => {
            Err(Failure::new(format!("the stack is being taken down (process {pid}); try again when it is gone")))
        }
        Some(Answer::View(_)) | None => Err(Failure::new("the process that runs the stack hung up")),
    }
}

/// A file was applied to a running stack.
pub(crate) struct Applied {
    /// The process that runs it.
    pub(crate) pid: u32,
    /// What differed, in words.
    pub(crate) changes: Vec<String>,
}

impl Applied {
    /// Says what became of the file.
    pub(crate) fn tell(&self, file: &Path, printer: &mut Printer) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let Self { pid, changes } = self;
        if changes.is_empty() {
            printer.note(format!("nothing changed in {name}; the stack is running (process {pid})"));
            return;
        }
        printer.note(format!("applied {name} to the running stack (process {pid}):"));
        for change in changes {
            printer.note(format!("  {change}"));
        }
    }
}

/// Applies the file to the stack that runs; `None` if none runs. One that is being taken down
/// is waited for: what was typed is `up`, and in a moment nothing stands in its way.
pub(crate) async fn apply(
    folders: &Folders,
    request: &UpRequest,
    printer: &mut Printer,
) -> Result<Option<Applied>, Failure> {
    loop {
        let Some(mut conversation) = ask(folders, &Request::Apply(request.clone())).await? else {
            if answers_soon(folders).await? {
                continue;
            }
            return Ok(None);
        };
        match conversation.answer().await? {
            Some(Answer::Done { pid, changes }) => return Ok(Some(Applied { pid, changes })),
            Some(Answer::Refused { message, exit_code }) => {
                return Err(Failure { status: ExitStatus(exit_code), message });
            }
            Some(Answer::Ending { pid }) => {
                printer.note(format!("the stack is being taken down (process {pid}); waiting for that to end"));
                watch_it_go(folders, printer).await?;
            }
            // It ended in the middle of the conversation.
            Some(Answer::View(_)) | None => watch_it_go(folders, printer).await?,
        }
    }
}

/// Waits for a process that has the project and does not answer yet: another `up` was a moment earlier. Returns false if
/// no process has it.
async fn answers_soon(folders: &Folders) -> Result<bool, Failure> {
    let deadline = tokio::time::Instant::now() + LONGEST_START;
    while !folders.lock_is_free()? {
        if ask(folders, &Request::View).await?.is_some() {
            return Ok(true);
        }
        if tokio::time::Instant::now() > deadline {
            let process = folders.holder()?.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"));
            let text = format!("{process} runs this project and does not answer; `neargate down` ends it");
            return Err(Failure::new(text));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(false)
}

/// `restart`
pub(crate) fn restart(global: &Global, service: Option<String>, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    block_on(async {
        match request(&folders, &Request::Restart { service }).await? {
            Some(_) => {
                printer.note("starting new tasks; old ones stop once the new ones are healthy (`neargate ps`)");
                Ok(ExitStatus::SUCCESS)
            }
            None => Err(not_running(&project)),
        }
    })
}

/// `down`: asks the process that runs the stack to take it down; then, or if there is none, removes by label
/// whatever is left.
pub(crate) fn down(
    global: &Global,
    force: bool,
    rmi: Option<Rmi>,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    block_on(async {
        let asked = request(&folders, &Request::ShutDown { force }).await?.is_some();
        if asked {
            watch_it_go(&folders, printer).await?;
        }
        let ended = !asked && orphan::end_holder(&folders, force, printer).await?;
        // A load balancer without services needs no engine, neither to start nor to stop.
        let needs_engine = project::needs_engine(global) || !asked;
        // A process that took its own stack down leaves nothing of it, and an `up` that waited for that may be starting the
        // next one by now: that one is not what was asked to end.
        let whose = if asked { Owners::DeadOrSelf } else { Owners::Any };
        let mut removed = match sweep(&project, &folders, whose, force, printer).await {
            Err(failure) if failure.status == ExitStatus::ENGINE && !needs_engine => Vec::new(),
            other => other?,
        };
        if rmi == Some(Rmi::Local) && project::needs_engine(global) {
            let runtime = DockerRuntime::connect(DockerOptions::new(project.clone())).await?;
            removed.extend(runtime.remove_built_images().await?.into_iter().map(|image| format!("image {image}")));
        }
        for line in &removed {
            printer.note(format!("removed {line}"));
        }
        if !asked && !ended && removed.is_empty() {
            printer.note(format!("project `{project}` has nothing to remove"));
        }
        Ok(ExitStatus::SUCCESS)
    })
}

/// Shows how the stack goes, until its process has ended.
async fn watch_it_go(folders: &Folders, printer: &mut Printer) -> Result<(), Failure> {
    let mut live = Live::new();
    let watching = async {
        if let Some(mut conversation) = ask(folders, &Request::Watch).await? {
            if let Ok(Some(view)) = conversation.view().await {
                live.prime(&view);
            }
            let mut slow = Stopping::default();
            let mut last: Option<ClusterView> = None;
            loop {
                tokio::select! {
                    // Cancel-safe: half a line stays in the conversation.
                    view = conversation.view() => {
                        // A process that exits hangs up in the middle of a line.
                        let Ok(Some(view)) = view else { break };
                        live.draw(&view, printer);
                        last = Some(view);
                    }
                    () = Stopping::wait() => {}
                }
                let way_out = "`neargate down --force` kills it now";
                for notice in last.iter().flat_map(|view| slow.notices(view, Instant::now(), way_out)) {
                    live.note(&notice, printer);
                }
            }
        }
        // The kernel lets go of the lock when the process is gone, whatever way it went.
        while !folders.lock_is_free()? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok::<_, Failure>(())
    };
    let done = tokio::time::timeout(LONGEST_SHUT_DOWN, watching).await;
    live.finish();
    done.unwrap_or_else(|_| Err(Failure::new("the stack does not stop; try `neargate down --force`")))
}

/// Removes everything that carries the project's label, and the state folder.
async fn sweep(
    project: &ProjectName,
    folders: &Folders,
    whose: Owners,
    force: bool,
    printer: &mut Printer,
) -> Result<Vec<String>, Failure> {
    // A stack that ends in good order takes its folder with it.
    let was_killed = folders.state().exists() && folders.lock_is_free()?;
    let swept = match DockerRuntime::connect(DockerOptions::new(project.clone())).await {
        Ok(runtime) => {
            if whose == Owners::Any {
                orphan::end_owner(&runtime, force, printer).await?;
            }
            let mut swept = runtime.sweep(whose).await?;
            let mut late = was_killed;
            while late {
                tokio::time::sleep(AFTERMATH).await;
                let more = runtime.sweep(whose).await?;
                late = !more.is_empty();
                swept.extend(more);
            }
            swept
        }
        // Without an engine nothing of ours runs. If it comes back with containers, the next `up` or `down` finds them.
        Err(error) => {
            folders.remove_state_of_dead()?;
            return Err(error.into());
        }
    };
    folders.remove_state_of_dead()?;
    Ok(swept)
}
