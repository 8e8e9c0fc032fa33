//! The next things to do, as values: a step leaves no choice.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::world::sooner;
use neargate_model::task::{StopCode, TaskSpec};
use neargate_model::{ContainerName, DeploymentId, ServiceName, TaskId};

/// One decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Whatever runs the tasks has to act.
    Effect(Effect),
    /// Only what is known changes.
    Change(Change),
}

/// What whatever runs the tasks has to do. What it needs beside, as a task's specification, is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make what all tasks share.
    PrepareProject,
    /// Build or pull an image for a container.
    ProvideImage {
        /// The reference.
        image: String,
        /// Whose build and credentials to use.
        user: ImageUser,
        /// The container that needs it.
        container: ContainerName,
    },
    /// Make the task's network namespace.
    OpenTask(TaskId),
    /// Start one container.
    StartContainer(TaskId, ContainerName),
    /// Stop one container: its stop signal, SIGKILL after the time.
    StopContainer(TaskId, ContainerName, Duration),
    /// Stop one container and start it again as it is.
    RestartContainer(TaskId, ContainerName, Duration),
    /// Remove all that is left of a task.
    CloseTask(TaskId),
}

/// Who runs an image, and so says where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageUser {
    /// A service, with the settings that it has now.
    Service(ServiceName),
    /// A task without a service.
    Task(TaskId),
}

impl ImageUser {
    /// Who answers for a task.
    pub(crate) fn of(spec: &TaskSpec) -> Self {
        spec.service().map_or_else(|| Self::Task(spec.id.clone()), |service| Self::Service(service.clone()))
    }
}

/// What changes of what is known, and nowhere else.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new task of the service's PRIMARY deployment. The flag says that it replaces an unhealthy one.
    CreateTask {
        /// Which service.
        service: ServiceName,
        /// For the event's words.
        replaces_unhealthy: bool,
    },
    /// The task is no longer wanted.
    StopTask {
        /// Which task.
        task: TaskId,
        /// `stopCode`
        code: StopCode,
        /// `stoppedReason`
        reason: String,
    },
    /// The container will never start.
    GiveUpContainer {
        /// Which task.
        task: TaskId,
        /// Which container.
        container: ContainerName,
        /// `reason`
        reason: String,
    },
    /// The task's ports become targets.
    RegisterTargets(TaskId),
    /// The task's targets start draining.
    DeregisterTargets(TaskId),
    /// The task has reached RUNNING.
    MarkRunning(TaskId),
    /// Stopped long enough ago to be forgotten.
    ForgetTask(TaskId),
    /// An image of the service's tasks has changed: a new deployment.
    Redeploy(ServiceName),
    /// An earlier deployment of the service has no task left.
    EndDeployment {
        /// Which service.
        service: ServiceName,
        /// Which deployment.
        deployment: DeploymentId,
    },
    /// The service has reached what was asked of it.
    MarkSteady(ServiceName),
    /// The service dropped by the topology has no task left.
    ForgetService(ServiceName),
    /// A drained target leaves its group.
    RemoveDrainedTargets,
}

impl From<Effect> for Step {
    fn from(effect: Effect) -> Self {
        Self::Effect(effect)
    }
}

impl From<Change> for Step {
    fn from(change: Change) -> Self {
        Self::Change(change)
    }
}

/// Steps to take now, and when to look again if nothing happens before.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// Time alone changes the plan then.
    pub wake_at: Option<Instant>,
    /// Images that some step provides.
    images: HashSet<String>,
}

impl Plan {
    /// Asks for an image once, though several containers may share it.
    pub(crate) fn provide_image(&mut self, image: String, user: ImageUser, container: &ContainerName) {
        if self.images.insert(image.clone()) {
            self.push(Effect::ProvideImage { image, user, container: container.clone() });
        }
    }

    /// Adds a step.
    pub(crate) fn push(&mut self, step: impl Into<Step>) {
        self.steps.push(step.into());
    }

    /// Adds a step now, or looks again when its wait is over.
    pub(crate) fn push_after(&mut self, wait: Option<Instant>, step: impl Into<Step>) {
        match wait {
            Some(until) => self.wake_by(until),
            None => self.push(step),
        }
    }

    /// Looks again at this time, or before.
    pub(crate) fn wake_by(&mut self, at: Instant) {
        self.wake_at = sooner(self.wake_at, Some(at));
    }
}
