//! The next things to do, as values: a step leaves no choice.

use std::time::{Duration, Instant};

use super::world::sooner;
use crate::model::task::StopCode;
use crate::model::{ContainerName, ServiceName, TaskId};

/// One decision. Steps of the first group need the engine; the others only change the known state.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make what all tasks share.
    PrepareProject,
    /// Build or pull an image for a container of a service.
    ProvideImage {
        /// The reference.
        image: String,
        /// Whose build and credentials to use.
        service: ServiceName,
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

    /// A new task of the service's current deployment. The flag says that it replaces an unhealthy one.
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
    /// The service has reached what was asked of it.
    MarkSteady(ServiceName),
    /// The service dropped by the topology has no task left.
    ForgetService(ServiceName),
    /// A drained target leaves its group.
    RemoveDrainedTargets,
}

/// Steps to take now, and when to look again if nothing happens before.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// Time alone changes the plan then.
    pub wake_at: Option<Instant>,
}

impl Plan {
    /// Adds a step.
    pub(crate) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Adds a step now, or looks again when its wait is over.
    pub(crate) fn push_after(&mut self, wait: Option<Instant>, step: Step) {
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
