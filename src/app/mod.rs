//! Builds every part of a stack, starts it, applies changed files, and takes it down: the only place that names all
//! parts.
//!
//! ```text
//!   lock ─> engine ─> sweep what a dead process left ─> certificates ─> control ─> data plane, probes, logs, socket
//!                                                                                        │
//!   state folder gone <─ sweep <─ tasks stopped <─ requests in flight ended <── shut down ┘
//! ```

mod alarms;
mod authority;
mod aws_endpoint;
mod certificates;
mod deploying;
mod error;
mod journal;
mod load_balancers;
mod scaling;
mod stack;
mod trust_files;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::admin::server;
use crate::admin::view::views::Views;
use crate::admin::wire::UpRequest;
use crate::certs::{CertStore, targets};
use crate::connect::ConnectProxy;
use crate::control::desired::state::Desired;
use crate::control::ids::RandomIds;
use crate::control::runtime::{Owners, Runtime, RuntimeError};
use crate::control::tap::Tap;
use crate::control::{self, ControlHandle};
use crate::logs::containers::collector;
use crate::machine::folders::{Folders, Kept, ProjectLock};
use crate::metadata::MetadataServer;
use crate::model::Topology;
use crate::model::listener::{Listener, LoadBalancer};
use crate::names::NameServer;
use crate::proxy;
use crate::runtime;
use crate::web::metrics;

pub use authority::make_authority;
pub use error::{StartError, chain, runs_elsewhere};
pub use stack::{Loader, ShutDown};

use error::io;
use journal::Journal;
use load_balancers::{DRAIN, LoadBalancers};
use stack::{AppStack, renew};

/// How long tasks may take to stop: the longest stopTimeout that Fargate allows, and some.
const STOP: Duration = Duration::from_secs(130);

/// How often, while tasks stop, the engine is asked whether it is still there.
const ENGINE_CHECK: Duration = Duration::from_secs(2);

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
        let aws = request.aws.or(topology.aws_endpoint);
        let runtime = runtime::connect(&topology, aws.is_some(), folders.door()).await?;
        if let Some(pid) = runtime.other_owner().await? {
            return Err(StartError::RunsElsewhere(pid));
        }
        let mut notes = runtime.sweep(Owners::Dead).await?;
        for note in &mut notes {
            *note = format!("removed leftovers of an earlier run: {note}");
        }

        let authority = authority::open(&topology, folders, &mut notes)?;
        let names = authority::names(&topology);
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
        let issuing = certificates::follow(control.clone(), Arc::clone(&certificates), folders.clone(), names);
        let renewal = Arc::clone(&certificates);
        let mut tasks = vec![
            spawn(trust_files::keep_leaf_keys(folders.clone(), Arc::clone(&certificates))),
            spawn(server::serve(socket, Arc::new(stack))),
            spawn(Arc::clone(&load_balancers).follow()),
            spawn(issuing),
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
        if let Some(address) = aws {
            let served = aws_endpoint::serve(address, &control, &journal, folders, &*runtime).await;
            let (address, served) = served.map_err(io(&format!("listen on {address} for AWS's APIs")))?;
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
