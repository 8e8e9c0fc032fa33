//! The plan: what to do next, given what is wanted and what is.
//!
//! Level-triggered: it looks at the world as it is and knows nothing of how it came to be so. A missed event, a
//! container killed by hand or a restart needs no special case; the next plan starts from what the engine reports.
//!
//! ```text
//!   facts ──> observe ──> World ──> plan ──> steps ──> begin ──> World   (until nothing is left to decide)
//!                                              └──────> the executor, for those that need the engine
//! ```

use std::time::{Duration, Instant};

use crate::ecs::images::renewal;
use crate::ecs::service::scheduler;
use crate::ecs::world::{Preparation, World, sooner};
use crate::ecs::{registration, task};
use crate::model::task::StopCode;
use crate::model::{ContainerName, ServiceName, TaskId, Topology};

/// One decision. Those of the first group need the engine; the others only change what is known.
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

/// Decides what comes next. Removals come before additions, so that what is freed can be used.
pub fn plan(topology: &Topology, world: &World, now: Instant) -> Plan {
    let mut plan = Plan::default();

    match &world.project {
        Preparation::Missing if !world.shutting_down => plan.push(Step::PrepareProject),
        Preparation::Failed { retry_at, .. } if !world.shutting_down => {
            if now >= *retry_at {
                plan.push(Step::PrepareProject);
            } else {
                plan.wake_by(*retry_at);
            }
        }
        _ => {}
    }

    registration::plan_drained(world, now, &mut plan);
    for task in world.tasks.values() {
        task::plan_task(world, task, now, topology.time_scale, &mut plan);
    }
    renewal::plan_images(topology, world, &mut plan);
    for (name, record) in &world.services {
        scheduler::plan_service(world, name, record, now, &mut plan);
    }
    plan
}
