//! Health of a target: state, reason and description, word for word as in `DescribeTargetHealth`
//! (ALB user guide, "Target health status" and "Health check reason codes").

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use strum::{Display, EnumString, IntoStaticStr};

/// A registered target: what AWS calls `Id` and `Port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The task's address, or a static one.
    pub address: IpAddr,
    /// Its port there.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SocketAddr::new(self.address, self.port), f)
    }
}

/// A target, with everything that routing and health checks need to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetState {
    /// Its address and port.
    pub target: Target,
    /// The address to connect to from this machine: the target's own, or a port published on loopback.
    pub dial: SocketAddr,
    /// Whether security groups let the load balancer in. If not, packets are dropped and connections time out.
    pub reachable: bool,
    /// Its health now.
    pub health: TargetHealth,
}

/// State with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetHealth {
    /// Registered, not yet judged.
    Initial(InitialReason),
    /// In service.
    Healthy,
    /// Failing.
    Unhealthy(UnhealthyReason),
    /// Not probed and not used.
    Unused,
    /// Deregistered; requests in flight may finish.
    Draining,
}

/// Reasons of `initial`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialReason {
    /// `Elb.RegistrationInProgress`
    RegistrationInProgress,
    /// `Elb.InitialHealthChecking`
    InitialHealthChecking,
}

/// Reasons of `unhealthy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnhealthyReason {
    /// `Target.ResponseCodeMismatch`, with the code.
    ResponseCodeMismatch(u16),
    /// `Target.Timeout`
    Timeout,
    /// `Target.FailedHealthChecks`: refused, reset or malformed.
    FailedHealthChecks,
}

/// `State` of a target (ELBv2 API, TargetHealth), those that a target can have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum TargetHealthState {
    /// See [`TargetHealth::Initial`].
    Initial,
    /// See [`TargetHealth::Healthy`].
    Healthy,
    /// See [`TargetHealth::Unhealthy`].
    Unhealthy,
    /// See [`TargetHealth::Unused`].
    Unused,
    /// See [`TargetHealth::Draining`].
    Draining,
}

/// `Reason` of a target (ELBv2 API, TargetHealth), those that a target can have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
pub enum TargetHealthReason {
    /// Of `initial`.
    #[strum(serialize = "Elb.RegistrationInProgress")]
    RegistrationInProgress,
    /// Of `initial`.
    #[strum(serialize = "Elb.InitialHealthChecking")]
    InitialHealthChecking,
    /// Of `unhealthy`.
    #[strum(serialize = "Target.ResponseCodeMismatch")]
    ResponseCodeMismatch,
    /// Of `unhealthy`.
    #[strum(serialize = "Target.Timeout")]
    Timeout,
    /// Of `unhealthy`.
    #[strum(serialize = "Target.FailedHealthChecks")]
    FailedHealthChecks,
    /// Of `unused`.
    #[strum(serialize = "Target.NotInUse")]
    NotInUse,
    /// Of `draining`.
    #[strum(serialize = "Target.DeregistrationInProgress")]
    DeregistrationInProgress,
}

impl TargetHealth {
    /// `State`
    pub fn state(&self) -> TargetHealthState {
        match self {
            Self::Initial(_) => TargetHealthState::Initial,
            Self::Healthy => TargetHealthState::Healthy,
            Self::Unhealthy(_) => TargetHealthState::Unhealthy,
            Self::Unused => TargetHealthState::Unused,
            Self::Draining => TargetHealthState::Draining,
        }
    }

    /// `Reason`; a healthy target has none.
    pub fn reason(&self) -> Option<TargetHealthReason> {
        match self {
            Self::Initial(InitialReason::RegistrationInProgress) => Some(TargetHealthReason::RegistrationInProgress),
            Self::Initial(InitialReason::InitialHealthChecking) => Some(TargetHealthReason::InitialHealthChecking),
            Self::Healthy => None,
            Self::Unhealthy(UnhealthyReason::ResponseCodeMismatch(_)) => Some(TargetHealthReason::ResponseCodeMismatch),
            Self::Unhealthy(UnhealthyReason::Timeout) => Some(TargetHealthReason::Timeout),
            Self::Unhealthy(UnhealthyReason::FailedHealthChecks) => Some(TargetHealthReason::FailedHealthChecks),
            Self::Unused => Some(TargetHealthReason::NotInUse),
            Self::Draining => Some(TargetHealthReason::DeregistrationInProgress),
        }
    }

    /// `Description`; a healthy target has none.
    pub fn description(&self) -> Option<String> {
        match self {
            Self::Initial(InitialReason::RegistrationInProgress) => {
                Some("Target registration is in progress".to_owned())
            }
            Self::Initial(InitialReason::InitialHealthChecking) => Some("Initial health checks in progress".to_owned()),
            Self::Healthy => None,
            Self::Unhealthy(reason) => Some(reason.to_string()),
            Self::Unused => Some("Target group is not configured to receive traffic from the load balancer".to_owned()),
            Self::Draining => Some("Target deregistration is in progress".to_owned()),
        }
    }
}

impl fmt::Display for UnhealthyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResponseCodeMismatch(code) => write!(f, "Health checks failed with these codes: [{code}]"),
            Self::Timeout => f.write_str("Request timed out"),
            Self::FailedHealthChecks => f.write_str("Health checks failed"),
        }
    }
}

/// What one probe found. An outcome, never an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// A code that the matcher accepts.
    Passed {
        /// The code.
        code: u16,
    },
    /// A complete answer whose code the matcher does not accept.
    CodeMismatch {
        /// The code.
        code: u16,
    },
    /// No answer within the probe's timeout, or dropped by a security group.
    TimedOut,
    /// Refused, reset, or not HTTP.
    Failed,
    /// A response to a gRPC call that has no `grpc-status`.
    NoGrpcStatus,
}
