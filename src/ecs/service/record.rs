//! The scheduler's memory of a service: its deployments, its failures, when the next task may start.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use strum::{Display, EnumString, IntoStaticStr};

use crate::moment::Now;
use crate::service::circuit_breaker::RAN_UNNOTICED;
use crate::service::events::{self, Tally};
use crate::service::lifecycle::progress::{Lifecycle, Side};
use crate::service::protection::{self, HeldBack};
use crate::service::rebalancing::{self, Rebalancing};
use neargate_model::deployment::DeploymentAlarms;
use neargate_model::service::Service;
use neargate_model::service_connect::Endpoint;
use neargate_model::strategy::LifecycleStage;
use neargate_model::topology::TimeScale;
use neargate_model::{AlarmName, ContainerName, DeploymentId, ServiceName, TaskId};

/// The number of service events to keep (ECS API, Service.events).
pub const EVENTS_KEPT: usize = 100;

/// The scheduler's cadence for replacing tasks that had been running. On Fargate, an essential container that exits
/// immediately was observed to be started about every 50 seconds, 20 of which are the start itself.
const REPLACEMENT_CADENCE: Duration = Duration::from_secs(30);

/// The scheduler's memory of a service between plans.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRecord {
    /// The deployment to which every task should belong. Its settings are the service's desired state.
    pub primary: Deployment,
    /// Earlier deployments that still have tasks, newest first.
    pub active: Vec<Deployment>,
    /// The settings that were asked for last. After a rollback the PRIMARY deployment runs others.
    pub asked: Arc<Service>,
    /// The last deployment that came up, which a failed one is rolled back to.
    pub completed: Option<Deployment>,
    /// The last deployment, if it failed, for people to read until the next one begins.
    pub given_up: Option<Deployment>,
    /// Whether the topology has dropped the service.
    pub dropped: bool,
    /// Newest last.
    pub events: VecDeque<ServiceEvent>,
    /// The number of consecutive tasks that never reached RUNNING.
    pub failures_in_a_row: u32,
    /// When the next task may start.
    pub next_start_at: Option<Instant>,
    /// Whether the last event reported a steady state.
    pub steady: bool,
    /// When an event last reported a steady state.
    pub steady_at: Option<Instant>,
    /// What happened to its tasks since the last event.
    pub tally: Tally,
    /// The number of unhealthy tasks that were stopped before a replacement was started.
    pub to_replace: u32,
    /// The tasks of the PRIMARY deployment that have been healthy.
    pub proven: BTreeSet<TaskId>,
    /// What the tasks of a deployment that was rolled back ran: images that make no other deployment outdated.
    pub rejected_images: BTreeSet<String>,
    /// Whether an event reported that the PRIMARY deployment can neither stop nor start tasks.
    pub blocked: bool,
    /// Whether its tasks are being spread over the zones again.
    pub rebalancing: Option<Rebalancing>,
    /// Protected tasks that an event reported last.
    pub held_back: HeldBack,
}

/// A deployment of a service (ECS API, Deployment): one version of what its tasks run. The number of its tasks follows
/// from the tasks, each of which names its deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// `id`
    pub id: DeploymentId,
    /// The settings of the service when this was the PRIMARY deployment.
    pub service: Arc<Service>,
    /// `failedTasks`
    pub failed_tasks: u32,
    /// `rolloutState`
    pub rollout: RolloutState,
    /// Why it failed, or why it is rolled back to.
    pub failure: Option<Failure>,
    /// Alarms that had gone off before it began, which say nothing of it.
    pub ignored_alarms: BTreeSet<AlarmName>,
    /// Until when its alarms are watched although it has come up.
    pub bakes_until: Option<Instant>,
    /// The engine's ids of the images that its containers were started from, once it has come up (ECS API,
    /// ServiceRevision.containerImages).
    pub images: BTreeMap<ContainerName, String>,
    /// What its tasks find by Service Connect.
    pub endpoints: Arc<[Endpoint]>,
    /// With which target groups its tasks are registered.
    pub side: Side,
    /// Of one that shifts traffic, until it has come up.
    pub lifecycle: Option<Lifecycle>,
    /// `createdAt`
    pub created_at: Timestamp,
    /// `updatedAt`
    pub updated_at: Timestamp,
}

/// `rolloutState` of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// The service has not been steady since the deployment began.
    InProgress,
    /// The service reached a steady state with it.
    Completed,
    /// It was given up; it starts no more tasks.
    Failed,
}

/// Why a deployment fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many of its tasks failed.
    CircuitBreaker,
    /// One of the service's alarms went off.
    Alarm,
    /// Somebody stopped it (ECS API, StopServiceDeployment).
    Stopped,
    /// A lifecycle hook of this stage did not let it go on.
    Hook(LifecycleStage),
    /// Nobody decided about a pause at this stage.
    PauseTimedOut(LifecycleStage),
    /// This stage did not come to an end.
    StageTimedOut(LifecycleStage),
    /// A listener rule cannot be given weights.
    Networking,
}

impl Failure {
    /// As `rolloutStateReason` begins. What ECS says of a deployment that an alarm or
    /// somebody stopped is not published.
    fn subject(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "ECS deployment circuit breaker",
            Self::Alarm => "ECS deployment alarm",
            Self::Stopped => "ECS deployment stopped",
            Self::Hook(_) | Self::PauseTimedOut(_) => "ECS deployment lifecycle hook",
            Self::StageTimedOut(_) => "ECS deployment lifecycle",
            Self::Networking => "ECS deployment networking",
        }
    }

    /// What has failed.
    pub(crate) fn cause(self) -> String {
        match self {
            Self::CircuitBreaker => "tasks failed to start".to_owned(),
            Self::Alarm => "alarm detected".to_owned(),
            Self::Stopped => "stopped by user".to_owned(),
            Self::Hook(stage) => format!("{stage} lifecycle hook(s) failed"),
            Self::PauseTimedOut(stage) => format!("{stage} pause hook timed out"),
            Self::StageTimedOut(stage) => format!("{stage} timed out"),
            Self::Networking => "invalid networking configuration".to_owned(),
        }
    }
}

/// One of the service's `events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// `createdAt`
    pub at: Timestamp,
    /// In ECS's words.
    pub message: String,
}

impl Deployment {
    /// A deployment that begins now.
    pub(crate) fn new(id: DeploymentId, service: Arc<Service>, now: Now) -> Self {
        Self {
            id,
            service,
            failed_tasks: 0,
            rollout: RolloutState::InProgress,
            failure: None,
            ignored_alarms: BTreeSet::new(),
            bakes_until: None,
            images: BTreeMap::new(),
            endpoints: Arc::default(),
            side: Side::default(),
            lifecycle: None,
            created_at: now.timestamp,
            updated_at: now.timestamp,
        }
    }

    /// `taskDefinition`, as `family:revision`.
    pub fn task_definition(&self) -> String {
        self.service.task_definition.name().to_string()
    }

    /// `rolloutStateReason`
    pub fn rollout_state_reason(&self) -> String {
        let id = &self.id;
        match (self.rollout, self.failure) {
            (RolloutState::InProgress, Some(failure)) => {
                format!("{}: rolling back to deploymentId {id}.", failure.subject())
            }
            (RolloutState::Failed, Some(failure)) => format!("{}: {}.", failure.subject(), failure.cause()),
            (RolloutState::InProgress, None) => format!("ECS deployment {id} in progress."),
            (RolloutState::Completed, _) => format!("ECS deployment {id} completed."),
            (RolloutState::Failed, None) => format!("ECS deployment {id} failed."),
        }
    }

    /// Whether it restores what ran before a deployment that failed.
    pub(crate) fn is_rollback(&self) -> bool {
        self.rollout != RolloutState::Failed && self.failure.is_some()
    }
}

/// Whether two settings run the same tasks, so that no new deployment is needed to get from one to the other.
fn run_alike(one: &Service, other: &Service) -> bool {
    one.task_definition == other.task_definition
        && one.security_groups == other.security_groups
        && one.load_balancers == other.load_balancers
        && one.service_registry == other.service_registry
        && one.service_connect == other.service_connect
        // How an image is built matters only if the result is another image, which shows when it is built.
        && one.builds.keys().eq(other.builds.keys())
        && one.images == other.images
}

/// The tasks of `earlier` as many times, and replaced in such a way, as `asked` says (ECS API, ServiceRevision: what a
/// rollback restores).
fn restored(earlier: &Service, asked: &Service) -> Service {
    Service {
        task_definition: earlier.task_definition.clone(),
        security_groups: earlier.security_groups.clone(),
        load_balancers: earlier.load_balancers.clone(),
        service_registry: earlier.service_registry.clone(),
        service_connect: earlier.service_connect.clone(),
        builds: earlier.builds.clone(),
        images: earlier.images.clone(),
        ..asked.clone()
    }
}

impl ServiceRecord {
    /// The record of a new service.
    pub(crate) fn new(deployment: Deployment) -> Self {
        Self {
            asked: Arc::clone(&deployment.service),
            primary: deployment,
            active: Vec::new(),
            completed: None,
            given_up: None,
            dropped: false,
            events: VecDeque::new(),
            failures_in_a_row: 0,
            next_start_at: None,
            steady: false,
            steady_at: None,
            tally: Tally::default(),
            to_replace: 0,
            proven: BTreeSet::new(),
            rejected_images: BTreeSet::new(),
            blocked: false,
            rebalancing: None,
            held_back: HeldBack::new(),
        }
    }

    /// Its desired state; `None` once the topology has dropped it.
    pub fn wanted(&self) -> Option<&Arc<Service>> {
        (!self.dropped).then_some(&self.primary.service)
    }

    /// Newest first, as in ECS's `deployments`: the PRIMARY one, then those that are ACTIVE.
    pub fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        std::iter::once(&self.primary).chain(&self.active)
    }

    /// The deployment with this id, while it has tasks.
    pub fn deployment(&self, id: &DeploymentId) -> Option<&Deployment> {
        self.deployments().find(|deployment| deployment.id == *id)
    }

    /// Whether these settings need no other deployment than the one that was asked for last.
    pub(crate) fn goes_on_with(&self, service: &Service) -> bool {
        !self.dropped && run_alike(&self.asked, service)
    }

    /// What a new deployment that nobody asked for in particular runs: what runs now, be it after a rollback.
    pub(crate) fn current_settings(&self) -> Arc<Service> {
        Arc::clone(&self.primary.service)
    }

    /// Whether the last completed deployment is being restored.
    pub fn is_rolling_back(&self) -> bool {
        self.primary.rollout == RolloutState::InProgress && self.primary.is_rollback()
    }

    /// What new tasks are started from, whatever their images' names mean by now: those of a deployment that was restored
    /// would be what it replaces.
    pub(crate) fn pinned_images(&self) -> Option<&BTreeMap<ContainerName, String>> {
        (!self.rejected_images.is_empty()).then_some(&self.primary.images)
    }

    /// Somebody accepts that the service was rolled back: the settings that failed are asked for no longer.
    pub(crate) fn accept_rollback(&mut self) {
        self.asked = Arc::clone(&self.primary.service);
    }

    /// Starts a new deployment, immediately and whatever happened before (ECS developer guide, "Service throttle
    /// logic").
    pub(crate) fn redeploy(&mut self, deployment: Deployment) {
        self.rejected_images.clear();
        self.given_up = None;
        self.replace_primary(deployment);
    }

    fn replace_primary(&mut self, deployment: Deployment) {
        let replaced = std::mem::replace(&mut self.primary, deployment);
        self.active.retain(|known| known.id != self.primary.id);
        self.active.insert(0, replaced);
        self.failures_in_a_row = 0;
        self.next_start_at = None;
        self.steady = false;
        self.blocked = false;
        self.to_replace = 0;
        self.proven.clear();
    }

    /// Continues the PRIMARY deployment with settings that do not affect its tasks, such as the desired count.
    pub(crate) fn update(&mut self, service: Arc<Service>, now: Now) {
        self.primary.service = match run_alike(&self.primary.service, &service) {
            true => Arc::clone(&service),
            false => Arc::new(restored(&self.primary.service, &service)),
        };
        self.asked = service;
        self.primary.updated_at = now.timestamp;
        self.steady = false;
        self.blocked = false;
    }

    /// The PRIMARY deployment fails. With `roll_back`, the last completed one is PRIMARY again, under its own id; returns
    /// that id. Without one to roll back to, the failed one stays (ECS developer guide, "How the Amazon ECS deployment
    /// circuit breaker detects failures").
    pub(crate) fn fail(&mut self, failure: Failure, roll_back: bool, now: Now) -> Option<DeploymentId> {
        self.primary.rollout = RolloutState::Failed;
        self.primary.failure = Some(failure);
        self.primary.updated_at = now.timestamp;
        self.given_up = Some(self.primary.clone());
        self.steady = false;
        let completed = self.completed.clone().filter(|_| roll_back)?;
        let id = completed.id.clone();
        self.replace_primary(Deployment {
            service: Arc::new(restored(&completed.service, &self.primary.service)),
            rollout: RolloutState::InProgress,
            failure: Some(failure),
            failed_tasks: 0,
            updated_at: now.timestamp,
            ..completed
        });
        Some(id)
    }

    /// A task of this deployment ended by itself, after it ran for some time or without. That delays its replacement:
    /// at the scheduler's cadence if it had been running, with growing delays if it never was. Tasks of earlier
    /// deployments are not replaced.
    pub(crate) fn task_failed(
        &mut self,
        deployment: &DeploymentId,
        ran: Option<Duration>,
        now: Now,
        time_scale: TimeScale,
    ) {
        if ran.is_none_or(|time| time < RAN_UNNOTICED) {
            self.count_failure(deployment);
        }
        if self.primary.id != *deployment && !self.keeps(deployment) {
            return;
        }
        let wait = if ran.is_some() {
            REPLACEMENT_CADENCE
        } else {
            self.failures_in_a_row += 1;
            start_back_off(self.failures_in_a_row)
        };
        self.next_start_at = Some(now.instant + time_scale.apply(wait));
    }

    /// The scheduler stops a task of this deployment because its checks fail.
    pub(crate) fn task_unhealthy(&mut self, deployment: &DeploymentId, is_replaced: bool) {
        self.count_failure(deployment);
        if self.primary.id == *deployment && !is_replaced {
            self.to_replace += 1;
        }
    }

    /// Whether tasks of this earlier deployment are replaced: it serves until another one has its traffic.
    pub fn keeps(&self, deployment: &DeploymentId) -> bool {
        self.primary.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.keeps(deployment))
    }

    fn count_failure(&mut self, deployment: &DeploymentId) {
        let mut all = std::iter::once(&mut self.primary).chain(&mut self.active);
        if let Some(failed) = all.find(|known| known.id == *deployment) {
            failed.failed_tasks += 1;
        }
    }

    /// A task of the PRIMARY deployment is healthy for the first time.
    pub(crate) fn task_proven(&mut self, task: TaskId) {
        self.proven.insert(task);
        if self.primary.service.deployment_configuration.circuit_breaker.reset_on_healthy_task {
            self.primary.failed_tasks = 0;
        }
    }

    /// A replacement of an unhealthy task was started, so the next one waits for the scheduler's cadence.
    pub(crate) fn unhealthy_replaced(&mut self, now: Now, time_scale: TimeScale) {
        self.to_replace = self.to_replace.saturating_sub(1);
        self.next_start_at = Some(now.instant + time_scale.apply(REPLACEMENT_CADENCE));
    }

    /// The service has reached its desired state; its tasks run these images. Returns the deployment that this completes.
    pub(crate) fn has_become_steady(
        &mut self,
        images: BTreeMap<ContainerName, String>,
        now: Now,
    ) -> Option<DeploymentId> {
        self.steady = true;
        self.steady_at = Some(now.instant);
        if self.primary.rollout != RolloutState::InProgress {
            return None;
        }
        self.primary.rollout = RolloutState::Completed;
        self.primary.failure = None;
        self.primary.lifecycle = None;
        self.primary.updated_at = now.timestamp;
        self.primary.images = images;
        self.completed = Some(self.primary.clone());
        self.proven.clear();
        Some(self.primary.id.clone())
    }

    /// The PRIMARY deployment has come up, and its alarms are watched for some time.
    pub(crate) fn bake(&mut self, now: Now, time_scale: TimeScale) {
        let alarms = self.primary.service.deployment_configuration.alarms.as_ref();
        let time = alarms.map_or(Duration::ZERO, DeploymentAlarms::bake_time);
        self.primary.bakes_until = Some(now.instant + time_scale.apply(time));
    }

    /// The tasks of the service, spread like this, are to be spread more evenly.
    pub(crate) fn begin_rebalancing(&mut self, name: &ServiceName, spread: &str, at: Timestamp) {
        let desired = self.primary.service.desired_count as usize;
        self.rebalancing = Some(Rebalancing { desired });
        self.record_event(name, at, rebalancing::begun(spread));
    }

    /// They are spread evenly, like this; or something else came up.
    pub(crate) fn end_rebalancing(&mut self, name: &ServiceName, spread: Option<&str>, at: Timestamp) {
        self.rebalancing = None;
        let text = spread.map_or_else(|| rebalancing::STOPPED.to_owned(), rebalancing::balanced);
        self.record_event(name, at, text);
    }

    /// Tells of protected tasks that stay, unless it has been told.
    pub(crate) fn report_held_back(&mut self, name: &ServiceName, held_back: &HeldBack, at: Timestamp) {
        for (deployment, tasks) in held_back {
            if self.held_back.get(deployment) != Some(tasks) {
                self.record_event(name, at, protection::held_back(deployment, *tasks));
            }
        }
        self.held_back = held_back.clone();
    }

    /// Adds an event, dropping the oldest.
    pub(crate) fn record_event(&mut self, name: &ServiceName, at: Timestamp, text: impl std::fmt::Display) {
        self.record_message(at, events::message(name, text));
    }

    /// Turns what was counted into events.
    pub(crate) fn report_tally(&mut self, name: &ServiceName, at: Timestamp) {
        for message in std::mem::take(&mut self.tally).messages(name) {
            self.record_message(at, message);
        }
    }

    /// Likewise, for one that does not begin with the service.
    pub(crate) fn record_message(&mut self, at: Timestamp, message: String) {
        self.events.push_back(ServiceEvent { at, message });
        while self.events.len() > EVENTS_KEPT {
            self.events.pop_front();
        }
    }
}

/// The wait after `failures` consecutive tasks that never ran: doubles up to 15 minutes (ECS developer guide, "Amazon
/// ECS service throttle logic"). The first step is not published.
fn start_back_off(failures: u32) -> Duration {
    const FIRST: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_secs(15 * 60);
    FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST)
}
