//! Sends requests to the process that runs the stack.

use std::time::Duration;

use crate::admin::client;
use crate::admin::client::Conversation;
use crate::admin::view::shape::ClusterView;
use crate::admin::wire::{Answer, Refused, Request};
use crate::cli::failure::{ExitStatus, Failure};
use crate::machine::folders::Folders;
use crate::model::ProjectName;
use crate::runtime::docker::Engine;

/// How long a process that was told to stop may take before it is no longer waited for.
pub(crate) const LONGEST_SHUT_DOWN: Duration = Duration::from_secs(150);

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
    Some(format!("a killed run left {containers} behind; `neargate down` or the next `neargate up` removes it"))
}

/// The failure of a verb that needs a running stack.
pub(crate) fn not_running(project: &ProjectName) -> Failure {
    Failure::new(format!("the stack of project `{project}` is not running; start it with `neargate up`"))
}

/// Sends a request that is answered with one line, which says that it was done.
pub(crate) async fn request(folders: &Folders, request: &Request) -> Result<Option<u32>, Failure> {
    match answer(folders, request).await? {
        Some(Answer::Done { pid, .. }) => Ok(Some(pid)),
        Some(_) => Err(hung_up()),
        None => Ok(None),
    }
}

fn hung_up() -> Failure {
    Failure::new("the process that runs the stack hung up")
}

/// Sends a request, and returns the first line of the answer unless the request was refused; `None` if no stack runs.
pub(crate) async fn answer(folders: &Folders, request: &Request) -> Result<Option<Answer>, Failure> {
    let Some(mut conversation) = ask(folders, request).await? else { return Ok(None) };
    match conversation.answer().await? {
        Some(Answer::Refused(Refused { message, exit_code })) => {
            Err(Failure { status: ExitStatus(exit_code), message })
        }
        Some(Answer::Ending { pid }) => {
            Err(Failure::new(format!("the stack is being taken down (process {pid}); try again when that is done")))
        }
        Some(answer) => Ok(Some(answer)),
        None => Err(hung_up()),
    }
}
