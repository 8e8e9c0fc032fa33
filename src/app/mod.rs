//! Builds every part of a stack, starts it, applies changed files, and takes it down: the only place that names all
//! parts.
//!
//! ```text
//!   lock ─> engine ─> sweep what a dead process left ─> certificates ─> control ─> data plane, probes, logs, socket
//!                                                                                        │
//!   state folder gone <─ sweep <─ tasks stopped <─ requests in flight ended <── shut down ┘
//! ```

mod alarms;
mod aws_endpoint;
mod deploying;
mod journal;
mod load_balancers;
mod scaling;
mod trust_files;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::admin::server::{self, Stack};
use crate::admin::view::views::Views;
use crate::admin::wire::{Answer, DeployRequest, Refused, RunTaskRequest, UpRequest};
use crate::certs::error::CertError;
use crate::certs::{Authority, CertStore, authority, folder, targets};
use crate::connect::ConnectProxy;
use crate::control::changes::changes;
use crate::control::command::{PauseAction, Renew};
use crate::control::desired::state::{Desired, StillNeeded};
use crate::control::ids::RandomIds;
use crate::control::runtime::{Owners, Runtime, RuntimeError};
use crate::control::snapshot::Snapshot;
use crate::control::tap::{Listening, Tap};
use crate::control::{self, ControlHandle};
use crate::logs::containers::collector;
use crate::machine::folders;
use crate::machine::folders::{Folders, Kept, ProjectLock};
use crate::metadata::MetadataServer;
use crate::model::listener::{Listener, LoadBalancer};
use crate::model::settled_request::SettledRequest;
use crate::model::{ContainerName, ServiceName, TaskId, Topology};
use crate::names::NameServer;
use crate::proxy;
use crate::runtime;
use crate::web::metrics;
use journal::Journal;
use load_balancers::{DRAIN, LoadBalancers};

/// How long tasks may take to stop: the longest stopTimeout that Fargate allows, and some.
const STOP: Duration = Duration::from_secs(130);

/// How often, while tasks stop, the engine is asked whether it is still there.
const ENGINE_CHECK: Duration = Duration::from_secs(2);

/// Turns a file into a topology. The words layer knows how; a running stack asks it when `up` is typed again.
pub type Loader = Arc<dyn Fn(&UpRequest) -> Result<Arc<Topology>, Refused> + Send + Sync>;

/// A running stack.
pub struct App {
    control: ControlHandle,
    runtime: Arc<dyn Runtime>,
    load_balancers: Arc<LoadBalancers>,
    folders: Folders,
    shut_down: watch::Sender<ShutDown>,
    /// The journal stays when the stack is gone.
    keep: Arc<AtomicBool>,
    notes: Vec<String>,
    _tasks: Vec<AbortOnDropHandle<()>>,
    logs: tokio::task::JoinHandle<()>,
    metadata: MetadataServer,
    names: NameServer,
    connect: ConnectProxy,
    lock: ProjectLock,
}

/// Whether the stack is to be taken down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShutDown {
    /// Not now.
    #[default]
    No,
    /// Requests in flight and containers may end by themselves.
    Gracefully,
    /// Everything is removed at once.
    AtOnce,
}

/// Why a stack could not be started. Nothing of it is left then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process runs this project, from this file if it has said so already.
    #[error("{}", already_running(.0.as_deref()))]
    AlreadyRunning(Option<PathBuf>),
    /// Another process runs this project, but not from this state folder.
    #[error(
        "process {0} runs this project already, with another state folder, or its own was removed; end it with \
         `neargate down`, or choose another name with `--project-name`"
    )]
    RunsElsewhere(u32),
    /// The engine refused or is not there. The words of that error are whole, so it is no source of this one.
    #[error("{0}")]
    Runtime(RuntimeError),
    /// Listeners' ports that cannot be bound, each with the way out.
    #[error("{}", .0.join("\n"))]
    Ports(Vec<String>),
    /// No certificate for the listeners.
    #[error("cannot create the listeners' certificates")]
    Certificates(#[from] CertError),
    /// The file no longer has what others refer to.
    #[error(transparent)]
    StillNeeded(#[from] StillNeeded),
    /// A file or socket of ours.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why not.
        source: io::Error,
    },
}

impl From<RuntimeError> for StartError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error)
    }
}

impl App {
    /// Starts everything. `loader` is asked when a changed file is to be applied. A start that fails leaves nothing.
    pub async fn start(
        topology: Arc<Topology>,
        request: &UpRequest,
        folders: Folders,
        loader: Loader,
    ) -> Result<Self, StartError> {
        let lock = take_lock(&folders).await.map_err(io("lock the state folder"))?;
        let lock = lock.ok_or_else(|| StartError::AlreadyRunning(folders.runs_from().ok().flatten()))?;
        match Self::start_parts(topology, request, &folders, loader).await {
            Ok(with_lock) => Ok(with_lock(lock)),
            Err(error) => {
                // The first error says more than one of cleaning up.
                let _ = folders.remove_state(lock, Kept::Journal);
                Err(error)
            }
        }
    }

    /// Everything that comes after the lock.
    async fn start_parts(
        topology: Arc<Topology>,
        request: &UpRequest,
        folders: &Folders,
        loader: Loader,
    ) -> Result<impl FnOnce(ProjectLock) -> Self, StartError> {
        folders.set_runs_from(&request.file).map_err(io("record which file the stack runs from"))?;
        ports_are_free(&topology)?;
        let runtime = runtime::connect(&topology, folders.door()).await?;
        if let Some(pid) = runtime.other_owner().await? {
            return Err(StartError::RunsElsewhere(pid));
        }
        let mut notes = runtime.sweep(Owners::Dead).await?;
        for note in &mut notes {
            *note = format!("removed leftovers of an earlier run: {note}");
        }

        let authority = open_authority(&topology, folders, &mut notes)?;
        trust_files::write(folders, &authority).map_err(io("write the local authority's certificate"))?;
        let certificates = Arc::new(CertStore::new(Arc::new(authority)));
        certificates.update(topology.load_balancers.values(), Timestamp::now())?;
        trust_files::write_leaf_keys(folders, &certificates)
            .map_err(io("write the hashes of the certificates' keys"))?;

        let renew = renew(request);
        let entries = if request.reset {
            Vec::new()
        } else {
            journal::read(&folders.journal()).map_err(io("read the journal"))?
        };
        let desired = Desired::restored(topology, &entries)?;
        notes.extend(desired.left_alone().iter().map(ToString::to_string));
        let journal = Journal::begin(folders.journal(), &desired).map_err(io("write the journal"))?;
        let journal = Arc::new(Mutex::new(journal));
        let control = control::start(desired, renew, Arc::clone(&runtime), RandomIds);
        let requests = Tap::new();
        let load_balancers = LoadBalancers::start(load_balancers::Given {
            control: control.clone(),
            certificates: Arc::clone(&certificates),
            target_tls: targets::client_configs()?,
            logs: folders.load_balancer_logs(),
            requests: requests.clone(),
        })
        .map_err(io("start the load balancers"))?;

        let (shut_down, _) = watch::channel(ShutDown::No);
        let keep = Arc::new(AtomicBool::new(false));
        let socket = server::bind(&folders.socket()).map_err(io("create the control socket"))?;
        let rollbacks = keep_rollbacks(control.clone(), Arc::clone(&journal));
        let stack = AppStack {
            control: control.clone(),
            certificates: Arc::clone(&certificates),
            folders: folders.clone(),
            shut_down: shut_down.clone(),
            keep: Arc::clone(&keep),
            journal: Arc::clone(&journal),
            requests,
            loader,
        };
        let renewal = Arc::clone(&certificates);
        let mut tasks = vec![
            spawn(trust_files::keep_leaf_keys(folders.clone(), Arc::clone(&certificates))),
            spawn(server::serve(socket, Arc::new(stack))),
            spawn(Arc::clone(&load_balancers).follow()),
            spawn(async move { renewal.renew_in_time().await }),
            spawn(rollbacks),
            spawn(alarms::watch(control.clone(), Arc::clone(&load_balancers))),
            spawn(scaling::watch(control.clone(), Arc::clone(&runtime), Arc::clone(&load_balancers))),
        ];
        if let Some(address) = request.admin {
            let listener = tokio::net::TcpListener::bind(address).await;
            let listener = listener.map_err(io(&format!("listen on {address} for --admin")))?;
            // The port may have been ours to choose.
            if let Ok(address) = listener.local_addr() {
                notes.push(format!("metrics for Prometheus: http://{address}/metrics"));
            }
            let measured = Arc::clone(&load_balancers);
            tasks.push(spawn(metrics::serve(listener, Arc::new(move || measured.to_prometheus()))));
        }
        // A process that was killed may have left its address.
        let _ = std::fs::remove_file(folders.aws_endpoint());
        if let Some(address) = request.aws {
            let served = aws_endpoint::serve(address, &control, &journal, folders).await;
            let (address, served) = served.map_err(io(&format!("listen on {address} for --aws")))?;
            notes.push(format!("AWS's APIs: http://{address}; `neargate env` says how to reach them"));
            tasks.push(spawn(served));
        }
        let logs =
            tokio::spawn(collector::collect(Arc::clone(&runtime), control.snapshots(), folders.container_logs()));
        let metadata = MetadataServer::start(Arc::clone(&runtime), control.clone());
        let names = NameServer::start(Arc::clone(&runtime), control.snapshots());
        let connect = ConnectProxy::start(Arc::clone(&runtime), control.snapshots());
        let folders = folders.clone();
        Ok(move |lock| Self {
            control,
            runtime,
            load_balancers,
            folders,
            shut_down,
            keep,
            notes,
            _tasks: tasks,
            logs,
            metadata,
            names,
            connect,
            lock,
        })
    }

    /// What happened on the way up that people should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What people see of it.
    pub fn views(&self) -> Views {
        Views::new(self.control.snapshots())
    }

    /// Says that the stack is to be taken down; more urgent words replace less urgent ones.
    pub fn shut_down(&self) -> watch::Sender<ShutDown> {
        self.shut_down.clone()
    }

    /// Waits until somebody wants the stack down.
    pub async fn until_shut_down(&self) {
        let mut wanted = self.shut_down.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _ = wanted.wait_for(|wanted| *wanted > ShutDown::No).await;
    }

    /// Takes everything down: no new connections, requests in flight end, tasks stop, all is removed. Waiting ends as
    /// soon as [`ShutDown::AtOnce`] is said. An engine that does not answer is not waited for either: its error is
    /// returned, and the next `up` or `down` removes what is left in it.
    pub async fn stop(self) -> Result<(), StartError> {
        let mut wanted = self.shut_down.subscribe();
        let data_planes = self.load_balancers.take_data_planes();
        let gracefully = async {
            // Dropping the set cuts what is left.
            let mut draining: JoinSet<()> = data_planes.into_iter().map(|plane| plane.drain(DRAIN)).collect();
            while draining.join_next().await.is_some() {}
            if !self.control.shut_down(STOP).await {
                tracing::warn!("tasks are not stopping; removing them by force");
            }
        };
        let engine = tokio::select! {
            () = gracefully => Ok(()),
            _ = wanted.wait_for(|wanted| *wanted == ShutDown::AtOnce) => {
                // What is killed now was wanted gone: it is no crash, and nothing replaces it.
                self.control.shut_down(Duration::ZERO).await;
                Ok(())
            }
            error = until_gone(&*self.runtime) => Err(error),
        };
        self.logs.abort();
        tokio::join!(self.metadata.stop(), self.names.stop(), self.connect.stop());
        let kept = if self.keep.load(Ordering::Relaxed) { Kept::Journal } else { Kept::Nothing };
        let swept = match engine {
            Ok(()) => self.runtime.sweep(Owners::DeadOrSelf).await.map(drop),
            Err(error) => Err(error),
        };
        self.folders
            .remove_state(self.lock, kept)
            .map_err(|source| StartError::Io { doing: "remove the state folder".into(), source })?;
        swept?;
        Ok(())
    }
}

/// Waits until the engine does not answer any more.
async fn until_gone(runtime: &dyn Runtime) -> RuntimeError {
    loop {
        if let Err(error) = runtime.answers().await {
            return error;
        }
        tokio::time::sleep(ENGINE_CHECK).await;
    }
}

/// What was being done when a file or socket failed us.
fn io(doing: &str) -> impl FnOnce(io::Error) -> StartError {
    let doing = doing.to_owned();
    move |source| StartError::Io { doing, source }
}

/// A stack that cannot listen is of no use: found out before anything is started.
fn ports_are_free(topology: &Topology) -> Result<(), StartError> {
    let trouble = |(balancer, listener): (&LoadBalancer, &Listener)| {
        let trouble = proxy::trouble_with(listener.port, (balancer.bind_address, listener.bind_port).into())?;
        Some(trouble.sentence(listener.bind_port))
    };
    let troubles: Vec<String> = topology.listeners().filter_map(trouble).collect();
    if troubles.is_empty() { Ok(()) } else { Err(StartError::Ports(troubles)) }
}

/// Another command may hold the lock for an instant, to see whether it is free.
async fn take_lock(folders: &Folders) -> io::Result<Option<ProjectLock>> {
    for _ in 0..20 {
        if let Some(lock) = folders.lock()? {
            return Ok(Some(lock));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(None)
}

fn renew(request: &UpRequest) -> Renew {
    Renew { builds: !request.no_build, pulls: request.pull }
}

/// Whether an authority is made for this run and not kept.
fn is_for_this_run() -> bool {
    !folder::is_kept(std::env::var("CI").ok().as_deref())
}

/// The authority of the project: made once and kept, or made for this run in CI.
fn open_authority(topology: &Topology, folders: &Folders, notes: &mut Vec<String>) -> Result<Authority, CertError> {
    let owner = authority::owner();
    let now = Timestamp::now();
    if is_for_this_run() {
        return Authority::generate(&topology.name, &owner, &topology.domains, now);
    }
    let opened = folder::open(folders.data(), &topology.name, &owner, &topology.domains, now)?;
    notes.extend(opened.notes);
    if let folder::Provenance::Remade { because } = opened.provenance {
        notes.push(format!("the local authority was recreated because {because}; run `neargate trust` again"));
    }
    Ok(opened.authority)
}

/// Makes and keeps the project's authority without starting anything, so that people can trust it first.
pub fn make_authority(topology: &Topology, folders: &Folders) -> Result<(), CertError> {
    let owner = authority::owner();
    folder::open(folders.data(), &topology.name, &owner, &topology.domains, Timestamp::now()).map(|_| ())
}

/// Writes down changes that no command waits for: rollbacks, scaling, shifts of traffic.
async fn keep_rollbacks(control: ControlHandle, journal: Arc<Mutex<Journal>>) {
    let mut authored = control.authored();
    while authored.changed().await.is_ok() {
        if let Err(error) = journal::keep(control.clone(), Arc::clone(&journal)).await {
            tracing::warn!(%error, "the journal cannot be written");
        }
    }
}

fn spawn(future: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(future))
}

/// What the control socket may do with the stack.
struct AppStack {
    control: ControlHandle,
    certificates: Arc<CertStore>,
    folders: Folders,
    shut_down: watch::Sender<ShutDown>,
    keep: Arc<AtomicBool>,
    journal: Arc<Mutex<Journal>>,
    requests: Tap<SettledRequest>,
    loader: Loader,
}

impl AppStack {
    async fn keep_edits(&self) -> Result<(), Refused> {
        let kept = journal::keep(self.control.clone(), Arc::clone(&self.journal)).await;
        kept.map_err(|error| {
            let path = self.folders.journal();
            Refused::failed(format!(
                "done, but the next `up` will not know of it: cannot write {}: {error}",
                path.display()
            ))
        })
    }

    /// The authority for a changed file. One that was made for this run stays as long as it can serve: there is a command
    /// that trusts it.
    fn authority(&self, topology: &Topology, notes: &mut Vec<String>) -> Result<Arc<Authority>, CertError> {
        let current = self.certificates.authority();
        if is_for_this_run() && current.unfit_for(&topology.domains, Timestamp::now()).is_none() {
            return Ok(current);
        }
        open_authority(topology, &self.folders, notes).map(Arc::new)
    }

    async fn apply_file(&self, request: UpRequest) -> Result<Vec<String>, Refused> {
        let failed = |error: &dyn std::error::Error| Refused::failed(chain(error));
        let runs_from = self.folders.runs_from().map_err(|error| failed(&error))?;
        if let Some(from) = runs_from.filter(|from| !request.take_over && !folders::in_one_folder(from, &request.file))
        {
            return Err(Refused::failed(runs_elsewhere(self.control.topology().name.as_str(), &from)));
        }
        let topology = (self.loader)(&request)?;
        let mut notes = Vec::new();
        let authority = self.authority(&topology, &mut notes).map_err(|error| failed(&error))?;
        trust_files::write(&self.folders, &authority).map_err(|error| failed(&error))?;
        self.certificates.replace_authority(authority);
        self.certificates.update(topology.load_balancers.values(), Timestamp::now()).map_err(|error| failed(&error))?;
        // Before anybody is told that the change is made.
        trust_files::write_leaf_keys(&self.folders, &self.certificates).map_err(|error| failed(&error))?;
        let renew = renew(&request);
        let before = self.control.topology();
        self.control.apply(topology, renew, request.reset).await.map_err(|refusal| failed(&refusal))?;
        self.keep_edits().await?;
        self.folders.set_runs_from(&request.file).map_err(|error| failed(&error))?;
        let mut told = changes(&before, &self.control.topology());
        told.extend(self.control.desired().left_alone().iter().map(ToString::to_string));
        Ok(told)
    }
}

impl Stack for AppStack {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.control.snapshots()
    }

    async fn apply(&self, request: UpRequest) -> Result<Vec<String>, Refused> {
        self.apply_file(request).await
    }

    async fn scale(&self, service: String, count: Option<u32>) -> Result<(), Refused> {
        let service = ServiceName::new(service);
        self.control.scale(service, count).await.map_err(Refused::usage)?;
        self.keep_edits().await
    }

    async fn stop_task(&self, task: String) -> Result<(), Refused> {
        self.control.stop_task(TaskId::new(task)).await.map_err(Refused::failed)
    }

    async fn continue_deployment(&self, service: String, rollback: bool) -> Result<(), Refused> {
        let action = if rollback { PauseAction::Rollback } else { PauseAction::Continue };
        self.control.continue_service_deployment(ServiceName::new(service), action).await.map_err(Refused::usage)
    }

    async fn deploy(&self, request: DeployRequest) -> Result<Answer, Refused> {
        let answer = deploying::deploy(&self.control, request).await;
        self.keep_edits().await?;
        answer
    }

    async fn stop_deployment(&self, service: String, abort: bool) -> Result<Answer, Refused> {
        let answer = deploying::stop(&self.control, service, abort).await;
        self.keep_edits().await?;
        answer
    }

    fn requests(&self) -> Listening<SettledRequest> {
        self.requests.listen()
    }

    async fn run_task(&self, request: RunTaskRequest) -> Result<Answer, Refused> {
        let answer = deploying::run_task(&self.control, request).await;
        self.keep_edits().await?;
        answer
    }

    fn is_ending(&self) -> bool {
        *self.shut_down.borrow() > ShutDown::No
    }

    async fn restart(&self, service: Option<String>) -> Result<(), Refused> {
        let service = service.map(ServiceName::new);
        self.control.restart(service).await.map_err(Refused::usage)
    }

    async fn rebuild(&self, containers: Vec<(String, String)>) -> Result<(), Refused> {
        self.control.rebuild(named(containers)).await.map_err(Refused::failed)
    }

    async fn restart_containers(&self, containers: Vec<(String, String)>) -> Result<(), Refused> {
        self.control.restart_containers(named(containers)).await.map_err(Refused::failed)
    }

    fn shut_down(&self, force: bool, keep: bool) {
        // The first who says it decides: who comes later finds a stack that is going already.
        if !self.is_ending() {
            self.keep.store(keep, Ordering::Relaxed);
        }
        let wanted = if force { ShutDown::AtOnce } else { ShutDown::Gracefully };
        self.shut_down.send_if_modified(|now| {
            let more = wanted > *now;
            if more {
                *now = wanted;
            }
            more
        });
    }
}

fn named(containers: Vec<(String, String)>) -> Vec<(ServiceName, ContainerName)> {
    let named =
        containers.iter().map(|(service, container)| (ServiceName::new(service), ContainerName::new(container)));
    named.collect()
}

/// Why `up` leaves a stack alone that runs from another folder: two checkouts of one project are two stacks.
pub fn runs_elsewhere(project: &str, from: &Path) -> String {
    format!(
        "project `{project}` runs from {}, not from here\n`--project-name NAME` runs a second stack beside it, \
         `--take-over` replaces it",
        from.parent().unwrap_or(from).display()
    )
}

fn already_running(from: Option<&Path>) -> String {
    let from = from.map(|from| format!(", from {}", from.parent().unwrap_or(from).display())).unwrap_or_default();
    format!("another process already runs this project{from}; `--project-name NAME` runs a second stack next to it")
}

/// An error with its causes, on one line. `Display` leaves them out wherever there is a source; only a
/// [`RuntimeError`] is a whole sentence already, and [`StartError::Runtime`] ends with it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_tells_each_cause_once() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let engine = RuntimeError::EngineUnreachable("no engine: connection refused. Start it".into());
        let start = StartError::from(engine.caused_by(refused()));
        assert_eq!(chain(&start), "no engine: connection refused. Start it");
        let file = StartError::Io { doing: "write the journal".to_owned(), source: refused() };
        assert_eq!(chain(&file), format!("cannot write the journal: {}", refused()));
    }
}
