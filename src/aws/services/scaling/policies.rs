//! Scaling policies.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::resource::{self, DIMENSION, POLICY, invalid};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::arn::{self, ACCOUNT, Arn, REGION};
use crate::model::scaling::{PredefinedMetric, ScalingMetric, TargetTracking};
use crate::model::{ScalingPolicyName, ServiceName, TargetGroupName};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Put {
    policy_name: String,
    policy_type: Option<String>,
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
    target_tracking_scaling_policy_configuration: Option<Tracking>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Tracking {
    target_value: f64,
    predefined_metric_specification: Option<Predefined>,
    scale_out_cooldown: Option<u64>,
    scale_in_cooldown: Option<u64>,
    disable_scale_in: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Predefined {
    predefined_metric_type: String,
    resource_label: Option<String>,
}

impl Tracking {
    /// What scales here; nothing for a metric that nobody measures here.
    fn settings(&self, state: &State, policy: &str) -> Result<Option<TargetTracking>, Fault> {
        let Some(metric) = &self.predefined_metric_specification else { return Ok(None) };
        let label = metric.resource_label.as_deref().filter(|label| !label.is_empty());
        let metric = match (metric.predefined_metric_type.parse(), label) {
            (Ok(PredefinedMetric::Cpu), None) => ScalingMetric::Cpu,
            (Ok(PredefinedMetric::Memory), None) => ScalingMetric::Memory,
            (Ok(PredefinedMetric::RequestCountPerTarget), Some(label)) => {
                ScalingMetric::RequestCountPerTarget(group(state, label)?)
            }
            (Ok(PredefinedMetric::RequestCountPerTarget), None) => {
                return Err(invalid(
                    "Resource label should be specified for predefined metric type ALBRequestCountPerTarget",
                ));
            }
            (Ok(_), Some(_)) => {
                return Err(invalid(
                    "You can't specify a resource label unless the metric type is ALBRequestCountPerTarget",
                ));
            }
            (Err(_), _) => {
                return Err(invalid(format!("Predefined metric of policy {policy} is not supported for ecs")));
            }
        };
        let cooldown = |given: Option<u64>| given.map_or(TargetTracking::COOLDOWN, Duration::from_secs);
        Ok(Some(TargetTracking {
            scale_out_cooldown: cooldown(self.scale_out_cooldown),
            scale_in_cooldown: cooldown(self.scale_in_cooldown),
            disable_scale_in: self.disable_scale_in,
            ..TargetTracking::new(metric, self.target_value)
        }))
    }
}

/// `app/<load balancer>/<id>/targetgroup/<group>/<id>`
fn group(state: &State, label: &str) -> Result<TargetGroupName, Fault> {
    let mut groups = state.snapshot.topology.target_groups.keys();
    let found = groups.find(|name| self::label(state, name).as_deref() == Some(label));
    found.cloned().ok_or_else(|| invalid("The resource label must name a target group of the service"))
}

fn label(state: &State, group: &TargetGroupName) -> Option<String> {
    let balancer = state.snapshot.topology.load_balancer_of(group)?;
    Some(format!("{}/{}", arn::load_balancer_id(&balancer.name), Arn::target_group(group).resource()))
}

fn key(service: &ServiceName, policy: &str) -> String {
    format!("{service}/{policy}")
}

fn policy_arn(state: &State, service: &ServiceName, policy: &str) -> String {
    let id = resource::id(state, service);
    let uuid = arn::uuid(&["scaling policy", &id, policy]);
    format!("arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:{uuid}:resource/ecs/{id}:policyName/{policy}")
}

/// The alarms that a target tracking policy makes for itself.
fn alarms(state: &State, service: &ServiceName, policy: &str, kind: &str) -> Vec<Value> {
    if kind != "TargetTrackingScaling" {
        return Vec::new();
    }
    let id = resource::id(state, service);
    let alarm = |side: &str| {
        let name = format!("TargetTracking-{id}-{side}-{}", arn::uuid(&["alarm", &id, policy, side]));
        json!({ "AlarmARN": format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"), "AlarmName": name })
    };
    vec![alarm("AlarmHigh"), alarm("AlarmLow")]
}

pub(super) fn put(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Put = input.read()?;
    let service = resource::service(state, &asked.service_namespace, &asked.resource_id, &asked.scalable_dimension)?;
    let name = asked.policy_name;
    if name.is_empty() {
        return Err(invalid("PolicyName must be specified"));
    }
    let id = key(&service, &name);
    let mut sent = input.json()?;
    let before = resource::record(state, POLICY, &id);
    sent["created"] = before.value["created"].clone();
    let kind = asked.policy_type.or_else(|| before.value["PolicyType"].as_str().map(str::to_owned));
    let kind = kind.unwrap_or_else(|| "StepScaling".to_owned());
    sent["PolicyType"] = json!(kind);
    let policy = ScalingPolicyName::new(&name);
    let mut edits = Vec::new();
    let tracking = asked.target_tracking_scaling_policy_configuration.filter(|_| kind == "TargetTrackingScaling");
    match tracking.map(|tracking| tracking.settings(state, &name)).transpose()?.flatten() {
        Some(settings) => edits.push(Edit::PutScalingPolicy { service: service.clone(), policy, settings }),
        None if !state.snapshot.topology.scalable_targets.contains_key(&service) => {
            return Err(Fault::new(
                "ObjectNotFoundException",
                format!(
                    "No scalable target registered for service namespace: ecs, resource ID: {}, scalable dimension: \
                     {DIMENSION}",
                    resource::id(state, &service)
                ),
            ));
        }
        None => {}
    }
    edits.push(Edit::put(POLICY, id, Record::new(sent)));
    Ok(Decision::edits(edits, move |state| {
        let (arn, alarms) = (policy_arn(state, &service, &name), alarms(state, &service, &name, &kind));
        Ok(json!({ "PolicyARN": arn, "Alarms": alarms }))
    }))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Put = input.read()?;
    let service = resource::service(state, &asked.service_namespace, &asked.resource_id, &asked.scalable_dimension)?;
    let id = key(&service, &asked.policy_name);
    let policy = ScalingPolicyName::new(&asked.policy_name);
    let target = state.snapshot.topology.scalable_targets.get(&service);
    let mut edits = vec![Edit::forget(POLICY, id.clone())];
    // One that is only remembered has no place in the topology.
    if state.records().get(POLICY, &id).is_none() || target.is_some_and(|target| target.policies.contains_key(&policy))
    {
        edits.push(Edit::DeleteScalingPolicy { service, policy });
    }
    Ok(Decision::edits(edits, |_| Ok(json!({}))))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    service_namespace: String,
    policy_names: Vec<String>,
    resource_id: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    resource::namespaces(&asked.service_namespace)?;
    let mut shapes = Vec::new();
    for (service, target) in &state.snapshot.topology.scalable_targets {
        if asked.resource_id.as_ref().is_some_and(|id| *id != resource::id(state, service)) {
            continue;
        }
        let own = format!("{service}/");
        let remembered = state.records().of(POLICY).filter_map(|(id, _)| id.strip_prefix(&own).map(str::to_owned));
        let mut names: Vec<String> = target.policies.keys().map(ToString::to_string).chain(remembered).collect();
        names.sort();
        names.dedup();
        names.retain(|name| asked.policy_names.is_empty() || asked.policy_names.contains(name));
        shapes.extend(names.iter().map(|name| shape(state, service, name, target.policies.get(name.as_str()))));
    }
    resource::page("ScalingPolicies", &shapes, asked.max_results, asked.next_token.as_deref()).map(Decision::reply)
}

fn shape(state: &State, service: &ServiceName, name: &str, policy: Option<&TargetTracking>) -> Value {
    let record = state.records().get(POLICY, &key(service, name));
    let kind = record.map(|record| record.text("PolicyType").to_owned());
    let kind = kind.unwrap_or_else(|| "TargetTrackingScaling".to_owned());
    let mut shape = json!({
        "PolicyARN": policy_arn(state, service, name),
        "PolicyName": name,
        "ServiceNamespace": "ecs",
        "ResourceId": resource::id(state, service),
        "ScalableDimension": DIMENSION,
        "PolicyType": kind,
        "Alarms": alarms(state, service, name, &kind),
        "CreationTime": resource::creation_time(state, record, service),
    });
    for member in ["StepScalingPolicyConfiguration", "PredictiveScalingPolicyConfiguration"] {
        if let Some(sent) = record.and_then(|record| record.value.get(member)) {
            shape[member] = sent.clone();
        }
    }
    let sent = record.and_then(|record| record.value.get("TargetTrackingScalingPolicyConfiguration").cloned());
    if let Some(tracking) = policy.map(|policy| tracking(state, policy)).or(sent) {
        shape["TargetTrackingScalingPolicyConfiguration"] = tracking;
    }
    shape
}

fn tracking(state: &State, policy: &TargetTracking) -> Value {
    let mut metric = json!({ "PredefinedMetricType": policy.metric.predefined().to_string() });
    if let ScalingMetric::RequestCountPerTarget(group) = &policy.metric
        && let Some(label) = label(state, group)
    {
        metric["ResourceLabel"] = json!(label);
    }
    json!({
        "TargetValue": policy.target_value,
        "PredefinedMetricSpecification": metric,
        "ScaleOutCooldown": policy.scale_out_cooldown.as_secs(),
        "ScaleInCooldown": policy.scale_in_cooldown.as_secs(),
        "DisableScaleIn": policy.disable_scale_in,
    })
}
