//! The health of targets, as the load balancer sees it now.

use serde::Deserialize;
use serde_json::{Value, json};

use super::known::Known;
use super::targets::Given;
use crate::aws::action::{Decision, Input, State};
use crate::ecs::registration;
use crate::model::target_group::HealthCheck;
use crate::model::target_health::{Target, TargetState};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    target_group_arn: Option<String>,
    targets: Vec<Given>,
    include: Vec<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (name, group) = known.target_group(asked.target_group_arn.as_deref())?;
    let snapshot = &state.snapshot;
    let mut states = registration::states(&snapshot.topology, &snapshot.world);
    let states = states.remove(name).unwrap_or_default();
    let anomalies = asked.include.iter().any(|part| part == "AnomalyDetection" || part == "All");
    let one = |state: &TargetState| self::shape(&group.health_check, state, anomalies);
    let shapes: Vec<Value> = if asked.targets.is_empty() {
        states.iter().map(one).collect()
    } else {
        let sought = |given: &Given| {
            let target = given.target(&known, name, group)?;
            let target = Target { address: target.address, port: target.port };
            let found = states.iter().find(|state| state.target == target);
            Ok(found.map_or_else(|| unregistered(&group.health_check, &target), one))
        };
        asked.targets.iter().map(sought).collect::<Result<_, Fault>>()?
    };
    Ok(Decision::members(json!({ "TargetHealthDescriptions": shapes })))
}

fn shape(check: &HealthCheck, state: &TargetState, anomalies: bool) -> Value {
    let health = &state.health;
    let mut of_health = json!({ "State": health.state().to_string() });
    if let Some(reason) = health.reason() {
        of_health["Reason"] = json!(reason.to_string());
    }
    if let Some(description) = health.description() {
        of_health["Description"] = json!(description);
    }
    let mut shape = described(check, &state.target, of_health);
    if anomalies {
        shape["AnomalyDetection"] = json!({ "Result": "normal", "MitigationInEffect": "no" });
    }
    shape
}

/// A target that is asked for, but nobody has registered.
fn unregistered(check: &HealthCheck, target: &Target) -> Value {
    let health = json!({
        "State": "unused",
        "Reason": "Target.NotRegistered",
        "Description": "Target is not registered to the target group",
    });
    described(check, target, health)
}

fn described(check: &HealthCheck, target: &Target, health: Value) -> Value {
    json!({
        "Target": { "Id": target.address.to_string(), "Port": target.port },
        "HealthCheckPort": check.port.unwrap_or(target.port).to_string(),
        "TargetHealth": health,
    })
}
