//! Verbs that talk to a running stack: `down`, `restart`, and how all other verbs find it.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::admin::view::shape::ClusterView;
use crate::admin::wire::{Answer, Refused, Request, UpRequest};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{DownArgs, Rmi};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::live::Live;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking::{LONGEST_SHUT_DOWN, ask, block_on, not_running, request};
use crate::cli::running::orphan;
use crate::cli::running::stopping::Stopping;
use crate::control::runtime::{Owners, Runtime as _};
use crate::machine::folders::{Folders, Kept};
use crate::model::ProjectName;
use crate::runtime::docker::DockerOptions;
use crate::runtime::docker::DockerRuntime;

/// How long a process may hold the project before its control socket answers: an engine that is slow to answer is asked
/// several times before.
const LONGEST_START: Duration = Duration::from_secs(30);

/// What a killed process had asked of the engine is done all the same, a little later: nobody can take it back, and
/// nothing tells that it is on its way. After this long without anything new, nothing more is expected.
const AFTERMATH: Duration = Duration::from_millis(700);

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
            Some(Answer::Refused(Refused { message, exit_code })) => {
                return Err(Failure { status: ExitStatus(exit_code), message });
            }
            Some(Answer::Ending { pid }) => {
                printer.note(format!("the stack is being taken down (process {pid}); waiting for that to end"));
                watch_it_go(folders, printer).await?;
            }
            // It ended in the middle of the conversation.
            Some(_) | None => watch_it_go(folders, printer).await?,
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
            let text = format!("{process} runs this project and does not respond; `neargate down` ends it");
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
pub(crate) fn down(global: &Global, args: &DownArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let DownArgs { force, keep, rmi, .. } = *args;
    let kept = if keep { Kept::Journal } else { Kept::Nothing };
    let (project, folders) = project::identify(global)?;
    block_on(async {
        let asked = request(&folders, &Request::ShutDown { force, keep }).await?.is_some();
        if asked {
            watch_it_go(&folders, printer).await?;
        }
        let ended = !asked && orphan::end_holder(&folders, force, printer).await?;
        // A load balancer without services needs no engine, neither to start nor to stop.
        let needs_engine = project::needs_engine(global) || !asked;
        // A process that took its own stack down leaves nothing of it, and an `up` that waited for that may be starting the
        // next one by now: that one is not what was asked to end.
        let whose = if asked { Owners::DeadOrSelf } else { Owners::Any };
        let mut removed = match sweep(&project, &folders, whose, kept, force, printer).await {
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
    done.unwrap_or_else(|_| Err(Failure::new("the stack is not stopping; try `neargate down --force`")))
}

/// Removes everything that carries the project's label, and the state folder.
async fn sweep(
    project: &ProjectName,
    folders: &Folders,
    whose: Owners,
    kept: Kept,
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
            folders.remove_state_of_dead(kept)?;
            return Err(error.into());
        }
    };
    folders.remove_state_of_dead(kept)?;
    Ok(swept)
}
