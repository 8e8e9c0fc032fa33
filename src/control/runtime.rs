//! The interface to whatever runs tasks. Declared here, by its user; implemented by `runtime::docker` and, for
//! tests, by a fake world.
//!
//! The calls are the effects of a plan: each is self-contained, names everything it needs, may be repeated, and leaves no
//! choice to the implementation. Later events (a container exits, its health changes) arrive through [`Runtime::watch`],
//! which is level-triggered: after every gap it reports the current state.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use crate::model::image::{ImageOrigin, ProvidedImage};
use crate::model::service::Build;
use crate::model::task::{ContainerExit, HealthStatus};
pub use crate::model::task::{Reach, TaskNetwork, TaskSpec};
use crate::model::{ContainerName, Redacted, TaskId};

/// Runs the tasks of one project. Calls are few, so their futures are boxed and nobody need know which runtime it is.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Makes what all tasks of the project share (network, pause image). Idempotent.
    async fn prepare(&self) -> Result<(), RuntimeError>;

    /// Makes the image available: builds it, pulls it, or finds it there. Progress is sent as it happens; a full
    /// queue drops progress, never blocks.
    async fn provide_image(
        &self,
        request: &ImageRequest,
        progress: mpsc::Sender<ImageProgress>,
    ) -> Result<ProvidedImage, RuntimeError>;

    /// Makes the task's network namespace: its pause container, running.
    async fn open_task(&self, task: &TaskSpec) -> Result<TaskNetwork, RuntimeError>;

    /// Creates and starts one container in the task's namespace. An exited one of the same name is replaced
    /// (restart policy).
    async fn start_container(
        &self,
        task: &TaskSpec,
        container: &ContainerName,
    ) -> Result<StartedContainer, RuntimeError>;

    /// Stop signal, then SIGKILL when the time is over. Succeeds if it is stopped or gone already. The exit itself
    /// arrives through `watch`.
    async fn stop_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<(), RuntimeError>;

    /// Stops one container and starts it again as it is, with what has been written into it. Returns how it ended if it
    /// has ended by then. While this goes on, nothing is made of its end as `watch` reports it.
    async fn restart_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<Option<ContainerExit>, RuntimeError>;

    /// Removes every container of the task, by force, the pause container last. Succeeds if nothing is there.
    async fn close_task(&self, task: &TaskId) -> Result<(), RuntimeError>;

    /// Another living process of this machine that runs the project.
    async fn other_owner(&self) -> Result<Option<u32>, RuntimeError> {
        Ok(None)
    }

    /// Whether it answers, and soon.
    async fn answers(&self) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// Runs until the receiver is dropped: reports what is there now ([`RuntimeEvent::Inventory`]), then each
    /// change; reconnects when the engine goes away, and starts over with an inventory.
    async fn watch(&self, events: mpsc::Sender<RuntimeEvent>);

    /// Sends the output of one container, line by line, from its start until it ends.
    async fn follow_logs(
        &self,
        task: &TaskId,
        container: &ContainerName,
        lines: mpsc::Sender<LogLine>,
    ) -> Result<(), RuntimeError>;

    /// Removes what carries the project's labels and belongs to one of these. Returns what was removed, in words.
    async fn sweep(&self, of: Owners) -> Result<Vec<String>, RuntimeError>;
}

/// Where an image is to come from.
#[derive(Clone, Debug)]
pub struct ImageRequest {
    /// What it is called on this machine; a build is tagged with it.
    pub image: String,
    /// Who wants it, for messages.
    pub container: ContainerName,
    /// How to make it here; `None` pulls.
    pub build: Option<Build>,
    /// Credentials for a private registry.
    pub credentials: Option<RegistryCredentials>,
    /// Whether an image that is there already will do.
    pub policy: ImagePolicy,
    /// `linux/amd64` or `linux/arm64`, where the task definition says.
    pub platform: Option<String>,
    /// What a build may not take from what is there.
    pub fresh: Fresh,
}

/// What a build may not take from what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fresh {
    /// Steps from the builder's cache (`--no-cache`).
    pub steps: bool,
    /// Images that it starts from, if the registry has newer ones (`--pull`).
    pub bases: bool,
}

/// Whether an image that is already there will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePolicy {
    /// Pull only what is missing.
    Missing,
    /// Build, or pull though it is there (`--pull`).
    Always,
    /// Take what is there (`--no-build`).
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

/// One step of a build or pull, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageProgress {
    /// The image it is about.
    pub image: String,
    /// A short line: `Step 3/9 : RUN npm ci`, `pulling 12.3 of 45.0 MB`.
    pub message: String,
    /// Output of the build itself, shown only on request or on failure.
    pub detail: bool,
}

/// A container that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedContainer {
    /// The engine's id of it.
    pub runtime_id: String,
    /// Digest of its image, if the engine knows one.
    pub image_digest: Option<String>,
}

/// What the engine reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// Everything of this project that is there now. A container that is missing from it is gone.
    Inventory(Vec<ObservedContainer>),
    /// One container changed.
    Changed(ObservedContainer),
    /// The engine cannot be reached at the moment; the last known state stands.
    Unreachable(String),
}

/// A container of the project (pause containers are not reported, except by their loss: `container` is `None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Its task.
    pub task: TaskId,
    /// Its name; `None` for the task's pause container.
    pub container: Option<ContainerName>,
    /// The engine's id.
    pub runtime_id: String,
    /// Running, or how it ended.
    pub state: ObservedState,
    /// Result of its health check.
    pub health: HealthStatus,
}

/// Whether a container runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedState {
    /// It runs.
    Running,
    /// It has ended.
    Exited(ContainerExit),
    /// It was removed behind our back.
    Gone,
}

/// One line of a container's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine got it.
    pub at: jiff::Timestamp,
    /// Standard error rather than standard output.
    pub stderr: bool,
    /// Without its line end.
    pub text: String,
}

/// Whose objects are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Processes that are known to be dead.
    Dead,
    /// Those, and this process.
    DeadOrSelf,
    /// Any process, alive or not.
    Any,
}

/// Why a step failed. The words of each are what ECS would put in `stoppedReason` or `reason`, where AWS's wording is
/// known, with the engine's own words in them.
///
/// Such a reason is one sentence, and often goes on after the engine's words, so `Display` is the whole of it: show it
/// alone. The source is for programs; whatever prints an error with its causes stops here.
#[derive(Debug)]
pub enum RuntimeError {
    /// `CannotPullContainerError: …`
    CannotPullContainer(Reason),
    /// The build failed; the text names the step and holds its last lines of output.
    BuildFailed(Reason),
    /// `CannotCreateContainerError: …`
    CannotCreateContainer(Reason),
    /// `CannotStartContainerError: …`, e.g. the image lacks the command.
    CannotStartContainer(Reason),
    /// The engine cannot be reached.
    EngineUnreachable(Reason),
    /// No space left on device.
    DiskFull(Reason),
    /// Anything else, with what was being done.
    Other(Reason),
}

/// The words of an error, and the error that they tell of.
#[derive(Debug)]
pub struct Reason {
    text: String,
    cause: Option<Cause>,
}

type Cause = Box<dyn Error + Send + Sync>;

impl RuntimeError {
    /// Keeps the error that this one tells of.
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
    /// The words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same cause in other words.
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
