//! Quotas: how many there may be (ALB user guide, "Quotas for your Application Load Balancers").

use neargate_model::quota::{Quota, Quotas};

use crate::violation::Violation;

/// AWS's default.
pub fn default(quota: Quota) -> usize {
    match quota {
        Quota::RulesPerLoadBalancer | Quota::TargetGroupsPerLoadBalancer => 100,
        Quota::ListenersPerLoadBalancer => 50,
        Quota::CertificatesPerLoadBalancer => 25,
        Quota::TargetsPerTargetGroup | Quota::TargetsPerLoadBalancer => 1000,
    }
}

/// The limit of an account with these quotas.
pub fn limit(quota: Quota, quotas: &Quotas) -> usize {
    quotas.get(&quota).map_or_else(|| default(quota), |raised| *raised as usize)
}

/// Judges how many there are.
pub fn judge(quota: Quota, count: usize, quotas: &Quotas) -> Result<(), Violation> {
    if count <= limit(quota, quotas) { Ok(()) } else { Err(Violation::QuotaExceeded(quota)) }
}
