//! Access for all other parts: send a command, send an observation, read a snapshot.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::control::command::{Command, PauseAction, Refusal, Renew, StopType};
use crate::control::desired::edit::Edit;
use crate::control::desired::state::Desired;
use crate::control::observation::Observation;
use crate::control::routing::Routing;
use crate::control::snapshot::Snapshot;
use crate::ecs::service::protection::ProtectionChange;
use crate::ecs::standalone::STOPPED_BY_USER;
use crate::model::{ContainerName, ServiceName, TaskId, Topology};

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct ControlHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) observations: mpsc::Sender<Observation>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) routing: watch::Receiver<Routing>,
    pub(crate) desired: watch::Receiver<Arc<Desired>>,
}

impl ControlHandle {
    /// Applies the file, except for changes by others to parts that the file has not touched since; with `reset`,
    /// applies all of it.
    pub async fn apply(&self, topology: Arc<Topology>, renew: Renew, reset: bool) -> Result<(), Refusal> {
        self.send(|reply| Command::Apply { topology, renew, reset, reply }).await
    }

    /// Replaces the tasks of one service, or of all.
    pub async fn restart(&self, service: Option<ServiceName>) -> Result<(), Refusal> {
        self.send(|reply| Command::Restart { service, reply }).await
    }

    /// Rebuilds the images of these containers, and deploys the result.
    pub async fn rebuild(&self, containers: Vec<(ServiceName, ContainerName)>) -> Result<(), Refusal> {
        self.send(|reply| Command::Rebuild { containers, reply }).await
    }

    /// Restarts these containers without recreating them.
    pub async fn restart_containers(&self, containers: Vec<(ServiceName, ContainerName)>) -> Result<(), Refusal> {
        self.send(|reply| Command::RestartContainers { containers, reply }).await
    }

    /// Runs a different number of tasks of a service; `None` means the number in the file.
    pub async fn scale(&self, service: ServiceName, desired_count: Option<u32>) -> Result<(), Refusal> {
        self.edit(self.desired().scale(service, desired_count)).await
    }

    /// Changes what is wanted, on behalf of another author than the file.
    pub async fn edit(&self, edit: Edit) -> Result<(), Refusal> {
        self.edit_and_renew(edit, Renew::default()).await
    }

    /// Changes what is wanted, and has these images again.
    pub async fn edit_and_renew(&self, edit: Edit, renew: Renew) -> Result<(), Refusal> {
        self.send(|reply| Command::Edit { edit: Box::new(edit), renew, reply }).await
    }

    /// Ends the deployment of a service that is in progress.
    pub async fn stop_service_deployment(&self, service: ServiceName, stop_type: StopType) -> Result<(), Refusal> {
        self.send(|reply| Command::StopServiceDeployment { service, stop_type, reply }).await
    }

    /// Decides about a deployment that a lifecycle hook has paused.
    pub async fn continue_service_deployment(&self, service: ServiceName, action: PauseAction) -> Result<(), Refusal> {
        self.send(|reply| Command::ContinueServiceDeployment { service, action, reply }).await
    }

    /// Stops one task; its service replaces it.
    pub async fn stop_task(&self, task: TaskId) -> Result<(), Refusal> {
        self.stop_task_because(task, STOPPED_BY_USER.to_owned()).await
    }

    /// The same for a reason that somebody gives.
    pub async fn stop_task_because(&self, task: TaskId, reason: String) -> Result<(), Refusal> {
        self.send(|reply| Command::StopTask { task, reason, reply }).await
    }

    /// Protects a task from being scaled in, or does no longer.
    pub async fn update_task_protection(&self, task: TaskId, change: ProtectionChange) -> Result<(), Refusal> {
        self.send(|reply| Command::UpdateTaskProtection { task, change, reply }).await
    }

    /// The current desired topology.
    pub fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.snapshots.borrow().topology)
    }

    /// The current desired state, with the author of each part.
    pub fn desired(&self) -> Arc<Desired> {
        Arc::clone(&self.desired.borrow())
    }

    /// The same, whenever it changes.
    pub fn authored(&self) -> watch::Receiver<Arc<Desired>> {
        self.desired.clone()
    }

    /// Stops every task and waits for the last one until the deadline. Returns whether all are gone.
    pub async fn shut_down(&self, within: Duration) -> bool {
        if self.send(|reply| Command::ShutDown { reply }).await.is_err() {
            return true;
        }
        let mut snapshots = self.snapshots.clone();
        let at_rest = snapshots.wait_for(|snapshot| snapshot.world.is_at_rest());
        tokio::time::timeout(within, at_rest).await.is_ok()
    }

    /// The queue for facts from the edges.
    pub fn observations(&self) -> mpsc::Sender<Observation> {
        self.observations.clone()
    }

    /// The published state.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The published routing tables.
    pub fn routing(&self) -> watch::Receiver<Routing> {
        self.routing.clone()
    }

    async fn send(&self, command: impl FnOnce(oneshot::Sender<Result<(), Refusal>>) -> Command) -> Result<(), Refusal> {
        let (reply, verdict) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Refusal::Gone)?;
        verdict.await.map_err(|_| Refusal::Gone)?
    }
}
