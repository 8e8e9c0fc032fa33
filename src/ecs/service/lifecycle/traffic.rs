//! Where traffic goes. ECS sets the weights of a rule's target groups as the deployment's stage says, whatever they are: so
//! another author of the same rule changes nothing for longer than a moment.

use super::progress::Side;
use crate::service::record::{Deployment, ServiceRecord};
use crate::service::tasks::Situation;
use crate::step::{Plan, TrafficShift};
use neargate_model::rule::{Action, Forward, ListenerRule, WeightedTargetGroup};
use neargate_model::service::LoadBalancerBinding;
use neargate_model::strategy::Share;
use neargate_model::{DeploymentId, ServiceName, Topology};

/// Sets the weights that are other ones.
pub(crate) fn plan(situation: &Situation<'_>, name: &ServiceName, record: &ServiceRecord, plan: &mut Plan) {
    for shift in shifts(situation.topology, name, record) {
        plan.push(shift);
    }
}

/// The rules whose weights are other ones.
pub(crate) fn shifts(topology: &Topology, name: &ServiceName, record: &ServiceRecord) -> Vec<TrafficShift> {
    let traffic = Traffic::new(&record.primary);
    let mut shifts = Vec::new();
    for binding in &record.primary.service.load_balancers {
        let Some(advanced) = &binding.advanced else { continue };
        let test = advanced.test_listener_rule.iter().map(|rule| (rule, traffic.test));
        for (rule, share) in std::iter::once((&advanced.production_listener_rule, traffic.production)).chain(test) {
            let Some(forward) = forward(topology, rule, binding) else { continue };
            let wanted = weights(binding, traffic.side, share);
            if !is_as_wanted(forward, &wanted) {
                let target_groups = with_weights(forward, wanted);
                shifts.push(TrafficShift { service: name.clone(), rule: rule.clone(), target_groups });
            }
        }
    }
    shifts
}

/// Whether every rule can be given weights.
pub(super) fn is_possible(topology: &Topology, record: &ServiceRecord) -> bool {
    let bindings = record.primary.service.load_balancers.iter();
    let mut rules = bindings.filter_map(|binding| Some((binding, binding.advanced.as_ref()?)));
    rules.all(|(binding, advanced)| advanced.rules().all(|rule| forward(topology, rule, binding).is_some()))
}

/// What the rule forwards to, if one of the entry's groups is among it and both exist.
fn forward<'t>(topology: &'t Topology, rule: &ListenerRule, binding: &LoadBalancerBinding) -> Option<&'t Forward> {
    let Action::Forward(forward) = &topology.actions_of(rule)?.routing else { return None };
    let is_there =
        forward.target_groups.iter().any(|known| binding.target_groups().any(|own| *own == known.target_group));
    let exist = binding.target_groups().all(|group| topology.target_groups.contains_key(group));
    (is_there && exist).then_some(forward)
}

/// The traffic of the PRIMARY deployment, which is registered with these groups. The rest is that of the other groups.
#[derive(Clone, Copy, Debug)]
struct Traffic {
    side: Side,
    production: Share,
    test: Share,
}

impl Traffic {
    fn new(primary: &Deployment) -> Self {
        let (production, test) = match &primary.lifecycle {
            Some(lifecycle) => (lifecycle.production(), lifecycle.test()),
            None => (Share::ALL, Share::ALL),
        };
        Self { side: primary.side, production, test }
    }
}

/// The weights of a share and of the rest of it. Whole percentages become weights that add up to 100; a weight is at most 999
/// (ELBv2 API, TargetGroupTuple).
fn weights(binding: &LoadBalancerBinding, side: Side, share: Share) -> [WeightedTargetGroup; 2] {
    let unit = if share.tenths().is_multiple_of(10) { 10 } else { 1 };
    [(side, share), (side.other(), share.rest())].map(|(side, share)| WeightedTargetGroup {
        target_group: side.target_group(binding).clone(),
        weight: share.tenths() / unit,
    })
}

/// Whether the two groups share the traffic in the same proportion.
fn is_as_wanted(forward: &Forward, wanted: &[WeightedTargetGroup; 2]) -> bool {
    let weight = |group: &WeightedTargetGroup| {
        let known = forward.target_groups.iter().find(|known| known.target_group == group.target_group);
        known.map_or(0, |known| u32::from(known.weight))
    };
    let [one, other] = wanted;
    let (now_one, now_other) = (weight(one), weight(other));
    now_one + now_other > 0 && now_one * u32::from(other.weight) == now_other * u32::from(one.weight)
}

/// The same groups with these weights.
fn with_weights(forward: &Forward, wanted: [WeightedTargetGroup; 2]) -> Vec<WeightedTargetGroup> {
    let mut groups = forward.target_groups.clone();
    for group in wanted {
        match groups.iter_mut().find(|known| known.target_group == group.target_group) {
            Some(known) => known.weight = group.weight,
            None => groups.push(group),
        }
    }
    groups
}

/// The traffic of a service's deployment, where ECS shifts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeploymentTraffic {
    /// Of the production listener rule.
    pub production: Share,
    /// Of the test listener rule.
    pub test: Share,
}

impl ServiceRecord {
    /// The traffic of one of its deployments; `None` where rules are not ECS's to change.
    pub fn traffic_of(&self, deployment: &DeploymentId) -> Option<DeploymentTraffic> {
        let settings = &self.primary.service;
        settings.load_balancers.iter().find(|binding| binding.advanced.is_some())?;
        let Traffic { production, test, .. } = Traffic::new(&self.primary);
        let has_rest = |lifecycle: &super::progress::Lifecycle| lifecycle.source.as_ref() == Some(deployment);
        Some(if self.primary.id == *deployment {
            DeploymentTraffic { production, test }
        } else if self.primary.lifecycle.as_ref().is_some_and(has_rest) {
            DeploymentTraffic { production: production.rest(), test: test.rest() }
        } else {
            DeploymentTraffic { production: Share::NONE, test: Share::NONE }
        })
    }
}
