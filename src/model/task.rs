//! Running tasks: states, stop codes, exit codes (ECS API: Task, Container; ECS developer guide, "Task lifecycle").
//!
//! ```text
//!  PROVISIONING -> PENDING -> ACTIVATING -> RUNNING -> DEACTIVATING -> STOPPING -> DEPROVISIONING -> STOPPED
//!   network made    images,    targets      essential   targets         SIGTERM,    network          kept for
//!                   containers registered   containers  deregistered    SIGKILL     removed          `ps -a`
//! ```

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use strum::{Display, EnumString, IntoStaticStr};

use super::ids::{ContainerName, DeploymentId, NodeName, ServiceName, TaskId, Zone};
use super::redacted::Redacted;
use super::service_connect::Endpoint;
use super::task_definition::{ContainerDefinition, TaskDefinition};

/// `lastStatus` of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    /// The network interface is being made.
    Provisioning,
    /// Images and containers are being made.
    Pending,
    /// Targets are being registered.
    Activating,
    /// Every essential container runs.
    Running,
    /// Targets are being deregistered.
    Deactivating,
    /// Containers are being stopped.
    Stopping,
    /// The network interface is being removed.
    Deprovisioning,
    /// Gone; its reason stays readable.
    Stopped,
}

/// `desiredStatus` of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum DesiredStatus {
    /// It is wanted.
    Running,
    /// It is stopping, or has stopped.
    Stopped,
}

/// `stopCode` of a task (ECS API, TaskStopCode), those that can happen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
pub enum StopCode {
    /// Something failed before the task ran.
    TaskFailedToStart,
    /// An essential container exited.
    EssentialContainerExited,
    /// Somebody asked for it.
    UserInitiated,
    /// The service needs fewer tasks, or replaces this one.
    ServiceSchedulerInitiated,
}

/// `lastStatus` of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ContainerStatus {
    /// Not started yet.
    Pending,
    /// Started.
    Running,
    /// Exited, or will never start.
    Stopped,
}

/// `healthStatus` of a container or task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthStatus {
    /// No check, or still evaluating.
    Unknown,
    /// The check passes.
    Healthy,
    /// The check has failed `retries` times.
    Unhealthy,
}

/// `reason` of a container, `stoppedReason` of a task: why something failed. Free text, as in ECS's API: it is shown,
/// and no decision depends on it.
pub type Reason = String;

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerExit {
    /// As the engine reports it: 137 is SIGKILL, 143 SIGTERM.
    pub exit_code: i64,
    /// The kernel killed it for memory.
    pub out_of_memory: bool,
}

/// What started a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A service, which replaces it when it stops.
    Service {
        /// Its name.
        service: ServiceName,
        /// The deployment that the task belongs to.
        deployment: DeploymentId,
    },
    /// A call of RunTask: the task runs once and is not replaced.
    Standalone {
        /// `startedBy`, if the caller gave one.
        started_by: Option<String>,
    },
}

/// A task, fully specified.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSpec {
    /// 32 hexadecimal digits.
    pub id: TaskId,
    /// What started it.
    pub origin: Origin,
    /// Its task definition.
    pub definition: Arc<TaskDefinition>,
    /// `revision` of the task definition.
    pub revision: u32,
    /// Values for the containers' `secrets`, already looked up: variable name to value, by container.
    pub secrets: BTreeMap<ContainerName, BTreeMap<String, Redacted>>,
    /// The image that each container runs on this machine, if it is not the task definition's.
    pub images: BTreeMap<ContainerName, String>,
    /// The machine that it runs on; `None` if there is only one.
    pub node: Option<NodeName>,
    /// What it finds by Service Connect.
    pub endpoints: Vec<Endpoint>,
    /// The configuration of its log router, if it has one.
    pub router_configuration: Option<String>,
}

impl TaskSpec {
    /// The image that a container runs on this machine.
    pub fn image<'a>(&'a self, container: &'a ContainerDefinition) -> &'a str {
        self.images.get(&container.name).unwrap_or(&container.image)
    }

    /// `taskDefinition`, as `family:revision`.
    pub fn task_definition(&self) -> String {
        format!("{}:{}", self.definition.family, self.revision)
    }

    /// The service that it belongs to, if any.
    pub fn service(&self) -> Option<&ServiceName> {
        match &self.origin {
            Origin::Service { service, .. } => Some(service),
            Origin::Standalone { .. } => None,
        }
    }

    /// The deployment of that service.
    pub fn deployment(&self) -> Option<&DeploymentId> {
        match &self.origin {
            Origin::Service { deployment, .. } => Some(deployment),
            Origin::Standalone { .. } => None,
        }
    }

    /// `startedBy`: the deployment, or what the caller of RunTask gave (ECS API, Task).
    pub fn started_by(&self) -> Option<&str> {
        match &self.origin {
            Origin::Service { deployment, .. } => Some(deployment.as_str()),
            Origin::Standalone { started_by } => started_by.as_deref(),
        }
    }

    /// `group`: `service:` and the service's name, or `family:` and the task definition's family (ECS API, RunTask).
    pub fn group(&self) -> String {
        match &self.origin {
            Origin::Service { service, .. } => format!("service:{service}"),
            Origin::Standalone { .. } => format!("family:{}", self.definition.family),
        }
    }
}

/// The network of an open task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskNetwork {
    /// The task's own address in the project's network.
    pub address: IpAddr,
    /// How this machine reaches its ports.
    pub reach: Reach,
    /// The machine that it runs on.
    pub node: NodeName,
    /// The availability zone of that machine.
    pub zone: Zone,
}

/// How the load balancer reaches a task from this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Its address is routable from here (Linux, local engine).
    Direct,
    /// Through ports published on loopback: container port to local address.
    Published(BTreeMap<u16, SocketAddr>),
}

impl TaskNetwork {
    /// The address to connect to for a port of the task; `None` if that port cannot be reached from this machine.
    pub fn dial(&self, port: u16) -> Option<SocketAddr> {
        match &self.reach {
            Reach::Direct => Some(SocketAddr::new(self.address, port)),
            Reach::Published(ports) => ports.get(&port).copied(),
        }
    }
}
