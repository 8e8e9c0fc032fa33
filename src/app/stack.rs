//! What may be done with a running stack: by commands, through the control socket.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::watch;

use super::error::{chain, runs_elsewhere};
use super::journal::{self, Journal};
use super::{authority, deploying, trust_files};
use crate::admin::server::Stack;
use crate::admin::wire::{Answer, DeployRequest, Refused, RunTaskRequest, UpRequest};
use crate::certs::error::CertError;
use crate::certs::{Authority, CertStore};
use crate::control::ControlHandle;
use crate::control::changes::changes;
use crate::control::command::{PauseAction, Renew};
use crate::control::snapshot::Snapshot;
use crate::control::tap::{Listening, Tap};
use crate::machine::folders::{self, Folders};
use crate::model::settled_request::SettledRequest;
use crate::model::{ContainerName, ServiceName, TaskId, Topology};

/// Turns a file into a topology. The words layer knows how; a running stack asks it when `up` is typed again.
pub type Loader = Arc<dyn Fn(&UpRequest) -> Result<Arc<Topology>, Refused> + Send + Sync>;

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

/// Which images `up` has again.
pub(super) fn renew(request: &UpRequest) -> Renew {
    Renew { builds: !request.no_build, pulls: request.pull }
}

/// What the control socket may do with the stack.
pub(super) struct AppStack {
    pub(super) control: ControlHandle,
    pub(super) certificates: Arc<CertStore>,
    pub(super) folders: Folders,
    pub(super) shut_down: watch::Sender<ShutDown>,
    pub(super) keep: Arc<AtomicBool>,
    pub(super) journal: Arc<Mutex<Journal>>,
    pub(super) requests: Tap<SettledRequest>,
    pub(super) loader: Loader,
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
        if authority::is_for_this_run() && current.unfit_for(&topology.domains, Timestamp::now()).is_none() {
            return Ok(current);
        }
        authority::open(topology, &self.folders, notes).map(Arc::new)
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
