//! Why a change of services is refused, in the API's terms: a code and a message (ECS API reference, the errors of each
//! action).

use std::fmt;

use crate::task_definition::violation::Violation as DefinitionViolation;
use neargate_model::arn::Arn;
use neargate_model::rule::ListenerRule;
use neargate_model::task_definition::RevisionName;
use neargate_model::{ClusterName, ContainerName, ServiceName, TargetGroupName};

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
    /// ContinueServiceDeployment of a service whose deployment is not paused.
    NoPausedDeployment(ServiceName),
    /// A strategy that shifts traffic, and an entry of `loadBalancers` without `advancedConfiguration`.
    AdvancedConfigurationRequired,
    /// Some entries of `loadBalancers` have an `advancedConfiguration`, and others do not.
    AdvancedConfigurationInPart,
    /// A target group of two entries of `loadBalancers`.
    DuplicateTargetGroup(TargetGroupName),
    /// A listener rule that does not exist, or does not forward.
    ListenerRuleDoesNotForward(ListenerRule),
    /// `productionListenerRule` and `testListenerRule` are the same.
    ListenerRuleForBoth(ListenerRule),
    /// No rule leads to one of the two target groups, and there is no `testListenerRule`.
    TestListenerRuleRequired,
    /// No rule leads to one of the two target groups.
    TargetGroupNotAssociated(TargetGroupName),
    /// The production listener rule leads elsewhere as well.
    UnexpectedTargetGroup(TargetGroupName),
    /// `stepPercent` below 3.
    StepPercentOutOfRange,
    /// `canaryPercent` below 0.1.
    CanaryPercentOutOfRange,
    /// A bake time of more than a day; named as the API names it.
    BakeTimeOutOfRange(&'static str),
    /// `timeoutInMinutes` of a hook.
    HookTimeoutOutOfRange {
        /// At least 1 minute, and at most so many.
        longest_minutes: u32,
    },
    /// A hook that is never asked.
    HookWithoutStages,
    /// A hook at a stage that has none.
    HookAtWrongStage {
        /// Whether it is one that pauses.
        is_pause: bool,
    },
}

impl Violation {
    /// The error's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ServiceNotFound(_) => "ServiceNotFoundException",
            Self::ClusterNotFound(_) => "ClusterNotFoundException",
            Self::ClusterContainsServices(_) => "ClusterContainsServicesException",
            Self::NoDeploymentInProgress(_) | Self::NoPausedDeployment(_) => "ConflictException",
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
            | Self::NothingCanBeReplaced
            | Self::AdvancedConfigurationRequired
            | Self::AdvancedConfigurationInPart
            | Self::DuplicateTargetGroup(_)
            | Self::ListenerRuleDoesNotForward(_)
            | Self::ListenerRuleForBoth(_)
            | Self::TestListenerRuleRequired
            | Self::TargetGroupNotAssociated(_)
            | Self::UnexpectedTargetGroup(_)
            | Self::StepPercentOutOfRange
            | Self::CanaryPercentOutOfRange
            | Self::BakeTimeOutOfRange(_)
            | Self::HookTimeoutOutOfRange { .. }
            | Self::HookWithoutStages
            | Self::HookAtWrongStage { .. } => "InvalidParameterException",
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
            Self::NoPausedDeployment(_) => f.write_str(
                "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN",
            ),
            Self::AdvancedConfigurationRequired => f.write_str(
                "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy",
            ),
            Self::AdvancedConfigurationInPart => {
                f.write_str("Either all or none of the provided loadBalancers must have advancedConfiguration defined")
            }
            Self::DuplicateTargetGroup(group) => {
                write!(f, "Duplicate targetGroupArn found: {}", Arn::target_group(group))
            }
            // The text is not published.
            Self::ListenerRuleDoesNotForward(rule) => {
                write!(f, "The listener rule {} has no forward action.", Arn::listener_rule(rule))
            }
            Self::ListenerRuleForBoth(rule) => write!(
                f,
                "The following rules cannot be used as both production and test listener rules: {}",
                Arn::listener_rule(rule)
            ),
            Self::TestListenerRuleRequired => f.write_str(
                "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated \
                 with both targetGroup and alternateTargetGroup",
            ),
            Self::TargetGroupNotAssociated(group) => write!(
                f,
                "Target group {} is not associated with either productionListenerRule or testListenerRule.",
                Arn::target_group(group)
            ),
            Self::UnexpectedTargetGroup(group) => write!(
                f,
                "Production listener rule is forwarding traffic to unexpected target group {}.",
                Arn::target_group(group)
            ),
            // These texts are not published; they say what the API's documentation says.
            Self::StepPercentOutOfRange => f.write_str("stepPercent must be a multiple of 0.1 from 3.0 to 100.0"),
            Self::CanaryPercentOutOfRange => f.write_str("canaryPercent must be a multiple of 0.1 from 0.1 to 100.0"),
            Self::BakeTimeOutOfRange(name) => write!(f, "{name} must be between 0 and 1440"),
            Self::HookTimeoutOutOfRange { longest_minutes } => {
                write!(f, "timeoutInMinutes must be between 1 and {longest_minutes}")
            }
            Self::HookWithoutStages => f.write_str("lifecycleStages must not be empty"),
            Self::HookAtWrongStage { is_pause: true } => f.write_str("Invalid lifecycle stage provided for Pause Hook"),
            Self::HookAtWrongStage { is_pause: false } => f.write_str("Invalid lifecycle stage provided for Hook"),
        }
    }
}

impl std::error::Error for Violation {}

impl From<DefinitionViolation> for Violation {
    fn from(violation: DefinitionViolation) -> Self {
        Self::TaskDefinition(violation)
    }
}
