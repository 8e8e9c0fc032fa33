//! The known state of the running world: tasks, images, services, targets.
//!
//! Plain data with queries. `observe` applies facts, `apply` applies decisions, and `plan` makes the decisions; nothing
//! else writes to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use crate::images::record::{Image, ImageState};
pub use crate::moment::Now;
use crate::nodes::Nodes;
use crate::persistent_map::PersistentMap;
use crate::retry::Retry;
use crate::scaling::record::ScalingRecord;
use crate::service::protection::Protection;
pub use crate::service::record::{Deployment, EVENTS_KEPT, Failure, RolloutState, ServiceEvent, ServiceRecord};
use neargate_alb::targets::health::HealthRecord;
use neargate_model::alarm::AlarmState;
use neargate_model::target_health::{Target, UnhealthyReason};
use neargate_model::task::{ContainerExit, ContainerStatus, HealthStatus, StopCode, TaskNetwork, TaskSpec, TaskStatus};
use neargate_model::{
    AlarmName, ContainerName, NodeName, SecurityGroupName, ServiceName, TargetGroupName, TaskId, Zone,
};

/// The number of stopped tasks of a service that stay visible. (ECS keeps them for about an hour.)
pub const STOPPED_TASKS_KEPT: usize = 10;
/// The known state. A copy shares everything that does not change afterwards, so it is published as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// What all tasks of the project share: network and pause image.
    pub project: Preparation,
    /// By their names on this machine.
    pub images: PersistentMap<String, Image>,
    /// Living tasks and the last stopped ones.
    pub tasks: PersistentMap<TaskId, Task>,
    /// By name; services that the topology dropped stay until their tasks are gone.
    pub services: PersistentMap<ServiceName, ServiceRecord>,
    /// Registered targets, including draining ones.
    pub targets: PersistentMap<TargetGroupName, Vec<Arc<TargetRecord>>>,
    /// The machines that run tasks.
    pub nodes: Nodes,
    /// Why tasks cannot reach their metadata endpoint, in words.
    pub metadata_trouble: Option<String>,
    /// The alarms that services have, as they were evaluated last.
    pub alarms: BTreeMap<AlarmName, AlarmState>,
    /// What is remembered of services that are scaled, by name.
    pub scaling: PersistentMap<ServiceName, ScalingRecord>,
    /// Images to build or pull even if they exist.
    pub renew: BTreeSet<String>,
    /// Whether all tasks stop and none starts.
    pub shutting_down: bool,
    /// Counts tasks, so that they can be shown in the order of their creation.
    pub tasks_created: u64,
}

/// The state of a shared resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Preparation {
    /// Not requested.
    #[default]
    Missing,
    /// Being created.
    Working,
    /// Exists.
    Ready,
    /// Could not be created.
    Failed {
        /// The reason in words.
        reason: String,
        /// When to try again.
        retry_at: Instant,
    },
}

/// A task, alive or stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What it runs.
    pub spec: Arc<TaskSpec>,
    /// Order of creation.
    pub sequence: u64,
    /// Its network namespace.
    pub network: Network,
    /// Its containers.
    pub containers: BTreeMap<ContainerName, Container>,
    /// The targets that it registered.
    pub registered: Vec<(TargetGroupName, Target)>,
    /// When registration was complete (a task without load balancers registers nothing).
    pub registered_at: Option<Instant>,
    /// When all essential containers were running for the first time.
    pub running_since: Option<Now>,
    /// The last health check of the load balancer that turned one of its targets unhealthy.
    pub failed_health_check: Option<FailedHealthCheck>,
    /// Its protection from being scaled in, which may be over.
    pub protection: Option<Protection>,
    /// Why it must stop; `None` while it is wanted.
    pub stop: Option<Stop>,
    /// `createdAt`
    pub created_at: Timestamp,
    /// `connectivityAt`: its network interface is attached.
    pub connected_at: Option<Timestamp>,
    /// `pullStartedAt`
    pub pull_started_at: Option<Timestamp>,
    /// `pullStoppedAt`
    pub pull_stopped_at: Option<Timestamp>,
    /// `executionStoppedAt`: an essential container ended, or will never start.
    pub execution_stopped_at: Option<Timestamp>,
    /// `stoppedAt`
    pub stopped_at: Option<Timestamp>,
    /// When to remove it, if that failed before.
    pub close_retry: Retry,
}

/// Why a target became unhealthy. The target's record disappears with the task, but the reason is needed afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedHealthCheck {
    /// The group whose settings applied.
    pub target_group: TargetGroupName,
    /// The target's port.
    pub port: u16,
    /// In AWS's terms.
    pub reason: UnhealthyReason,
    /// The result of the probe, in words.
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
    pub at: Now,
}

/// The network namespace of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Network {
    /// Not created.
    Missing,
    /// Being created.
    Opening,
    /// Exists.
    Open(TaskNetwork),
    /// Being removed, with everything in it.
    Closing,
    /// Gone.
    Closed,
}

/// A container of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Its phase.
    pub phase: Phase,
    /// Result of its health check.
    pub health: HealthStatus,
    /// Since when, if it has had one.
    pub health_since: Option<Timestamp>,
    /// The engine's id for it.
    pub runtime_id: Option<String>,
    /// The engine's id of the image from which it was first started.
    pub image_id: Option<String>,
    /// Digest of its image.
    pub image_digest: Option<String>,
    /// `reason`: why it stopped or never started.
    pub reason: Option<String>,
    /// Whose failure it is that it never started.
    pub failing: Failing,
    /// How often it was restarted within its task.
    pub restarts: u32,
    /// Whether a restart without recreating it has been requested.
    pub to_restart: bool,
    /// When the engine was last asked for it.
    pub created_at: Option<Timestamp>,
    /// When it last started.
    pub started_at: Option<Now>,
    /// When it last ended.
    pub ended_at: Option<Now>,
    /// When to stop it, if that failed before.
    pub stop_retry: Retry,
}

/// Whose failure it is that a container never starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The task's, whose `stoppedReason` says why: something that every task needs first could not be had, such as an image
    /// or a secret.
    Task,
    /// The container's own, whose `reason` says why.
    Container,
}

/// The phase of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not started.
    Pending,
    /// The engine was asked to start it.
    Starting,
    /// Running.
    Running,
    /// Running; the engine was asked to stop it.
    Stopping,
    /// Running; the engine was asked to stop it and to start it again.
    Restarting,
    /// Ended, or (without an exit) never started and never will be.
    Stopped(Option<ContainerExit>),
}

/// A registered target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRecord {
    /// Its address and port.
    pub target: Target,
    /// The address to connect to; `None` if the port is not reachable from this machine.
    pub dial: Option<std::net::SocketAddr>,
    /// The task behind it; `None` for a target that the file lists.
    pub task: Option<TaskId>,
    /// The task's service.
    pub service: Option<ServiceName>,
    /// The groups of the task's network interface: those of its deployment (ECS API, AwsVpcConfiguration).
    pub security_groups: Vec<SecurityGroupName>,
    /// Its health.
    pub health: HealthRecord,
    /// The result of its last probe, in words.
    pub last_probe: Option<String>,
    /// The reason that its last probe would give, if it failed.
    pub last_failure: Option<UnhealthyReason>,
    /// For a deregistered target, the latest time at which it disappears.
    pub draining_until: Option<Instant>,
    /// Requests to which it sent nothing for longer than the idle timeout.
    pub silence: Option<Silence>,
}

/// Requests that were answered with 504 because their target sent nothing during the idle timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Their number, with the same timeout.
    pub count: u32,
    /// Method and path of the last one.
    pub last_request: String,
    /// When it was answered.
    pub last_at: Timestamp,
    /// The idle timeout.
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
            registered_at: None,
            running_since: None,
            failed_health_check: None,
            protection: None,
            stop: None,
            created_at,
            connected_at: None,
            pull_started_at: None,
            pull_stopped_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            close_retry: Retry::default(),
        }
    }

    /// `lastStatus`, which follows from the rest.
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

    /// Whether every essential container runs and every other one has been started.
    pub fn essentials_run(&self) -> bool {
        self.spec.definition.containers.iter().all(|definition| match self.containers[&definition.name].phase {
            Phase::Running | Phase::Restarting => true,
            Phase::Stopped(_) => !definition.essential,
            Phase::Pending | Phase::Starting | Phase::Stopping => false,
        })
    }

    /// `healthStatus` of the essential containers; one without a check makes it UNKNOWN.
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

    /// An essential container ended or will never start. Only the first time counts (Amazon ECS container agent, `Task`,
    /// RecordExecutionStoppedAt).
    pub(crate) fn execution_stopped(&mut self, now: Now) {
        self.execution_stopped_at.get_or_insert(now.timestamp);
    }

    /// Whether it is wanted and not stopped.
    pub fn is_wanted(&self) -> bool {
        self.stop.is_none()
    }

    /// Whether it is gone for good.
    pub fn is_stopped(&self) -> bool {
        self.network == Network::Closed
    }

    /// Whether it is, or was to be, on that node.
    pub(crate) fn is_on(&self, node: &NodeName) -> bool {
        match &self.network {
            Network::Open(network) => network.node == *node,
            _ => self.spec.node.as_ref().is_none_or(|wanted| wanted == node),
        }
    }

    /// Its protection from being scaled in, while it lasts.
    pub fn protection(&self, now: Instant) -> Option<&Protection> {
        self.protection.as_ref().filter(|protection| now < protection.until())
    }

    /// The same by the clock on the wall.
    pub fn protection_at(&self, now: Timestamp) -> Option<&Protection> {
        self.protection.as_ref().filter(|protection| now < protection.expires_at)
    }

    /// The zone of its network interface, while it has one.
    pub fn zone(&self) -> Option<&Zone> {
        match &self.network {
            Network::Open(network) => Some(&network.zone),
            _ => None,
        }
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
            health_since: None,
            runtime_id: None,
            image_id: None,
            image_digest: None,
            reason: None,
            failing: Failing::Container,
            restarts: 0,
            to_restart: false,
            created_at: None,
            started_at: None,
            ended_at: None,
            stop_retry: Retry::default(),
        }
    }

    /// It ended. Reported again, it did so when it was reported first.
    pub(crate) fn ended(&mut self, exit: ContainerExit, now: Now) {
        if !self.is_stopped() {
            self.ended_at = Some(now);
        }
        self.phase = Phase::Stopped(Some(exit));
    }

    /// `lastStatus`
    pub fn status(&self) -> ContainerStatus {
        match self.phase {
            Phase::Pending | Phase::Starting => ContainerStatus::Pending,
            Phase::Running | Phase::Stopping | Phase::Restarting => ContainerStatus::Running,
            Phase::Stopped(_) => ContainerStatus::Stopped,
        }
    }

    /// Its exit, if it ran and ended.
    pub fn exit(&self) -> Option<&ContainerExit> {
        match &self.phase {
            Phase::Stopped(exit) => exit.as_ref(),
            _ => None,
        }
    }

    /// Whether it ended, or will never start.
    pub fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped(_))
    }

    /// Whether the engine has it, or will soon.
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

    /// The alarms that have gone off.
    pub(crate) fn raised_alarms(&self) -> BTreeSet<AlarmName> {
        let raised = self.alarms.iter().filter(|(_, state)| **state == AlarmState::Alarm);
        raised.map(|(name, _)| name.clone()).collect()
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

/// The earlier of two wake-up times.
pub fn sooner(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
