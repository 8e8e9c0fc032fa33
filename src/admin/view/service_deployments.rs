//! Service deployments, and the traffic that ECS shifts between the two revisions of one.

use super::shape::{HookView, RuleWeightsView, ServiceDeploymentView, TrafficView, WeightView};
use crate::ecs::service::lifecycle::progress::HookRun;
use crate::ecs::world::{Deployment, ServiceRecord};
use crate::model::rule::Action;
use crate::model::strategy::HookTarget;
use crate::model::{Topology, rule::ListenerRule};

/// The last deployment of a service.
pub(super) fn of_service(record: &ServiceRecord) -> ServiceDeploymentView {
    // In a rollback, the stage is that of the traffic that goes back.
    let lifecycle = record.primary.lifecycle.as_ref();
    ServiceDeploymentView {
        status: record.service_deployment_status().into(),
        status_reason: record.service_deployment_status_reason(),
        lifecycle_stage: lifecycle.map(|lifecycle| lifecycle.stage.into()),
        lifecycle_hook_details: lifecycle.iter().flat_map(|lifecycle| &lifecycle.hooks).map(hook).collect(),
    }
}

fn hook(run: &HookRun) -> HookView {
    let (target_type, target_arn) = match &run.hook.target {
        HookTarget::Lambda { name, .. } => ("AWS_LAMBDA", Some(name.clone())),
        HookTarget::Pause => ("PAUSE", None),
    };
    HookView { target_type: target_type.to_owned(), target_arn, status: run.status().into() }
}

/// A deployment's part of the traffic, where ECS shifts it.
pub(super) fn traffic(record: &ServiceRecord, deployment: &Deployment) -> Option<TrafficView> {
    let traffic = record.traffic_of(&deployment.id)?;
    let bindings = record.primary.service.load_balancers.iter();
    let has_test = bindings.filter_map(|binding| binding.advanced.as_ref()).any(|one| one.test_listener_rule.is_some());
    Some(TrafficView { production: traffic.production.percent(), test: has_test.then(|| traffic.test.percent()) })
}

/// The weights of all rules that ECS changes.
pub(super) fn weights(topology: &Topology) -> Vec<RuleWeightsView> {
    let bindings = topology.services.values().flat_map(|service| &service.load_balancers);
    let rules = bindings.filter_map(|binding| binding.advanced.as_ref()).flat_map(|advanced| advanced.rules());
    rules.filter_map(|rule| weights_of(topology, rule)).collect()
}

fn weights_of(topology: &Topology, rule: &ListenerRule) -> Option<RuleWeightsView> {
    let Action::Forward(forward) = &topology.actions_of(rule)?.routing else { return None };
    let weights = forward
        .target_groups
        .iter()
        .map(|group| WeightView { target_group: group.target_group.to_string(), weight: group.weight });
    Some(RuleWeightsView {
        load_balancer: rule.load_balancer.to_string(),
        listener: rule.listener,
        priority: rule.priority,
        target_groups: weights.collect(),
    })
}
