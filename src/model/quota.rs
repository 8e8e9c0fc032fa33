//! Quotas of load balancers (ALB user guide, "Quotas for your Application Load Balancers").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Quota {
    /// Rules of a load balancer, default rules not counted.
    RulesPerLoadBalancer,
    /// Listeners of a load balancer.
    ListenersPerLoadBalancer,
    /// Certificates of a load balancer, default certificates not counted.
    CertificatesPerLoadBalancer,
    /// Target groups that a load balancer forwards to.
    TargetGroupsPerLoadBalancer,
    /// Targets of a target group, those of services not counted.
    TargetsPerTargetGroup,
    /// Targets of all target groups that a load balancer forwards to, likewise.
    TargetsPerLoadBalancer,
}

/// Quotas that are not AWS's defaults, as an account has them that asked for more.
pub type Quotas = BTreeMap<Quota, u32>;
