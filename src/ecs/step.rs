//! The next steps, as values that leave no choice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::service::protection::HeldBack;
use super::world::{Failing, Failure, sooner};
use neargate_model::rule::{ListenerRule, WeightedTargetGroup};
use neargate_model::strategy::LifecycleStage;
use neargate_model::task::{StopCode, TaskSpec};
use neargate_model::{ContainerName, DeploymentId, NodeName, ServiceName, TaskId};

/// One decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The runtime must act.
    Effect(Effect),
    /// Only the known state changes.
    Change(Change),
    /// What is wanted of a listener rule changes, with ECS as its author.
    Shift(TrafficShift),
}

/// New weights of a rule's target groups (ELBv2 API, ModifyRule).
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficShift {
    /// Whose traffic it is.
    pub service: ServiceName,
    /// Which rule.
    pub rule: ListenerRule,
    /// All that it forwards to.
    pub target_groups: Vec<WeightedTargetGroup>,
}

/// An action of the runtime. Its details, such as a task's specification, are in the known state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Create what all tasks share.
    PrepareProject,
    /// Build or pull an image for a container.
    ProvideImage {
        /// The reference.
        image: String,
        /// The service whose build and credentials are used.
        user: ImageUser,
        /// The container that needs it.
        container: ContainerName,
        /// The nodes that need it; none where there is only one node.
        nodes: Vec<NodeName>,
    },
    /// Create the task's network namespace.
    OpenTask(TaskId),
    /// Start one container.
    StartContainer(TaskId, ContainerName),
    /// Stop one container: its stop signal, then SIGKILL after the timeout.
    StopContainer(TaskId, ContainerName, Duration),
    /// Stop one container and start it again without recreating it.
    RestartContainer(TaskId, ContainerName, Duration),
    /// Remove everything that is left of a task.
    CloseTask(TaskId),
    /// Run the command of a lifecycle hook.
    InvokeHook(HookCall),
}

/// One question to a lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCall {
    /// Whose deployment.
    pub service: ServiceName,
    /// The PRIMARY deployment.
    pub deployment: DeploymentId,
    /// Its stage.
    pub stage: LifecycleStage,
    /// How many steps of its production traffic have been taken.
    pub step: usize,
    /// Which of the stage's hooks.
    pub hook: usize,
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

/// A change of the known state.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new task of a service. The flag says that it replaces an unhealthy one.
    CreateTask {
        /// The service.
        service: ServiceName,
        /// Its deployment that the task is of.
        deployment: DeploymentId,
        /// For the text of the event.
        replaces_unhealthy: bool,
        /// Where; `None` on the only node.
        node: Option<NodeName>,
    },
    /// The task is no longer wanted.
    StopTask {
        /// The task.
        task: TaskId,
        /// `stopCode`
        code: StopCode,
        /// `stoppedReason`
        reason: String,
    },
    /// A task whose checks fail is no longer wanted.
    StopUnhealthyTask {
        /// The task.
        task: TaskId,
        /// `stoppedReason`
        reason: String,
        /// Whether its replacement runs already, or it was of an earlier deployment.
        is_replaced: bool,
    },
    /// The container will never start.
    GiveUpContainer {
        /// The task.
        task: TaskId,
        /// The container.
        container: ContainerName,
        /// `reason`
        reason: String,
        /// Whose failure that is.
        failing: Failing,
    },
    /// The task's images are being provided.
    BeginPull(TaskId),
    /// They are there, or cannot be provided.
    EndPull(TaskId),
    /// The task's ports become targets.
    RegisterTargets(TaskId),
    /// The task's targets start draining.
    DeregisterTargets(TaskId),
    /// The task has reached RUNNING.
    MarkRunning(TaskId),
    /// The task stopped long enough ago to be forgotten.
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
    /// The service has reached its desired state.
    MarkSteady(ServiceName),
    /// What happened to the service's tasks becomes events.
    ReportTally(ServiceName),
    /// A task of the service's PRIMARY deployment is healthy for the first time.
    MarkProven {
        /// The service.
        service: ServiceName,
        /// The task.
        task: TaskId,
    },
    /// The service's PRIMARY deployment is given up.
    FailDeployment {
        /// The service.
        service: ServiceName,
        /// Why.
        failure: Failure,
        /// Whether the last completed deployment is restored.
        roll_back: bool,
    },
    /// The service's PRIMARY deployment has come up, and its alarms are watched for some time.
    Bake(ServiceName),
    /// The service's tasks are spread unevenly, and are to be spread over the zones again.
    BeginRebalancing {
        /// Which service.
        service: ServiceName,
        /// How they are spread, in words.
        spread: String,
    },
    /// They are, or something else is more important.
    EndRebalancing {
        /// Which service.
        service: ServiceName,
        /// How they are spread, in words.
        spread: Option<String>,
    },
    /// These tasks of the service are to go, and stay because they are protected.
    ReportHeldBack {
        /// Which service.
        service: ServiceName,
        /// By deployment; none any more if it is empty.
        tasks: HeldBack,
    },
    /// As many tasks run as a scaling activity of the service wants, or another number is wanted since.
    EndScalingActivity(ServiceName),
    /// The next stage of the lifecycle of the service's PRIMARY deployment begins.
    EnterStage {
        /// Which service.
        service: ServiceName,
        /// `lifecycleStage`
        stage: LifecycleStage,
        /// How many steps of the production traffic have been taken before.
        step: usize,
    },
    /// A lifecycle hook has not decided in time.
    HookTimedOut(HookCall),
    /// The service's deployment can neither stop nor start tasks within its bounds.
    ReportBlocked(ServiceName),
    /// The last task of a dropped service is gone.
    ForgetService(ServiceName),
    /// A drained target leaves its group.
    RemoveDrainedTargets,
}

impl From<Effect> for Step {
    fn from(effect: Effect) -> Self {
        Self::Effect(effect)
    }
}

impl From<TrafficShift> for Step {
    fn from(shift: TrafficShift) -> Self {
        Self::Shift(shift)
    }
}

impl From<Change> for Step {
    fn from(change: Change) -> Self {
        Self::Change(change)
    }
}

/// The steps to take now, and when to plan again if nothing happens before.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// When the mere passing of time changes the plan.
    pub wake_at: Option<Instant>,
    /// The steps that provide images.
    images: HashMap<String, usize>,
}

impl Plan {
    /// Requests an image once, even if several containers share it, on every node that needs it.
    pub(crate) fn provide_image<'n>(
        &mut self,
        image: String,
        user: ImageUser,
        container: &ContainerName,
        on: impl IntoIterator<Item = &'n NodeName>,
    ) {
        let index = *self.images.entry(image.clone()).or_insert(self.steps.len());
        if index == self.steps.len() {
            self.push(Effect::ProvideImage { image, user, container: container.clone(), nodes: Vec::new() });
        }
        if let Some(Step::Effect(Effect::ProvideImage { nodes, .. })) = self.steps.get_mut(index) {
            let new: Vec<NodeName> = on.into_iter().filter(|node| !nodes.contains(node)).cloned().collect();
            nodes.extend(new);
        }
    }

    /// Adds a step.
    pub(crate) fn push(&mut self, step: impl Into<Step>) {
        self.steps.push(step.into());
    }

    /// Adds a step now, or plans again when its wait is over.
    pub(crate) fn push_after(&mut self, wait: Option<Instant>, step: impl Into<Step>) {
        match wait {
            Some(until) => self.wake_by(until),
            None => self.push(step),
        }
    }

    /// Plans again at this time or earlier.
    pub(crate) fn wake_by(&mut self, at: Instant) {
        self.wake_at = sooner(self.wake_at, Some(at));
    }
}
