//! Targets: when a draining target disappears, and how the routing table sees each target.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use crate::step::{Change, Plan};
use crate::world::{TargetRecord, World};
use neargate_alb::security_group;
use neargate_model::target_health::{TargetHealth, TargetState};
use neargate_model::{SecurityGroupName, TargetGroupName, Topology};

/// `next`: when the first of the draining targets leaves: after the full delay, or before if [`World::target_drained`] says
/// so.
pub(crate) fn plan_drained(next: Option<Instant>, now: Instant, plan: &mut Plan) {
    match next {
        Some(at) if at <= now => plan.push(Change::RemoveDrainedTargets),
        Some(at) => plan.wake_by(at),
        None => {}
    }
}

/// Every registered target in the form that routing and probing need.
pub fn states(topology: &Topology, world: &World) -> BTreeMap<TargetGroupName, Vec<TargetState>> {
    world.targets.iter().map(|(group, records)| (group.clone(), states_of(topology, group, records))).collect()
}

/// Those of the groups of which something is not as it was.
pub fn changed_states<'w>(
    topology: &'w Topology,
    before: &'w World,
    after: &'w World,
) -> impl Iterator<Item = (TargetGroupName, Vec<TargetState>)> {
    before.targets.differences(&after.targets).map(|group| {
        let records = group.after.map(|records| records.as_slice()).unwrap_or_default();
        (group.key.clone(), states_of(topology, group.key, records))
    })
}

fn states_of(topology: &Topology, group: &TargetGroupName, records: &[Arc<TargetRecord>]) -> Vec<TargetState> {
    let from = topology.security_groups_before(group);
    records.iter().map(|record| state(topology, from, record)).collect()
}

fn state(topology: &Topology, from: &[SecurityGroupName], record: &TargetRecord) -> TargetState {
    // A port that cannot be dialled from here behaves like a closed one.
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    TargetState {
        target: record.target,
        dial: record.dial.unwrap_or(nowhere),
        reachable: record.dial.is_some() && is_let_in(topology, from, record),
        health: if record.draining_until.is_some() { TargetHealth::Draining } else { record.health.health().clone() },
    }
}

/// `from` is the load balancer's security groups.
fn is_let_in(topology: &Topology, from: &[SecurityGroupName], record: &TargetRecord) -> bool {
    match security_groups(topology, record) {
        Some(own) => {
            security_group::load_balancer_reaches(&topology.security_groups, from, own, record.target.port).allowed
        }
        // A target that the file gives by address is in no security group.
        None => true,
    }
}

/// The groups of the target's network interface, or those of the service now where the file has dropped one of them,
/// which AWS would refuse.
fn security_groups<'a>(topology: &'a Topology, record: &'a TargetRecord) -> Option<&'a [SecurityGroupName]> {
    let service = topology.services.get(record.service.as_ref()?)?;
    let exist = record.security_groups.iter().all(|group| topology.security_groups.contains_key(group));
    Some(if exist { &record.security_groups } else { &service.security_groups })
}

#[cfg(test)]
mod tests;
