//! Why a change of services is refused, in the API's terms: a code and a message (ECS API reference, the errors of each
//! action).

use std::fmt;

use crate::task_definition::violation::Violation as DefinitionViolation;
use neargate_model::task_definition::RevisionName;
use neargate_model::{ClusterName, ContainerName, ServiceName};

/// What a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A cluster.
    Cluster,
    /// A service.
    Service,
}

/// As AWS's messages call the name.
impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "ClusterName",
            Self::Service => "ServiceName",
        })
    }
}

/// A refused change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The service does not exist.
    ServiceNotFound(ServiceName),
    /// CreateService with the name of an existing service that has other settings.
    NotIdempotent(ServiceName),
    /// DeregisterTaskDefinition with a revision that was never registered.
    NoSuchTaskDefinition(RevisionName),
    /// A service names a revision that was never registered.
    TaskDefinitionNotFound(RevisionName),
    /// A service begins to name a revision that was deregistered.
    TaskDefinitionInactive(RevisionName),
    /// RunTask names a revision that was deregistered.
    TaskDefinitionInactiveToRun(RevisionName),
    /// `overrides` names a container that the task definition does not have.
    OverrideForUnknownContainer(ContainerName),
    /// RunTask with another `count` than 1 to 10.
    CountOutOfRange(usize),
    /// A name that a cluster or a service cannot have.
    InvalidName {
        /// What it names.
        kind: NameKind,
        /// The name.
        name: String,
    },
    /// CreateService with another `schedulingStrategy` than REPLICA.
    DaemonOnFargate,
    /// The cluster does not exist.
    ClusterNotFound(ClusterName),
    /// DeleteCluster of the cluster that services are in.
    ClusterContainsServices(ClusterName),
    /// DeleteService without `force` while the service wants tasks.
    ScaledAboveZero(ServiceName),
    /// `loadBalancers` names a container that the task definition does not have.
    ContainerNotFound(ContainerName),
    /// `loadBalancers` names a port that the container does not declare.
    PortNotFound {
        /// The container.
        container: ContainerName,
        /// The port.
        port: u16,
    },
    /// StopServiceDeployment of a service whose deployment has come to its end.
    NoDeploymentInProgress(ServiceName),
    /// RegisterTaskDefinition with a definition that Fargate does not take.
    TaskDefinition(DefinitionViolation),
    /// `minimumHealthyPercent` above 100.
    MinimumAbove100,
    /// `maximumPercent` below 100.
    MaximumBelow100,
    /// `availabilityZoneRebalancing` is ENABLED, and `maximumPercent` 100.
    NoRoomToRebalance,
    /// `minimumHealthyPercent` and `maximumPercent` are both 100.
    NothingCanBeReplaced,
}

impl Violation {
    /// The error's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ServiceNotFound(_) => "ServiceNotFoundException",
            Self::ClusterNotFound(_) => "ClusterNotFoundException",
            Self::ClusterContainsServices(_) => "ClusterContainsServicesException",
            Self::NoDeploymentInProgress(_) => "ConflictException",
            Self::TaskDefinition(violation) => violation.code(),
            Self::NoSuchTaskDefinition(_) | Self::TaskDefinitionNotFound(_) | Self::TaskDefinitionInactive(_) => {
                "ClientException"
            }
            // The code differs between UpdateService and RunTask.
            Self::TaskDefinitionInactiveToRun(_)
            | Self::OverrideForUnknownContainer(_)
            | Self::CountOutOfRange(_)
            | Self::DaemonOnFargate
            | Self::NotIdempotent(_)
            | Self::InvalidName { .. }
            | Self::ScaledAboveZero(_)
            | Self::ContainerNotFound(_)
            | Self::PortNotFound { .. }
            | Self::MinimumAbove100
            | Self::MaximumBelow100
            | Self::NoRoomToRebalance
            | Self::NothingCanBeReplaced => "InvalidParameterException",
        }
    }
}

/// The error's message.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceNotFound(_) => f.write_str("Service not found."),
            Self::TaskDefinition(violation) => violation.fmt(f),
            Self::InvalidName { kind, name } => {
                write!(f, "{kind} must match ^[a-zA-Z0-9\\-_]{{1,255}}$, but was {name}")
            }
            Self::NotIdempotent(_) => f.write_str("Creation of service was not idempotent."),
            // Its text is not published.
            Self::NoSuchTaskDefinition(_) => f.write_str("The specified task definition does not exist."),
            Self::TaskDefinitionNotFound(_) => f.write_str("TaskDefinition not found."),
            Self::OverrideForUnknownContainer(container) => {
                write!(f, "Override for container named {container} is not a container in the TaskDefinition.")
            }
            // The text is not published; this is the API's documentation.
            Self::DaemonOnFargate => f.write_str("Fargate tasks do not support the DAEMON scheduling strategy"),
            // The text is not published.
            Self::CountOutOfRange(_) => f.write_str("count must be between 1 and 10"),
            Self::ClusterNotFound(_) => f.write_str("Cluster not found."),
            Self::ClusterContainsServices(_) => f.write_str("The Cluster cannot be deleted while Services are active."),
            Self::TaskDefinitionInactive(_) | Self::TaskDefinitionInactiveToRun(_) => {
                f.write_str("TaskDefinition is inactive")
            }
            Self::ScaledAboveZero(_) => f.write_str("The service cannot be stopped while it is scaled above 0."),
            Self::ContainerNotFound(container) => {
                write!(f, "The container {container} does not exist in the task definition.")
            }
            Self::PortNotFound { container, port } => {
                write!(f, "The container {container} did not have a container port {port} defined.")
            }
            // The text is not published.
            Self::NoDeploymentInProgress(service) => write!(f, "Service {service} has no deployment in progress."),
            Self::MinimumAbove100 => f.write_str("minimumHealthyPercent must be at most 100"),
            // The text is not published; it is said as of the minimum.
            Self::MaximumBelow100 => f.write_str("maximumPercent must be at least 100"),
            // The text is not published; the AWS CDK refuses it in these terms.
            Self::NoRoomToRebalance => {
                f.write_str("availabilityZoneRebalancing ENABLED requires a maximumPercent above 100")
            }
            Self::NothingCanBeReplaced => f.write_str(
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
            ),
        }
    }
}

impl std::error::Error for Violation {}

impl From<DefinitionViolation> for Violation {
    fn from(violation: DefinitionViolation) -> Self {
        Self::TaskDefinition(violation)
    }
}
