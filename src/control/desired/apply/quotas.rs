//! Quotas (ALB user guide, "Quotas for your Application Load Balancers"): nothing grows beyond them.

use std::collections::BTreeSet;

use super::super::resources::Resources;
use crate::alb::quotas;
use crate::alb::violation::Violation;
use crate::model::listener::ListenerProtocol;
use crate::model::quota::Quota;
use crate::model::{LoadBalancerName, TargetGroupName};

/// Judges what an edit has made of resources that were `before`: what was above a quota may stay there.
pub(super) fn check(before: &Resources, resources: &Resources) -> Result<(), Violation> {
    for balancer in resources.load_balancers.keys() {
        for quota in [
            Quota::RulesPerLoadBalancer,
            Quota::ListenersPerLoadBalancer,
            Quota::CertificatesPerLoadBalancer,
            Quota::TargetGroupsPerLoadBalancer,
            Quota::TargetsPerLoadBalancer,
        ] {
            let now = count(quota, balancer, resources);
            if now > count(quota, balancer, before) {
                quotas::judge(quota, now, &resources.quotas)?;
            }
        }
    }
    for (name, group) in &resources.target_groups {
        let now = group.static_targets.len();
        if now > before.target_groups.get(name).map_or(0, |group| group.static_targets.len()) {
            quotas::judge(Quota::TargetsPerTargetGroup, now, &resources.quotas)?;
        }
    }
    Ok(())
}

fn count(quota: Quota, balancer: &LoadBalancerName, resources: &Resources) -> usize {
    let listeners = || resources.listeners.iter().filter(|(_, owned)| owned.load_balancer == *balancer);
    let groups = || -> BTreeSet<&TargetGroupName> {
        resources.forwards().filter(|(owner, _)| *owner == balancer).map(|(_, group)| group).collect()
    };
    match quota {
        Quota::RulesPerLoadBalancer => {
            let own: BTreeSet<_> = listeners().map(|(id, _)| id).collect();
            resources.rules.values().filter(|owned| own.contains(&owned.listener)).count()
        }
        Quota::ListenersPerLoadBalancer => listeners().count(),
        Quota::CertificatesPerLoadBalancer => {
            let certificates = listeners().map(|(_, owned)| match &owned.listener.protocol {
                ListenerProtocol::Http => 0,
                ListenerProtocol::Https(settings) => settings.certificates.len().saturating_sub(1),
            });
            certificates.sum()
        }
        Quota::TargetGroupsPerLoadBalancer => groups().len(),
        Quota::TargetsPerLoadBalancer | Quota::TargetsPerTargetGroup => {
            let targets = groups().into_iter().filter_map(|name| resources.target_groups.get(name));
            targets.map(|group| group.static_targets.len()).sum()
        }
    }
}
