//! The known state of the running world: tasks, images, services, targets.
//!
//! Plain data that answers questions about itself. `observe` applies facts, `apply` applies decisions, `plan` makes the
//! decisions; nothing else writes to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::families::Families;
pub use crate::images::record::{Image, ImageState};
pub use crate::moment::Now;
use crate::persistent_map::PersistentMap;
use crate::retry::Retry;
pub use crate::service::record::{Deployment, EVENTS_KEPT, RolloutState, ServiceEvent, ServiceRecord};
use neargate_alb::targets::health::HealthRecord;
use neargate_model::target_health::{Target, UnhealthyReason};
use neargate_model::task::{ContainerExit, ContainerStatus, HealthStatus, StopCode, TaskNetwork, TaskSpec, TaskStatus};
use neargate_model::{ContainerName, SecurityGroupName, ServiceName, TargetGroupName, TaskId};

/// How many stopped tasks of a service stay visible. (ECS keeps them for about an hour.)
pub const STOPPED_TASKS_KEPT: usize = 10;
/// Everything known. A copy shares all that does not change afterwards, so it is published as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// What all tasks of the project share: network and pause image.
    pub project: Preparation,
    /// By what they are called on this machine.
    pub images: PersistentMap<String, Image>,
    /// Living ones and the last stopped ones.
    pub tasks: PersistentMap<TaskId, Task>,
    /// Task definitions that were registered.
    pub task_definitions: Families,
    /// By name; those that the topology dropped stay until their tasks are gone.
    pub services: PersistentMap<ServiceName, ServiceRecord>,
    /// Registered targets, draining ones included.
    pub targets: PersistentMap<TargetGroupName, Vec<Arc<TargetRecord>>>,
    /// Why the engine cannot be reached at the moment.
    pub engine_trouble: Option<String>,
    /// Images to build or pull although they may be there.
    pub renew: BTreeSet<String>,
    /// Every task is to stop, and none to start.
    pub shutting_down: bool,
    /// Counts tasks, so that they can be shown in the order of their creation.
    pub tasks_created: u64,
}

/// Whether something shared has been made.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Preparation {
    /// Not asked for yet.
    #[default]
    Missing,
    /// Being made.
    Working,
    /// There.
    Ready,
    /// Could not be made.
    Failed {
        /// In words.
        reason: String,
        /// When to try again.
        retry_at: Instant,
    },
}

/// A task, alive or stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What it is to run.
    pub spec: Arc<TaskSpec>,
    /// Order of creation.
    pub sequence: u64,
    /// Its network namespace.
    pub network: Network,
    /// Its members.
    pub containers: BTreeMap<ContainerName, Container>,
    /// The targets it stands for.
    pub registered: Vec<(TargetGroupName, Target)>,
    /// Whether registration was done (a task without bindings registers nothing).
    pub registration_done: bool,
    /// When every essential container ran for the first time.
    pub running_since: Option<Now>,
    /// The last health check of the load balancer that turned one of its targets unhealthy.
    pub failed_health_check: Option<FailedHealthCheck>,
    /// Why it is to stop; `None` while it is wanted.
    pub stop: Option<Stop>,
    /// `createdAt`
    pub created_at: Timestamp,
    /// `stoppedAt`
    pub stopped_at: Option<Timestamp>,
    /// When it is removed, if that failed before.
    pub close_retry: Retry,
}

/// What made a target unhealthy. The target's own record goes with the task; why it failed is wanted afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedHealthCheck {
    /// Whose settings were used.
    pub target_group: TargetGroupName,
    /// The target's port.
    pub port: u16,
    /// In AWS's terms.
    pub reason: UnhealthyReason,
    /// What the probe found, in words.
    pub detail: String,
}

/// Why a task stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// `stopCode`
    pub code: StopCode,
    /// `stoppedReason`
    pub reason: String,
    /// `stoppingAt`
    pub at: Timestamp,
}

/// The network namespace of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Network {
    /// Not made yet.
    Missing,
    /// Being made.
    Opening,
    /// There.
    Open(TaskNetwork),
    /// Being removed, with all that is in it.
    Closing,
    /// Gone.
    Closed,
}

/// A container of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// How far it is.
    pub phase: Phase,
    /// Result of its health check.
    pub health: HealthStatus,
    /// The engine's id of it.
    pub runtime_id: Option<String>,
    /// The engine's id of the image that it was first started from.
    pub image_id: Option<String>,
    /// Digest of its image.
    pub image_digest: Option<String>,
    /// `reason`: why it stopped or never started.
    pub reason: Option<String>,
    /// How often it was started again in its task.
    pub restarts: u32,
    /// Somebody wants it restarted as it is.
    pub to_restart: bool,
    /// When it was started last.
    pub started_at: Option<Instant>,
    /// When it is stopped, if that failed before.
    pub stop_retry: Retry,
}

/// How far a container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not started.
    Pending,
    /// The engine was asked to start it.
    Starting,
    /// It runs.
    Running,
    /// It runs, and the engine was asked to stop it.
    Stopping,
    /// It runs, and the engine was asked to stop it and to start it again.
    Restarting,
    /// It ended, or (without an exit) never started and never will.
    Stopped(Option<ContainerExit>),
}

/// A registered target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRecord {
    /// Who it is.
    pub target: Target,
    /// Where it is dialled; `None` if that port cannot be reached from this machine.
    pub dial: Option<std::net::SocketAddr>,
    /// The task behind it; `None` for one that the file names.
    pub task: Option<TaskId>,
    /// The task's service.
    pub service: Option<ServiceName>,
    /// The groups of the task's network interface: those of its deployment (ECS API, AwsVpcConfiguration).
    pub security_groups: Vec<SecurityGroupName>,
    /// Its health.
    pub health: HealthRecord,
    /// What its last probe found, in words.
    pub last_probe: Option<String>,
    /// What its last probe would make of the target, if it failed.
    pub last_failure: Option<UnhealthyReason>,
    /// Deregistered: gone at this time at the latest.
    pub draining_until: Option<Instant>,
    /// Requests that it left without a word for longer than the idle timeout.
    pub silence: Option<Silence>,
}

/// Requests that were answered 504 because their target said nothing for as long as the idle timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// How many, with the same timeout.
    pub count: u32,
    /// Method and path of the last one.
    pub last_request: String,
    /// When that was answered.
    pub last_at: Timestamp,
    /// What they waited for.
    pub idle_timeout: Duration,
}

// === impl Task ===

impl Task {
    /// A task of which nothing has been made.
    pub(crate) fn new(spec: TaskSpec, sequence: u64, created_at: Timestamp) -> Self {
        let containers = spec.definition.containers.iter();
        Self {
            containers: containers.map(|container| (container.name.clone(), Container::pending())).collect(),
            spec: Arc::new(spec),
            sequence,
            network: Network::Missing,
            registered: Vec::new(),
            registration_done: false,
            running_since: None,
            failed_health_check: None,
            stop: None,
            created_at,
            stopped_at: None,
            close_retry: Retry::default(),
        }
    }

    /// `lastStatus`, which follows from everything else.
    pub fn status(&self) -> TaskStatus {
        match (&self.stop, &self.network) {
            (_, Network::Closed) => TaskStatus::Stopped,
            (_, Network::Closing) => TaskStatus::Deprovisioning,
            (Some(_), _) if !self.registered.is_empty() => TaskStatus::Deactivating,
            (Some(_), _) => TaskStatus::Stopping,
            (None, Network::Missing | Network::Opening) => TaskStatus::Provisioning,
            (None, Network::Open(_)) if self.running_since.is_some() => TaskStatus::Running,
            (None, Network::Open(_)) if self.essentials_run() => TaskStatus::Activating,
            (None, Network::Open(_)) => TaskStatus::Pending,
        }
    }

    /// Whether every essential container runs and every other one has at least been started.
    pub fn essentials_run(&self) -> bool {
        self.spec.definition.containers.iter().all(|definition| match self.containers[&definition.name].phase {
            Phase::Running | Phase::Restarting => true,
            Phase::Stopped(_) => !definition.essential,
            Phase::Pending | Phase::Starting | Phase::Stopping => false,
        })
    }

    /// `healthStatus`: over essential containers; one without a check makes it UNKNOWN.
    pub fn health(&self) -> HealthStatus {
        let mut combined = HealthStatus::Healthy;
        for definition in self.spec.definition.containers.iter().filter(|container| container.essential) {
            match self.containers[&definition.name].health {
                HealthStatus::Unhealthy => return HealthStatus::Unhealthy,
                HealthStatus::Unknown => combined = HealthStatus::Unknown,
                HealthStatus::Healthy => {}
            }
        }
        combined
    }

    /// Whether every essential container with a check passes it.
    pub(crate) fn containers_with_checks_pass(&self) -> bool {
        self.spec.definition.containers.iter().filter(|definition| definition.essential).all(|definition| {
            definition.health_check.is_none() || self.containers[&definition.name].health == HealthStatus::Healthy
        })
    }

    /// Whether it is wanted and not stopped.
    pub fn is_wanted(&self) -> bool {
        self.stop.is_none()
    }

    /// Whether it is gone for good.
    pub fn is_stopped(&self) -> bool {
        self.network == Network::Closed
    }

    /// Its address, while it has one.
    pub fn address(&self) -> Option<std::net::IpAddr> {
        match &self.network {
            Network::Open(network) => Some(network.address),
            _ => None,
        }
    }
}

impl Container {
    /// A container that has not been started.
    pub fn pending() -> Self {
        Self {
            phase: Phase::Pending,
            health: HealthStatus::Unknown,
            runtime_id: None,
            image_id: None,
            image_digest: None,
            reason: None,
            restarts: 0,
            to_restart: false,
            started_at: None,
            stop_retry: Retry::default(),
        }
    }

    /// `lastStatus`
    pub fn status(&self) -> ContainerStatus {
        match self.phase {
            Phase::Pending | Phase::Starting => ContainerStatus::Pending,
            Phase::Running | Phase::Stopping | Phase::Restarting => ContainerStatus::Running,
            Phase::Stopped(_) => ContainerStatus::Stopped,
        }
    }

    /// How it ended, if it ran and ended.
    pub fn exit(&self) -> Option<&ContainerExit> {
        match &self.phase {
            Phase::Stopped(exit) => exit.as_ref(),
            _ => None,
        }
    }

    /// Whether it ended, or never will start.
    pub fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped(_))
    }

    /// Whether the engine has it, or is about to.
    pub fn is_alive(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running | Phase::Stopping | Phase::Restarting)
    }
}

// === impl TargetRecord ===

impl TargetRecord {
    /// A target as it is registered, with no task behind it.
    pub fn new(target: Target, dial: Option<std::net::SocketAddr>, health: HealthRecord) -> Self {
        Self {
            target,
            dial,
            task: None,
            service: None,
            security_groups: Vec::new(),
            health,
            last_probe: None,
            last_failure: None,
            draining_until: None,
            silence: None,
        }
    }
}

// === impl World ===

impl World {
    /// The service of a task, if it has one.
    pub fn service_of(&self, task: &Task) -> Option<&ServiceRecord> {
        self.services.get(task.spec.service()?)
    }

    /// The deployment of a task, while it is one of its service's.
    pub fn deployment_of(&self, task: &Task) -> Option<&Deployment> {
        self.service_of(task)?.deployment(task.spec.deployment()?)
    }

    /// Whether the task is of a PRIMARY deployment that has come up.
    pub fn deployment_is_complete(&self, task: &Task) -> bool {
        self.service_of(task).is_some_and(|record| {
            record.primary.rollout == RolloutState::Completed && task.spec.deployment() == Some(&record.primary.id)
        })
    }

    /// Whether nothing is left to take down.
    pub fn is_at_rest(&self) -> bool {
        self.tasks.values().all(Task::is_stopped)
    }

    /// Adds an event to a service's list, dropping the oldest.
    pub fn record_event(&mut self, service: &ServiceName, at: Timestamp, text: impl std::fmt::Display) {
        if let Some(record) = self.services.get_mut(service) {
            record.record_event(service, at, text);
        }
    }
}

/// The sooner of two times to wake up at.
pub fn sooner(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
