//! The runtime of one project on one engine: its state, and the calls that `control` makes.

use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::door::keeper::Door;
use super::engine::cgroup::{Cgroups, TaskGroup};
use super::engine::connect::Engine;
use super::engine::labels::Names;
use super::engine::network::{self, ProjectNetwork};
use super::engine::options::DockerOptions;
use super::engine::owner::Owner;
use super::tasks::container_config::TaskLimits;
use crate::control::runtime::{HookOutcome, Invocation, LocalRegistry};
use crate::control::runtime::{
    ImageProgress, ImageRequest, LogLine, NodeState, ObservedNode, Owners, ProvidedImage, Runtime, RuntimeError,
    RuntimeEvent, StartedContainer, TaskListener, TaskNetwork, TaskResolver, TaskSpec, TaskUsage,
};
use crate::model::task::ContainerExit;
use crate::model::{ContainerName, NodeName, TaskId, Zone};
use crate::runtime::hooks;

/// Runs the tasks of one project on one engine.
#[derive(Debug)]
pub struct DockerRuntime {
    pub(super) engine: Engine,
    pub(super) options: DockerOptions,
    pub(super) names: Names,
    pub(super) owner: Owner,
    /// Created by `prepare` or by the first task; forgotten when the engine says that it is gone.
    pub(super) network: tokio::sync::Mutex<Option<Arc<ProjectNetwork>>>,
    /// The way in for sockets of ours; made when the first is asked for.
    pub(super) door: tokio::sync::Mutex<Option<Door>>,
    /// Whether none could be made when a task was to find it: the next tasks do not wait for another attempt.
    pub(super) door_failed: AtomicBool,
    /// Present if control groups can limit tasks as a whole.
    pub(super) cgroups: Option<Cgroups>,
    /// Tasks opened by this process. Tasks of earlier processes are found by their labels.
    tasks: Mutex<HashMap<TaskId, OpenTask>>,
    /// Whether the engine has refused to set limits; see `task`.
    pub(super) ulimits_refused: AtomicBool,
    /// Digests of images provided by this process, by reference.
    digests: Mutex<HashMap<String, String>>,
    /// The registry of this machine, if there is one.
    pub(super) registry: OnceLock<Arc<dyn LocalRegistry>>,
    /// Images built by this process or an earlier one that lost their name to a newer build.
    pub(super) superseded: Mutex<BTreeSet<String>>,
}

/// A task whose pause container we started.
#[derive(Clone, Debug)]
pub(crate) struct OpenTask {
    pub(super) pause_id: String,
    /// The address that we chose, to be returned.
    pub(super) address: Option<Ipv4Addr>,
    pub(super) limits: TaskLimits,
    /// Whether it finds something at 169.254.170.2.
    pub(super) has_endpoint: bool,
    pub(super) group: Option<Arc<TaskGroup>>,
    /// The folder of its `/etc/hosts` and `/etc/resolv.conf`, if they are ours.
    pub(super) etc: Option<PathBuf>,
    pub(super) containers: HashMap<ContainerName, String>,
}

impl DockerRuntime {
    /// Finds the engine that the user means (see `engine/endpoint.rs`), and connects to it.
    pub async fn connect(options: DockerOptions) -> Result<Self, RuntimeError> {
        Ok(Self::new(Engine::connect().await?, options))
    }

    /// Uses an engine that has been found already.
    pub fn new(engine: Engine, options: DockerOptions) -> Self {
        Self::owned_by(engine, options, Owner::current())
    }

    /// Acts as another process, to test what a crashed process leaves behind.
    pub fn owned_by(engine: Engine, options: DockerOptions, owner: Owner) -> Self {
        Self {
            names: Names::new(options.project.clone(), &owner),
            cgroups: engine.is_local().then(|| Cgroups::find(engine.system())).flatten(),
            engine,
            options,
            owner,
            network: tokio::sync::Mutex::default(),
            door: tokio::sync::Mutex::default(),
            door_failed: AtomicBool::new(false),
            tasks: Mutex::default(),
            ulimits_refused: AtomicBool::new(false),
            digests: Mutex::default(),
            registry: OnceLock::new(),
            superseded: Mutex::default(),
        }
    }

    /// The engine in use.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The options in use.
    pub fn options(&self) -> &DockerOptions {
        &self.options
    }

    /// The node that the engine is.
    pub(super) fn node(&self) -> ObservedNode {
        ObservedNode { name: self.engine.node(), zone: self.zone(), state: NodeState::Ready, schedulable: true }
    }

    /// The region's first zone: one machine is in one place.
    pub(super) fn zone(&self) -> Zone {
        Zone::new(format!("{}a", self.options.region))
    }

    /// The engine's id of a member, if there is such a container.
    pub async fn container_id_of(
        &self,
        task: &TaskId,
        container: &ContainerName,
    ) -> Result<Option<String>, RuntimeError> {
        self.container_id(task, container).await
    }

    pub(super) fn tasks(&self) -> MutexGuard<'_, HashMap<TaskId, OpenTask>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn digests(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds or creates the project's network.
    pub(super) async fn network(&self) -> Result<Arc<ProjectNetwork>, RuntimeError> {
        let mut slot = self.network.lock().await;
        if let Some(network) = &*slot {
            return Ok(Arc::clone(network));
        }
        let network = Arc::new(network::ensure(&self.engine, &self.names, self.options.reach).await?);
        *slot = Some(Arc::clone(&network));
        Ok(network)
    }
}

#[async_trait]
impl Runtime for DockerRuntime {
    async fn prepare(&self) -> Result<(), RuntimeError> {
        let prepared = tokio::try_join!(self.network(), self.ensure_pause_image());
        prepared.map(drop).map_err(|error| self.engine.located(error))
    }

    fn use_registry(&self, registry: Arc<dyn LocalRegistry>) {
        // There is one for as long as the process runs.
        let _ = self.registry.set(registry);
    }

    async fn provide_image(
        &self,
        request: &ImageRequest,
        _: &[NodeName],
        progress: mpsc::Sender<ImageProgress>,
    ) -> Result<ProvidedImage, RuntimeError> {
        self.provide(request, progress).await.map_err(|error| self.engine.located(error))
    }

    async fn open_task(&self, task: &TaskSpec) -> Result<TaskNetwork, RuntimeError> {
        self.open(task).await.map_err(|error| self.engine.located(error))
    }

    async fn start_container(
        &self,
        task: &TaskSpec,
        container: &ContainerName,
    ) -> Result<StartedContainer, RuntimeError> {
        self.start(task, container).await.map_err(|error| self.engine.located(error))
    }

    async fn stop_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<(), RuntimeError> {
        self.stop(task, container, stop_timeout).await.map_err(|error| self.engine.located(error))
    }

    async fn restart_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<Option<ContainerExit>, RuntimeError> {
        self.restart(task, container, stop_timeout).await.map_err(|error| self.engine.located(error))
    }

    async fn close_task(&self, task: &TaskId) -> Result<(), RuntimeError> {
        self.close(task).await.map_err(|error| self.engine.located(error))
    }

    async fn invoke_hook(&self, hook: &Invocation) -> HookOutcome {
        hooks::run(hook).await
    }

    async fn other_owner(&self) -> Result<Option<u32>, RuntimeError> {
        self.find_other_owner().await
    }

    async fn answers(&self) -> Result<(), RuntimeError> {
        self.engine.answers().await
    }

    async fn usage(&self, task: &TaskId) -> Result<TaskUsage, RuntimeError> {
        self.measure(task).await.map_err(|error| self.engine.located(error))
    }

    async fn listen(&self, address: SocketAddrV4) -> Result<TaskListener, RuntimeError> {
        DockerRuntime::listen(self, address).await.map_err(|error| self.engine.located(error))
    }

    async fn resolver(&self) -> Result<TaskResolver, RuntimeError> {
        DockerRuntime::resolver(self).await.map_err(|error| self.engine.located(error))
    }

    async fn connect_upstream(&self) -> Result<TcpStream, RuntimeError> {
        DockerRuntime::connect_upstream(self).await.map_err(|error| self.engine.located(error))
    }

    async fn watch(&self, events: mpsc::Sender<RuntimeEvent>) {
        self.watch_engine(events).await;
    }

    async fn follow_logs(
        &self,
        task: &TaskId,
        container: &ContainerName,
        lines: mpsc::Sender<LogLine>,
    ) -> Result<(), RuntimeError> {
        self.follow(task, container, lines).await.map_err(|error| self.engine.located(error))
    }

    async fn sweep(&self, of: Owners) -> Result<Vec<String>, RuntimeError> {
        self.sweep_engine(of).await.map_err(|error| self.engine.located(error))
    }
}
