//! Commands that users may send to the stack. Each variant says when it is refused; the reply comes once the effect is
//! visible in the published snapshots, so that callers read their own writes.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::model::{ContainerName, ServiceName, TaskId, Topology};

/// One request, with where to answer.
#[derive(Debug)]
pub enum Command {
    /// Make the world as this topology wants it. Refused while shutting down.
    Apply {
        /// The new desired state.
        topology: Arc<Topology>,
        /// Build or pull images again, and deploy the result.
        renew: Renew,
        /// Nothing stays of what others have changed.
        reset: bool,
        /// Where to answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Replace the tasks of one service, or of all, with fresh ones. Refused for an unknown service and while
    /// shutting down.
    Restart {
        /// `None` is all.
        service: Option<ServiceName>,
        /// Where to answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Build the images of these containers again, and deploy what comes of it. Refused while shutting down.
    Rebuild {
        /// Unknown ones are passed over: the file may have changed meanwhile.
        containers: Vec<(ServiceName, ContainerName)>,
        /// Where to answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Restart these containers as they are, in every task of their services. Refused while shutting down.
    RestartContainers {
        /// Those that do not run are passed over.
        containers: Vec<(ServiceName, ContainerName)>,
        /// Where to answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Run another number of tasks of a service, until a file says something else than now. Refused for an unknown
    /// service and while shutting down.
    Scale {
        /// Which one.
        service: ServiceName,
        /// `desiredCount`; `None` is the file's.
        desired_count: Option<u32>,
        /// Where to answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Stop one task, as ECS's StopTask does; its service replaces it. Refused for one that is not wanted any more.
    StopTask {
        /// Which one.
        task: TaskId,
        /// Where to answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Stop every task. Never refused; answered at once, done when the view says that everything is at rest.
    ShutDown {
        /// Where to answer.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
}

/// Which images are had again although they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renew {
    /// Images with a `build` go to the builder, whose cache knows what has changed; not with `--no-build`.
    pub builds: bool,
    /// `--pull`
    pub pulls: bool,
}

impl Default for Renew {
    fn default() -> Self {
        Self { builds: true, pulls: false }
    }
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The stack is being taken down.
    ShuttingDown,
    /// There is no such service.
    UnknownService {
        /// What was asked for.
        name: ServiceName,
        /// What there is.
        known: Vec<ServiceName>,
    },
    /// There is no such task, or it stops already.
    UnknownTask(TaskId),
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
            Self::Gone => f.write_str("neargate is exiting"),
        }
    }
}

impl std::error::Error for Refusal {}
