//! The interface to whatever runs tasks. It is declared here, by its user, and implemented by `runtime::docker` and,
//! for tests, by a fake world.
//!
//! The calls are the effects of a plan: each is self-contained, names everything it needs, can be repeated, and leaves
//! no choice to the implementation. Later events (a container exits, its health changes) arrive through
//! [`Runtime::watch`], which is level-triggered: after every gap it reports the current state.

use std::error::Error;
use std::fmt;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use crate::ecs::service::lifecycle::answer::HookOutcome;
pub use crate::ecs::service::lifecycle::payload::Invocation;
pub use crate::ecs::usage::TaskUsage;
pub use crate::model::image::{ImageOrigin, ProvidedImage};
pub use crate::model::node::{NodeState, ObservedNode};
use crate::model::service::Build;
use crate::model::task::{ContainerExit, HealthStatus};
pub use crate::model::task::{Reach, TaskNetwork, TaskSpec};
use crate::model::{ContainerName, NodeName, Redacted, TaskId};

/// Runs the tasks of one project. Calls are rare, so their futures are boxed, and callers need not know the
/// implementation.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Creates what all tasks of the project share (network, pause image). Idempotent.
    async fn prepare(&self) -> Result<(), RuntimeError>;

    /// Images that this registry has are pulled from it. A runtime without images has no use for it.
    fn use_registry(&self, _: Arc<dyn LocalRegistry>) {}

    /// Provides the image on these nodes, or on the only one if none is named: finds it locally, builds it, or pulls it.
    /// Progress is sent as it happens; if the queue is full, progress is dropped without blocking.
    async fn provide_image(
        &self,
        request: &ImageRequest,
        nodes: &[NodeName],
        progress: mpsc::Sender<ImageProgress>,
    ) -> Result<ProvidedImage, RuntimeError>;

    /// Creates the task's network namespace: its pause container, running.
    async fn open_task(&self, task: &TaskSpec) -> Result<TaskNetwork, RuntimeError>;

    /// Creates and starts one container in the task's namespace. Replaces an exited container of the same name (restart
    /// policy).
    async fn start_container(
        &self,
        task: &TaskSpec,
        container: &ContainerName,
    ) -> Result<StartedContainer, RuntimeError>;

    /// Sends the stop signal, and SIGKILL after the timeout. Succeeds if the container is already stopped or gone. The
    /// exit itself arrives through `watch`.
    async fn stop_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<(), RuntimeError>;

    /// Stops one container and starts it again without recreating it, so that it keeps its files. Returns its exit if
    /// it has ended again. Meanwhile, the exit that `watch` reports is ignored.
    async fn restart_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<Option<ContainerExit>, RuntimeError>;

    /// Removes all containers of the task by force, the pause container last. Succeeds if there are none.
    async fn close_task(&self, task: &TaskId) -> Result<(), RuntimeError>;

    /// Another living process on this machine that runs the project.
    async fn other_owner(&self) -> Result<Option<u32>, RuntimeError> {
        Ok(None)
    }

    /// Whether it responds promptly.
    async fn answers(&self) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Runs the command of a lifecycle hook, here and in no container, until it ends.
    async fn invoke_hook(&self, _hook: &Invocation) -> HookOutcome {
        HookOutcome::Failed("this runtime runs no commands".to_owned())
    }

    /// Measures what the containers of a task use.
    async fn usage(&self, task: &TaskId) -> Result<TaskUsage, RuntimeError> {
        Err(RuntimeError::Other(format!("this runtime does not measure tasks, and so not {task}").into()))
    }

    /// Listens on an address in the network of the tasks, as if that machine were one of them.
    async fn listen(&self, _address: SocketAddrV4) -> Result<TaskListener, RuntimeError> {
        Err(RuntimeError::Other("this runtime has no sockets in the network of its tasks".into()))
    }

    /// The sockets of the DNS server that tasks ask for names.
    async fn resolver(&self) -> Result<TaskResolver, RuntimeError> {
        Err(RuntimeError::Other("tasks of this runtime ask others for names".into()))
    }

    /// A connection to the DNS server that knows all other names.
    async fn connect_upstream(&self) -> Result<TcpStream, RuntimeError> {
        Err(RuntimeError::Other("tasks of this runtime ask others for names".into()))
    }

    /// Runs until the receiver is dropped: reports the nodes and the current containers of each
    /// ([`RuntimeEvent::Inventory`]), then every change. Reconnects when an engine goes away, starting again with an
    /// inventory.
    async fn watch(&self, events: mpsc::Sender<RuntimeEvent>);

    /// Sends the output of one container, line by line, from its start to its end.
    async fn follow_logs(
        &self,
        task: &TaskId,
        container: &ContainerName,
        lines: mpsc::Sender<LogLine>,
    ) -> Result<(), RuntimeError>;

    /// Removes objects on all nodes that have the project's labels and one of these owners. Returns descriptions of
    /// what was removed.
    async fn sweep(&self, of: Owners) -> Result<Vec<String>, RuntimeError>;
}

/// A socket in the network of the tasks.
#[derive(Debug)]
pub struct TaskListener {
    /// Accepts connections from tasks.
    pub listener: TcpListener,
    /// Cancelled when nothing can connect any more and another one is to be asked for.
    pub lost: CancellationToken,
}

/// The sockets of the DNS server of the tasks.
#[derive(Debug)]
pub struct TaskResolver {
    /// Receives questions.
    pub datagrams: UdpSocket,
    /// Accepts connections for questions whose answers are long.
    pub connections: TcpListener,
    /// Asks the DNS server that knows all other names.
    pub upstream: UdpSocket,
    /// Cancelled when nothing can ask any more and others are to be asked for.
    pub lost: CancellationToken,
}

/// A request for an image.
#[derive(Clone, Debug)]
pub struct ImageRequest {
    /// Its name on this machine, which is also the tag of a build.
    pub image: String,
    /// The container that needs it, for messages.
    pub container: ContainerName,
    /// How to build it; `None` pulls it.
    pub build: Option<Build>,
    /// Credentials for a private registry.
    pub credentials: Option<RegistryCredentials>,
    /// Whether an existing image is good enough.
    pub policy: ImagePolicy,
    /// `linux/amd64` or `linux/arm64`, if the task definition sets it.
    pub platform: Option<String>,
    /// What a build must not reuse.
    pub fresh: Fresh,
}

/// What a build must not reuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fresh {
    /// Steps in the builder's cache (`--no-cache`).
    pub steps: bool,
    /// Base images, if the registry has newer ones (`--pull`).
    pub bases: bool,
}

/// Whether an existing image is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePolicy {
    /// Provide only missing images.
    Missing,
    /// Build, or pull even if the image exists (`--pull`).
    Always,
    /// Use only existing images (`--no-build`).
    Never,
}

/// `{"username":…,"password":…}` of `repositoryCredentials`.
#[derive(Clone, Debug)]
pub struct RegistryCredentials {
    /// Not secret.
    pub username: String,
    /// Secret.
    pub password: Redacted,
}

/// A registry of this machine that stands for another.
pub trait LocalRegistry: fmt::Debug + Send + Sync {
    /// Where an image is to be pulled from, if it is one of its own.
    fn pull(&self, image: &str) -> Option<Pulled>;
}

/// An image as a local registry has it.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// Its name there.
    pub reference: String,
    /// For it.
    pub credentials: RegistryCredentials,
}

/// One step of a build or pull, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageProgress {
    /// The image.
    pub image: String,
    /// A short line: `Step 3/9 : RUN npm ci`, `pulling 12.3 of 45.0 MB`.
    pub message: String,
    /// Output of the build, shown only on request or on failure.
    pub detail: bool,
}

/// A container that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedContainer {
    /// The engine's id for it.
    pub runtime_id: String,
    /// Digest of its image, if the engine knows one.
    pub image_digest: Option<String>,
}

/// A report about the nodes and what is on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// All current nodes. One engine is one node.
    Nodes(Vec<ObservedNode>),
    /// All current containers of the project on a node. Any other container of a task on that node is gone.
    Inventory(NodeName, Vec<ObservedContainer>),
    /// One container changed.
    Changed(ObservedContainer),
    /// The engine of a node is currently unreachable; the last known state of what is on it remains.
    Unreachable(NodeName, String),
}

/// A container of the project. Pause containers are reported only when they are lost: `container` is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Its task.
    pub task: TaskId,
    /// Its name; `None` for the task's pause container.
    pub container: Option<ContainerName>,
    /// The engine's id for it.
    pub runtime_id: String,
    /// Running, or how it ended.
    pub state: ObservedState,
    /// Result of its health check.
    pub health: HealthStatus,
}

/// The state of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedState {
    /// Running.
    Running,
    /// Ended.
    Exited(ContainerExit),
    /// Removed by something else.
    Gone,
}

/// One line of a container's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine received it.
    pub at: jiff::Timestamp,
    /// Whether it was written to standard error.
    pub stderr: bool,
    /// Without the line ending.
    pub text: String,
}

/// The owners whose objects are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Processes that are known to be dead.
    Dead,
    /// Those, and the current process.
    DeadOrSelf,
    /// Any process, alive or not.
    Any,
}

/// Why a step failed, in the words that ECS would put into `stoppedReason` or `reason` if they are known, including the
/// engine's own words.
///
/// Such a reason is a single sentence that may continue after the engine's words, so `Display` prints all of it: print
/// it alone. The source is for programs; code that prints an error with its causes must stop here.
#[derive(Debug)]
pub enum RuntimeError {
    /// `CannotPullContainerError: …`
    CannotPullContainer(Reason),
    /// The build failed; the text names the step and contains its last lines of output.
    BuildFailed(Reason),
    /// `CannotCreateContainerError: …`
    CannotCreateContainer(Reason),
    /// `CannotStartContainerError: …`, e.g. the image lacks the command.
    CannotStartContainer(Reason),
    /// The engine cannot be reached.
    EngineUnreachable(Reason),
    /// No space left on device.
    DiskFull(Reason),
    /// Any other failure, with the operation.
    Other(Reason),
}

/// The text of an error, and its cause.
#[derive(Debug)]
pub struct Reason {
    text: String,
    cause: Option<Cause>,
}

type Cause = Box<dyn Error + Send + Sync>;

impl RuntimeError {
    /// Adds the cause.
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Self {
        let (Self::CannotPullContainer(reason)
        | Self::BuildFailed(reason)
        | Self::CannotCreateContainer(reason)
        | Self::CannotStartContainer(reason)
        | Self::EngineUnreachable(reason)
        | Self::DiskFull(reason)
        | Self::Other(reason)) = &mut self;
        reason.cause = Some(cause.into());
        self
    }

    fn reason(&self) -> &Reason {
        match self {
            Self::CannotPullContainer(reason)
            | Self::BuildFailed(reason)
            | Self::CannotCreateContainer(reason)
            | Self::CannotStartContainer(reason)
            | Self::EngineUnreachable(reason)
            | Self::DiskFull(reason)
            | Self::Other(reason) => reason,
        }
    }
}

impl Reason {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Changes the text and keeps the cause.
    pub fn reworded(self, words: impl FnOnce(&str) -> String) -> Self {
        Self { text: words(&self.text), cause: self.cause }
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self { text, cause: None }
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = match self {
            Self::CannotPullContainer(_) => "CannotPullContainerError: ",
            Self::BuildFailed(_) => "image build failed: ",
            Self::CannotCreateContainer(_) => "CannotCreateContainerError: ",
            Self::CannotStartContainer(_) => "CannotStartContainerError: ",
            Self::DiskFull(_) => "no space left on device: ",
            Self::EngineUnreachable(_) | Self::Other(_) => "",
        };
        write!(f, "{before}{}", self.reason().text)
    }
}

impl Error for RuntimeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason().cause.as_deref().map(|cause| cause as _)
    }
}
