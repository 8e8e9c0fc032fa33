//! Findings about target groups: weights, health checks, and groups that no request reaches.

use std::collections::BTreeMap;

use neargate_alb::routing::RoutedAction;
use neargate_model::TargetGroupName;
use neargate_model::rule::Action;

use super::balancer::{Balancer, action};
use super::finding::{Finding, Kind};
use crate::witness::Witness;

pub(super) fn findings(balancer: &Balancer<'_>, found: &mut Vec<Finding>) {
    // By group: the first rule that forwards to it, and whether one of them decides something.
    let mut reached: BTreeMap<&TargetGroupName, ((usize, usize), bool)> = BTreeMap::new();
    for (at, listener) in balancer.load_balancer.listeners.iter().enumerate() {
        for rule in 0..=listener.rules.len() {
            let Action::Forward(forward) = action(listener, rule) else { continue };
            if forward.target_groups.iter().all(|group| group.weight == 0) {
                found.push(balancer.finding(at, Some(rule), Kind::NoWeight));
            }
            let decides = !matches!(balancer.decisions.get(at), Some(Ok(_))) || balancer.decided(at, rule).is_some();
            for group in &forward.target_groups {
                let entry = reached.entry(&group.target_group).or_insert(((at, rule), false));
                entry.1 |= decides;
            }
        }
    }
    for (group, ((at, rule), is_reached)) in reached {
        if is_reached {
            found.extend(health_check_redirected(balancer, group, at, rule));
        } else {
            found.push(balancer.finding(at, Some(rule), Kind::UnreachableGroup { group: group.clone() }));
        }
    }
}

/// Health checks go to targets, past all rules. A path for which clients are redirected is often checked by mistake.
fn health_check_redirected(
    balancer: &Balancer<'_>,
    group: &TargetGroupName,
    at: usize,
    rule: usize,
) -> Option<Finding> {
    let path = &balancer.topology.target_groups.get(group)?.health_check.path;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let witness = balancer.with_host(
        at,
        Witness {
            path: Some(path.as_bytes().to_vec()),
            method: Some("GET".to_owned()),
            parameters: query.split('&').filter(|part| !part.is_empty()).map(|part| part.as_bytes().to_vec()).collect(),
            ..Witness::default()
        },
    );
    let index = balancer.table.listener_by_port(balancer.load_balancer.listeners.get(at)?.port)?;
    let is_redirected = matches!(witness.route(&balancer.table, index).action, RoutedAction::Redirect(_));
    is_redirected.then(|| {
        let kind = Kind::HealthCheckRedirected { group: group.clone(), witness: Box::new(witness) };
        balancer.finding(at, Some(rule), kind)
    })
}
