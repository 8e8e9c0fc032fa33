//! Commands that users may send to the stack. Each variant says when it is refused; the reply comes once the effect is
//! visible in the published snapshots, so that callers read their own writes.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::control::desired::edit::Edit;
use crate::control::desired::state::StillNeeded;
use crate::control::desired::violation::Violation;
pub use crate::ecs::service::lifecycle::change::PauseAction;
use crate::ecs::service::protection::{ProtectionChange, ProtectionFailure};
use crate::model::{ContainerName, ServiceName, TaskId, Topology};

/// One request, and where to send the reply.
#[derive(Debug)]
pub enum Command {
    /// Apply this topology. Refused while shutting down.
    Apply {
        /// The new desired state.
        topology: Arc<Topology>,
        /// Build or pull images again, and deploy the result.
        renew: Renew,
        /// Whether to discard all changes made by others.
        reset: bool,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Replace the tasks of one service, or of all, with fresh ones. Refused for an unknown service and while
    /// shutting down.
    Restart {
        /// `None` means all services.
        service: Option<ServiceName>,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Rebuild the images of these containers, and deploy the result. Refused while shutting down.
    Rebuild {
        /// Unknown containers are ignored, because the file may have changed.
        containers: Vec<(ServiceName, ContainerName)>,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Restart these containers without recreating them, in every task of their services. Refused while shutting down.
    RestartContainers {
        /// Containers that are not running are ignored.
        containers: Vec<(ServiceName, ContainerName)>,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Change the desired state, until a file changes the same field. Refused where AWS would refuse it, and while
    /// shutting down.
    Edit {
        /// The change.
        edit: Box<Edit>,
        /// Which images to have again.
        renew: Renew,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// End the deployment in progress, as ECS's StopServiceDeployment does. Refused for an unknown service, if no deployment
    /// is in progress, and while shutting down.
    StopServiceDeployment {
        /// Whose deployment.
        service: ServiceName,
        /// What becomes of the service.
        stop_type: StopType,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Decide about a deployment that a lifecycle hook has paused, as ECS's ContinueServiceDeployment does. Refused for an
    /// unknown service, if its deployment is not paused, and while shutting down.
    ContinueServiceDeployment {
        /// Whose deployment.
        service: ServiceName,
        /// What becomes of it.
        action: PauseAction,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Stop one task, as ECS's StopTask does; its service replaces it. Refused for a task that is already stopping.
    StopTask {
        /// The task.
        task: TaskId,
        /// `stoppedReason`
        reason: String,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Protect a task from being scaled in, or do no longer, as ECS's UpdateTaskProtection does. It is no edit: a task does not
    /// outlive the process, so nothing of it is wanted later. Refused where ECS would refuse it.
    UpdateTaskProtection {
        /// The task.
        task: TaskId,
        /// What is asked for.
        change: ProtectionChange,
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Stop every task. Never refused. The reply comes at once; it is done when the view reports that everything is at
    /// rest.
    ShutDown {
        /// Where to send the reply.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
}

/// How a deployment is stopped (ECS API, StopServiceDeployment.stopType).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopType {
    /// `ROLLBACK`: the last completed deployment is restored.
    #[default]
    Rollback,
    /// `ABORT`: everything stays as it is now.
    Abort,
}

/// Which existing images to build or pull again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renew {
    /// Images with a `build` go to the builder, whose cache knows what has changed. Not with `--no-build`.
    pub builds: bool,
    /// `--pull`
    pub pulls: bool,
}

impl Default for Renew {
    fn default() -> Self {
        Self { builds: true, pulls: false }
    }
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The stack is being taken down.
    ShuttingDown,
    /// The service does not exist.
    UnknownService {
        /// The requested name.
        name: ServiceName,
        /// The existing services.
        known: Vec<ServiceName>,
    },
    /// The task does not exist, or is already stopping.
    UnknownTask(TaskId),
    /// ECS would refuse to change the protection of a task.
    TaskProtection(ProtectionFailure),
    /// AWS would refuse it.
    Violation(Violation),
    /// The file no longer has what others refer to.
    StillNeeded(StillNeeded),
    /// The controller is gone: neargate is exiting.
    Gone,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShuttingDown => f.write_str("the stack is being taken down"),
            Self::UnknownService { name, known } => {
                let known: Vec<&str> = known.iter().map(ServiceName::as_str).collect();
                write!(f, "there is no service `{name}`; the services are: {}", known.join(", "))
            }
            Self::UnknownTask(task) => write!(f, "no running task {task}"),
            Self::TaskProtection(failure) => failure.fmt(f),
            Self::Violation(violation) => violation.fmt(f),
            Self::StillNeeded(needed) => needed.fmt(f),
            Self::Gone => f.write_str("neargate is exiting"),
        }
    }
}

impl std::error::Error for Refusal {}
