//! The metadata endpoint of tasks, 169.254.170.2, over HTTP: serves what `ecs::metadata` answers, from the last snapshot.
//!
//! The runtime provides the socket, which is in the tasks' network; a task is known by the address that it connects from,
//! and is told nothing about others. *Invariant:* neither a request nor its answer is logged: answers hold credentials.

mod measurements;
mod profile_files;
mod profiles;

use std::convert::Infallible;
use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::control::ControlHandle;
use crate::control::command::Refusal;
use crate::control::observation::Observation;
use crate::control::runtime::{Runtime, TaskListener};
use crate::control::serving::{self, Patience, Serving};
use crate::control::snapshot::Snapshot;
use crate::ecs::metadata::address::{ADDRESS, link_local};
use crate::ecs::metadata::credentials::{Given, RoleCredentials};
use crate::ecs::metadata::request::{self, Need};
use crate::ecs::metadata::response::Answer;
use crate::ecs::metadata::subject::{Measured, Subject};
use crate::ecs::metadata::{answer, protection};
use crate::ecs::service::protection::ProtectionFailure;
use crate::ecs::world::{Now, Task};
use crate::model::{ProfileName, TaskId};
use measurements::{Measurements, Pair};
use profiles::Profiles;

/// Connections at the same time, of all tasks; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// The longest content of a request.
const CONTENT: usize = 64 * 1024;
/// How long a client may take to send the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may last, whatever happens on it.
const LONGEST: Duration = Duration::from_secs(120);

/// The running server.
#[derive(Debug)]
pub struct MetadataServer(Serving);

impl MetadataServer {
    /// Starts serving as soon as there is a task.
    pub fn start(runtime: Arc<dyn Runtime>, control: ControlHandle) -> Self {
        Self(Serving::start(|stop| serve(runtime, control, stop)))
    }

    /// Stops asking the runtime for sockets, so that what it has made for them can be removed.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

async fn serve(runtime: Arc<dyn Runtime>, control: ControlHandle, stop: CancellationToken) {
    let (mut snapshots, observations) = (control.snapshots(), control.observations());
    let any_task = snapshots.wait_for(|snapshot| !snapshot.world.tasks.is_empty());
    // Cancel-safe: nothing is lost that a later look would not find.
    let found = tokio::select! {
        found = any_task => found.is_ok(),
        () = stop.cancelled() => false,
    };
    if !found {
        return;
    }
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let server = Arc::new(Server {
        runtime: Arc::clone(&runtime),
        control,
        snapshots,
        measurements: Measurements::default(),
        profiles: Profiles::default(),
    });
    let mut patience = Patience::default();
    let mut said = String::new();
    while !stop.is_cancelled() {
        // Not within `select!`: a container that is being made must be known to whoever removes it.
        match runtime.listen(ADDRESS).await {
            Ok(TaskListener { listener, lost }) => {
                patience.reset();
                said.clear();
                // The controller is gone: so is the stack.
                let _ = observations.send(Observation::MetadataEndpoint(Ok(()))).await;
                tokio::select! {
                    () = accept(&listener, &server, &connections) => {}
                    () = lost.cancelled() => {}
                    () = stop.cancelled() => return,
                }
            }
            Err(error) => {
                let text = error.to_string();
                if text != said {
                    tracing::warn!("{text}");
                    let _ = observations.send(Observation::MetadataEndpoint(Err(text.clone()))).await;
                    said = text;
                }
            }
        }
        patience.wait(&stop).await;
    }
}

/// Accepts for ever.
async fn accept(listener: &TcpListener, server: &Arc<Server>, connections: &Arc<Semaphore>) {
    loop {
        let Ok(permit) = Arc::clone(connections).acquire_owned().await else { return };
        let Ok((stream, peer)) = listener.accept().await else {
            serving::pause().await;
            continue;
        };
        let server = Arc::clone(server);
        tokio::spawn(async move {
            let _permit = permit;
            // A client that takes too long, or hangs up, is not waited for.
            let _ = tokio::time::timeout(LONGEST, converse(stream, peer.ip(), server)).await;
        });
    }
}

async fn converse(stream: TcpStream, peer: IpAddr, server: Arc<Server>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(response(server.answer(request, peer).await)) }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// What answers need.
struct Server {
    runtime: Arc<dyn Runtime>,
    control: ControlHandle,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    measurements: Measurements,
    profiles: Profiles,
}

impl Server {
    /// `None`: the address is no task's.
    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Option<Answer> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let task = task_at(peer, &snapshot)?;
        let (head, content) = request.into_parts();
        let (method, path, query) = (head.method.as_str(), head.uri.path(), head.uri.query());
        let request = request::Request { method, path, query };
        if request.changes_protection() {
            return self.protect(request, content, peer).await;
        }
        let pair = match request.need() {
            Need::Nothing => Pair::default(),
            need => self.measure(&snapshot, &task.spec.id, need).await,
        };
        let measured = pair.now.as_deref().map(|now| Measured { before: pair.before.as_deref().unwrap_or(now), now });
        let profile =
            request::role_asked_for(&request, &task.spec).and_then(|role| snapshot.topology.task_roles.get(role));
        let given = match profile {
            Some(profile) => Some(self.credentials(profile).await),
            None => None,
        };
        let credentials = match &given {
            None => Given::Nothing,
            Some(None) => Given::Unavailable,
            Some(Some(credentials)) => Given::Profile(credentials),
        };
        let subject = Subject { measured, credentials, ..subject(task, &snapshot) };
        Some(answer::answer(request, &subject))
    }

    /// Changes the protection of the task that asks, as ECS would if the agent called it.
    async fn protect(&self, request: request::Request<'_>, content: Incoming, peer: IpAddr) -> Option<Answer> {
        // Content that is longer than any that can be read is read as none.
        let content = Limited::new(content, CONTENT).collect().await.map(Collected::to_bytes).unwrap_or_default();
        let before = Arc::clone(&self.snapshots.borrow());
        let task = task_at(peer, &before)?;
        let change = match protection::asked(request, &content, &subject(task, &before)) {
            Ok(change) => change,
            Err(answer) => return Some(answer),
        };
        let refusal = self.control.update_task_protection(task.spec.id.clone(), change).await.err();
        let after = Arc::clone(&self.snapshots.borrow());
        let subject = subject(task_at(peer, &after)?, &after);
        Some(match refusal {
            None => protection::current(&subject),
            Some(Refusal::TaskProtection(failure)) => protection::refused(failure, &subject),
            // The stack is going, and the task with it.
            Some(_) => protection::refused(ProtectionFailure::NotValid, &subject),
        })
    }

    /// Those of a profile, or `None` after saying why not.
    async fn credentials(&self, profile: &ProfileName) -> Option<RoleCredentials> {
        match self.profiles.credentials(profile).await {
            Ok(credentials) => Some(credentials),
            Err(error) => {
                // Its cause is about running a program, and no secret either.
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                tracing::warn!("tasks get no credentials: {error}{cause}");
                None
            }
        }
    }

    /// Nothing is known of a task that cannot be measured; its other figures are.
    async fn measure(&self, snapshot: &Snapshot, task: &TaskId, need: Need) -> Pair {
        self.measurements.keep(|task| snapshot.world.tasks.contains_key(task));
        let measured = self.measurements.measure(&*self.runtime, task, need).await;
        measured.unwrap_or_else(|error| {
            tracing::debug!("measuring task {task}: {error}");
            Pair::default()
        })
    }
}

fn subject<'a>(task: &'a Task, snapshot: &'a Snapshot) -> Subject<'a> {
    let now = Now { instant: Instant::now(), timestamp: Timestamp::now() };
    Subject { task, cluster: &snapshot.topology.cluster, now, measured: None, credentials: Given::Nothing }
}

/// The task with this address, its own or its link-local one.
fn task_at(peer: IpAddr, snapshot: &Snapshot) -> Option<&Task> {
    snapshot.world.tasks.values().find(|task| match task.address() {
        Some(IpAddr::V4(address)) => peer == address || peer == link_local(address),
        _ => false,
    })
}

fn response(answer: Option<Answer>) -> Response<Full<Bytes>> {
    let Some(Answer { status, content_type, body }) = answer else {
        let mut nobody = Response::new(Full::default());
        *nobody.status_mut() = StatusCode::FORBIDDEN;
        return nobody;
    };
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
