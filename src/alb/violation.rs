//! Why a change to load balancers, target groups or security groups is refused, as the API says it: a code and a message
//! (ELBv2 API reference, "Common errors" and the errors of each action; EC2 API reference, "Error codes").
//!
//! A file says the same with its own words and a caret; what the rule is stands here.

use std::fmt;

use neargate_model::rule::Condition;
use neargate_model::security_group::{IngressRule, IpProtocol, Source};
use neargate_model::{ListenerId, LoadBalancerName, RuleId, SecurityGroupName, TargetGroupName, arn};

/// A refused change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// CreateLoadBalancer with a name that is taken.
    DuplicateLoadBalancerName(LoadBalancerName),
    /// There is no such load balancer.
    LoadBalancerNotFound(LoadBalancerName),
    /// Two listeners of one load balancer on one port.
    DuplicateListener {
        /// That port.
        port: u16,
    },
    /// There is no such listener.
    ListenerNotFound(ListenerId),
    /// Two rules of one listener with one priority.
    PriorityInUse {
        /// That priority.
        priority: u32,
    },
    /// SetRulePriorities with one priority for two rules.
    PriorityProvidedTwice {
        /// That priority.
        priority: u32,
    },
    /// More condition values in one rule than AWS takes.
    TooManyConditionValues {
        /// How many there are.
        count: usize,
    },
    /// There is no such rule.
    RuleNotFound(RuleId),
    /// CreateTargetGroup with a name that is taken.
    DuplicateTargetGroupName(TargetGroupName),
    /// There is no such target group.
    TargetGroupNotFound(TargetGroupName),
    /// DeleteTargetGroup while an action forwards to it.
    TargetGroupInUse(TargetGroupName),
    /// An action forwards to a target group of another load balancer.
    TargetGroupAssociationLimit(TargetGroupName),
    /// DeregisterTargets for a target that is not registered.
    InvalidTarget(String),
    /// CreateSecurityGroup with a name that is taken.
    DuplicateSecurityGroup(SecurityGroupName),
    /// There is no such security group.
    SecurityGroupNotFound(SecurityGroupName),
    /// DeleteSecurityGroup while something is in the group or refers to it.
    SecurityGroupInUse(SecurityGroupName),
    /// AuthorizeSecurityGroupIngress with a rule that is there already.
    DuplicatePermission(IngressRule),
    /// RevokeSecurityGroupIngress with a rule that is not there.
    PermissionNotFound,
}

impl Violation {
    /// `Code` of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DuplicateLoadBalancerName(_) => "DuplicateLoadBalancerName",
            Self::LoadBalancerNotFound(_) => "LoadBalancerNotFound",
            Self::DuplicateListener { .. } => "DuplicateListener",
            Self::ListenerNotFound(_) => "ListenerNotFound",
            Self::PriorityInUse { .. } => "PriorityInUse",
            Self::PriorityProvidedTwice { .. } | Self::TooManyConditionValues { .. } => "ValidationError",
            Self::RuleNotFound(_) => "RuleNotFound",
            Self::DuplicateTargetGroupName(_) => "DuplicateTargetGroupName",
            Self::TargetGroupNotFound(_) => "TargetGroupNotFound",
            Self::TargetGroupInUse(_) => "ResourceInUse",
            Self::TargetGroupAssociationLimit(_) => "TargetGroupAssociationLimit",
            Self::InvalidTarget(_) => "InvalidTarget",
            Self::DuplicateSecurityGroup(_) => "InvalidGroup.Duplicate",
            Self::SecurityGroupNotFound(_) => "InvalidGroup.NotFound",
            Self::SecurityGroupInUse(_) => "DependencyViolation",
            Self::DuplicatePermission(_) => "InvalidPermission.Duplicate",
            Self::PermissionNotFound => "InvalidPermission.NotFound",
        }
    }
}

/// `Message` of the error.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateLoadBalancerName(name) => {
                write!(f, "A load balancer with the same name '{name}' exists, but with different settings")
            }
            Self::LoadBalancerNotFound(name) => write!(f, "Load balancers '[{}]' not found", arn::load_balancer(name)),
            Self::DuplicateListener { .. } => f.write_str("A listener with the specified port already exists."),
            Self::ListenerNotFound(_) => f.write_str("One or more listeners not found"),
            Self::PriorityInUse { .. } => f.write_str("The specified priority is in use."),
            Self::PriorityProvidedTwice { priority } => write!(f, "Priority '{priority}' was provided multiple times"),
            Self::TooManyConditionValues { .. } => {
                write!(f, "A rule can only have '{}' condition values and regex values", Condition::VALUES_PER_RULE)
            }
            Self::RuleNotFound(_) => f.write_str("One or more rules not found"),
            Self::DuplicateTargetGroupName(_) => f.write_str("A target group with the specified name already exists."),
            Self::TargetGroupNotFound(name) => write!(f, "Target group '{}' not found", arn::target_group(name)),
            Self::TargetGroupInUse(name) => {
                write!(f, "Target group '{}' is currently in use by a listener or a rule", arn::target_group(name))
            }
            Self::TargetGroupAssociationLimit(name) => write!(
                f,
                "The following target groups cannot be associated with more than one load balancer: {}",
                arn::target_group(name)
            ),
            Self::InvalidTarget(target) => write!(f, "The following targets are not registered: {target}"),
            Self::DuplicateSecurityGroup(name) => write!(f, "The security group '{name}' already exists"),
            Self::SecurityGroupNotFound(name) => write!(f, "The security group '{name}' does not exist"),
            Self::SecurityGroupInUse(name) => write!(f, "resource {name} has a dependent object"),
            Self::DuplicatePermission(rule) => {
                write!(f, "the specified rule \"{}\" already exists", permission(rule))
            }
            Self::PermissionNotFound => f.write_str("The specified rule does not exist in this security group."),
        }
    }
}

impl std::error::Error for Violation {}

/// `peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW`
fn permission(rule: &IngressRule) -> String {
    let peer = match &rule.source {
        Source::Cidr(network) => network.to_string(),
        Source::SecurityGroup(group) => group.to_string(),
    };
    match rule.protocol {
        IpProtocol::All => format!("peer: {peer}, ALL, ALLOW"),
        IpProtocol::Tcp => {
            format!("peer: {peer}, TCP, from port: {}, to port: {}, ALLOW", rule.from_port, rule.to_port)
        }
        IpProtocol::Udp => {
            format!("peer: {peer}, UDP, from port: {}, to port: {}, ALLOW", rule.from_port, rule.to_port)
        }
    }
}
