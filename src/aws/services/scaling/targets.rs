//! Scalable targets.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::resource::{self, DIMENSION, POLICY, TARGET, invalid};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Tags;
use crate::model::ServiceName;
use crate::model::scaling::{ScalableTarget, Suspended};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Registered {
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
    min_capacity: Option<u32>,
    max_capacity: Option<u32>,
    suspended_state: Option<SuspendedState>,
    tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct SuspendedState {
    dynamic_scaling_in_suspended: bool,
    dynamic_scaling_out_suspended: bool,
    scheduled_scaling_suspended: bool,
}

pub(super) fn register(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Registered = input.read()?;
    let service = resource::service(state, &asked.service_namespace, &asked.resource_id, &asked.scalable_dimension)?;
    let tags: Tags = asked.tags;
    tags::judge(&tags).map_err(|problem| invalid(problem.to_string()))?;
    let known = state.records().get(TARGET, service.as_str());
    if known.is_some() && !tags.is_empty() {
        return Err(invalid("You cannot tag an existing scalable target. Use TagResource instead"));
    }
    let mut record = resource::record(state, TARGET, service.as_str());
    record.tags.extend(tags);
    if let Some(suspended) = asked.suspended_state {
        record.value["scheduled"] = json!(suspended.scheduled_scaling_suspended);
    }
    let suspended = asked.suspended_state.map(|suspended| Suspended {
        scale_in: suspended.dynamic_scaling_in_suspended,
        scale_out: suspended.dynamic_scaling_out_suspended,
    });
    let edits = vec![
        Edit::RegisterScalableTarget {
            service: service.clone(),
            min_capacity: asked.min_capacity,
            max_capacity: asked.max_capacity,
            suspended,
        },
        Edit::put(TARGET, service.as_str(), record),
    ];
    Ok(Decision::edits(edits, move |state| Ok(json!({ "ScalableTargetARN": resource::arn(state, &service) }))))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Named {
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
}

pub(super) fn deregister(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Named = input.read()?;
    let service = resource::service(state, &asked.service_namespace, &asked.resource_id, &asked.scalable_dimension)?;
    let own = format!("{service}/");
    let policies = state.records().of(POLICY).map(|(id, _)| id).filter(|id| id.starts_with(&own));
    let mut edits: Vec<Edit> = policies.map(|id| Edit::forget(POLICY, id)).collect();
    edits.push(Edit::forget(TARGET, service.as_str()));
    edits.push(Edit::DeregisterScalableTarget { service });
    Ok(Decision::edits(edits, |_| Ok(json!({}))))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    service_namespace: String,
    resource_ids: Vec<String>,
    scalable_dimension: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    resource::namespaces(&asked.service_namespace)?;
    let targets = &state.snapshot.topology.scalable_targets;
    let is_asked = |service: &ServiceName| {
        let id = resource::id(state, service);
        asked.resource_ids.is_empty() || asked.resource_ids.contains(&id)
    };
    let is_ours = asked.scalable_dimension.as_deref().is_none_or(|dimension| dimension == DIMENSION);
    let found = targets.iter().filter(|(service, _)| is_ours && is_asked(service));
    let shapes: Vec<Value> = found.map(|(service, target)| shape(state, service, target)).collect();
    resource::page("ScalableTargets", &shapes, asked.max_results, asked.next_token.as_deref()).map(Decision::reply)
}

fn shape(state: &State, service: &ServiceName, target: &ScalableTarget) -> Value {
    let record = state.records().get(TARGET, service.as_str());
    let scheduled = record.is_some_and(|record| record.value["scheduled"] == json!(true));
    let role = "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
                AWSServiceRoleForApplicationAutoScaling_ECSService";
    json!({
        "ServiceNamespace": "ecs",
        "ResourceId": resource::id(state, service),
        "ScalableDimension": DIMENSION,
        "MinCapacity": target.min_capacity,
        "MaxCapacity": target.max_capacity,
        "RoleARN": format!("arn:aws:iam::{}:{role}", crate::model::arn::ACCOUNT),
        "CreationTime": resource::creation_time(state, record, service),
        "SuspendedState": {
            "DynamicScalingInSuspended": target.suspended.scale_in,
            "DynamicScalingOutSuspended": target.suspended.scale_out,
            "ScheduledScalingSuspended": scheduled,
        },
        "ScalableTargetARN": resource::arn(state, service),
    })
}
