//! The server of the control socket, in the process that runs the stack.

use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::admin::view::shape::ClusterView;
use crate::admin::view::views::Views;
use crate::admin::wire::{Answer, DeployRequest, Refused, Request, RunTaskRequest, UpRequest};
use crate::control::snapshot::Snapshot;
use crate::control::tap::Listening;
use crate::model::settled_request::SettledRequest;

/// A request may hold the values of a file's variables, but no more.
const LONGEST_REQUEST: u64 = 1 << 20;

/// What the server needs of the process it is in.
pub trait Stack: Send + Sync + 'static {
    /// What is wanted and known, as published.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;
    /// Applies a file; returns what differed.
    fn apply(&self, request: UpRequest) -> impl Future<Output = Result<Vec<String>, Refused>> + Send;
    /// Runs another number of tasks.
    fn scale(&self, service: String, count: Option<u32>) -> impl Future<Output = Result<(), Refused>> + Send;
    /// Stops a task.
    fn stop_task(&self, task: String) -> impl Future<Output = Result<(), Refused>> + Send;
    /// Whether the stack is being taken down; then nothing can be applied to it any more.
    fn is_ending(&self) -> bool;
    /// Replaces tasks.
    fn restart(&self, service: Option<String>) -> impl Future<Output = Result<(), Refused>> + Send;
    /// Builds the images of containers again.
    fn rebuild(&self, containers: Vec<(String, String)>) -> impl Future<Output = Result<(), Refused>> + Send;
    /// Restarts containers as they are.
    fn restart_containers(&self, containers: Vec<(String, String)>)
    -> impl Future<Output = Result<(), Refused>> + Send;
    /// Decides about a paused deployment.
    fn continue_deployment(&self, service: String, rollback: bool) -> impl Future<Output = Result<(), Refused>> + Send;
    /// Deploys a revision; the answer names it and the deployment.
    fn deploy(&self, request: DeployRequest) -> impl Future<Output = Result<Answer, Refused>> + Send;
    /// Stops the deployment of a service; the answer says which, and what is restored.
    fn stop_deployment(&self, service: String, abort: bool) -> impl Future<Output = Result<Answer, Refused>> + Send;
    /// Requests to the load balancers, from now on.
    fn requests(&self) -> Listening<SettledRequest>;
    /// Runs tasks without a service; the answer names them.
    fn run_task(&self, request: RunTaskRequest) -> impl Future<Output = Result<Answer, Refused>> + Send;
    /// Starts taking everything down.
    fn shut_down(&self, force: bool, keep: bool);
}

/// Binds the socket, replacing one that a dead process left. The caller holds the project's lock.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until dropped.
pub async fn serve<S: Stack>(listener: UnixListener, stack: Arc<S>) {
    // Clients of the load balancer may take every descriptor that the process may have. `down` and `ps` must get
    // through all the same, so one is kept for them.
    let mut spare = Spare::take();
    loop {
        let mut accepted = listener.accept().await;
        if accepted.as_ref().is_err_and(is_out_of_descriptors) && spare.give() {
            accepted = listener.accept().await;
        }
        match accepted {
            Ok((stream, _)) => {
                let stack = Arc::clone(&stack);
                tokio::spawn(async move {
                    // A client that hangs up has what it wanted.
                    let _ = converse(stream, &*stack).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the control socket");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
        spare.keep();
    }
}

/// A descriptor that is there to be given up.
struct Spare(Option<std::fs::File>);

impl Spare {
    fn take() -> Self {
        Self(std::fs::File::open("/dev/null").ok())
    }

    /// Frees the descriptor. Returns whether there was one.
    fn give(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Takes one again, if it was given up and there is one by now.
    fn keep(&mut self) {
        if self.0.is_none() {
            *self = Self::take();
        }
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

async fn converse(stream: UnixStream, stack: &impl Stack) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(LONGEST_REQUEST)).read_line(&mut line).await?;
    let request = match serde_json::from_str(&line) {
        Ok(request) => request,
        Err(error) => {
            let refused = Refused::usage(format!("not a request: {error}"));
            return send(&mut write, &Answer::Refused(refused)).await;
        }
    };
    match request {
        Request::View => {
            let view = ClusterView::from(&**stack.snapshots().borrow());
            send(&mut write, &Answer::View(Box::new(view))).await
        }
        Request::Watch => {
            let mut views = Views::new(stack.snapshots());
            loop {
                let view = ClusterView::clone(&views.latest());
                send(&mut write, &Answer::View(Box::new(view))).await?;
                if views.changed().await.is_err() {
                    return Ok(());
                }
            }
        }
        Request::Apply(_) if stack.is_ending() => send(&mut write, &Answer::Ending { pid: std::process::id() }).await,
        Request::Apply(request) => answer(&mut write, stack.apply(request).await).await,
        Request::Restart { service } => done(&mut write, stack.restart(service).await).await,
        Request::Scale { service, count } => done(&mut write, stack.scale(service, count).await).await,
        Request::StopTask { task } => done(&mut write, stack.stop_task(task).await).await,
        Request::Rebuild { containers } => done(&mut write, stack.rebuild(containers).await).await,
        Request::RestartContainers { containers } => done(&mut write, stack.restart_containers(containers).await).await,
        Request::ContinueDeployment { service, rollback } => {
            done(&mut write, stack.continue_deployment(service, rollback).await).await
        }
        Request::Deploy(request) => {
            let answer = stack.deploy(request).await.unwrap_or_else(Answer::Refused);
            send(&mut write, &answer).await
        }
        Request::StopDeployment { service, abort } => {
            let answer = stack.stop_deployment(service, abort).await.unwrap_or_else(Answer::Refused);
            send(&mut write, &answer).await
        }
        Request::Requests => {
            let mut requests = stack.requests();
            send(&mut write, &Answer::Listening).await?;
            while let Some(settled) = requests.next().await {
                send(&mut write, &Answer::Settled(settled)).await?;
            }
            Ok(())
        }
        Request::RunTask(request) => {
            let answer = stack.run_task(request).await.unwrap_or_else(Answer::Refused);
            send(&mut write, &answer).await
        }
        Request::ShutDown { force, keep } => {
            stack.shut_down(force, keep);
            done(&mut write, Ok(())).await
        }
    }
}

async fn done(write: &mut (impl AsyncWriteExt + Unpin), verdict: Result<(), Refused>) -> io::Result<()> {
    answer(write, verdict.map(|()| Vec::new())).await
}

async fn answer(write: &mut (impl AsyncWriteExt + Unpin), verdict: Result<Vec<String>, Refused>) -> io::Result<()> {
    let answer = match verdict {
        Ok(changes) => Answer::Done { pid: std::process::id(), changes },
        Err(refused) => Answer::Refused(refused),
    };
    send(write, &answer).await
}

async fn send(write: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    write.write_all(&line).await
}
