//! Scalable targets and their policies (Application Auto Scaling API reference).

use super::super::resources::Resources;
use crate::ecs::scaling::limits;
use crate::ecs::scaling::violation::Violation;
use crate::model::scaling::{ScalableTarget, Suspended, TargetTracking};
use crate::model::{ClusterName, ScalingPolicyName, ServiceName};

fn find<'r>(service: &ServiceName, resources: &'r mut Resources) -> Result<&'r mut ScalableTarget, Violation> {
    let cluster = cluster(resources);
    let target = resources.scalable_targets.get_mut(service);
    target.ok_or_else(|| Violation::NoScalableTarget(cluster, service.clone()))
}

/// That of the services.
fn cluster(resources: &Resources) -> ClusterName {
    resources.own_cluster().cloned().unwrap_or_else(|| "default".into())
}

/// What a registration changes.
pub(super) struct Registration {
    pub(super) min_capacity: Option<u32>,
    pub(super) max_capacity: Option<u32>,
    pub(super) suspended: Option<Suspended>,
}

/// Registered again, a target keeps its policies and what is not given. The first time both capacities are needed.
pub(super) fn register(
    service: &ServiceName,
    given: &Registration,
    resources: &mut Resources,
) -> Result<(), Violation> {
    if !resources.services.contains_key(service) {
        return Err(Violation::NoSuchService);
    }
    let known = resources.scalable_targets.get(service);
    let capacity = |given: Option<u32>, known: Option<u32>| given.or(known).ok_or(Violation::CapacityMissing);
    let target = ScalableTarget {
        min_capacity: capacity(given.min_capacity, known.map(|known| known.min_capacity))?,
        max_capacity: capacity(given.max_capacity, known.map(|known| known.max_capacity))?,
        suspended: given.suspended.unwrap_or_else(|| known.map(|known| known.suspended).unwrap_or_default()),
        policies: known.map(|known| known.policies.clone()).unwrap_or_default(),
    };
    check(service, &target, resources)?;
    resources.scalable_targets.insert(service.clone(), target);
    Ok(())
}

/// With its policies.
pub(super) fn deregister(service: &ServiceName, resources: &mut Resources) -> Result<(), Violation> {
    find(service, resources)?;
    resources.scalable_targets.remove(service);
    Ok(())
}

pub(super) fn put_policy(
    service: &ServiceName,
    name: &ScalingPolicyName,
    policy: &TargetTracking,
    resources: &mut Resources,
) -> Result<(), Violation> {
    let mut target = find(service, resources)?.clone();
    target.policies.insert(name.clone(), policy.clone());
    check(service, &target, resources)?;
    resources.scalable_targets.insert(service.clone(), target);
    Ok(())
}

pub(super) fn delete_policy(
    service: &ServiceName,
    name: &ScalingPolicyName,
    resources: &mut Resources,
) -> Result<(), Violation> {
    let policies = &mut find(service, resources)?.policies;
    policies.remove(name).map(drop).ok_or(Violation::NoSuchPolicy)
}

fn check(service: &ServiceName, target: &ScalableTarget, resources: &Resources) -> Result<(), Violation> {
    let bindings = resources.services.get(service).map(|service| service.load_balancers.as_slice()).unwrap_or_default();
    limits::judge(target, bindings).into_iter().next().map_or(Ok(()), Err)
}
