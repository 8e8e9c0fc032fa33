//! What a service was created with that means nothing here: it comes back as it was sent, since Terraform compares it.

use serde_json::{Map, Value, json};

use super::names::invalid;
use crate::aws::action::State;
use crate::aws::tags::Refused;
use crate::control::desired::records::{Record, Tags};
use crate::model::ServiceName;
use crate::protocols::fault::Fault;

/// What is remembered of a service, by its name.
pub(super) const SERVICE: &str = "ecs/service";
/// The last description of a service that was deleted, by its name: "INACTIVE services can be described for some time" (ECS
/// API, DeleteService).
pub(super) const INACTIVE: &str = "ecs/inactive-service";

/// Members that are returned as they were sent.
const MEMBERS: [&str; 13] = [
    "networkConfiguration",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "placementConstraints",
    "placementStrategy",
    "deploymentController",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "propagateTags",
    "availabilityZoneRebalancing",
    "serviceRegistries",
    "role",
];

/// Members that are described with a deployment.
const OF_DEPLOYMENTS: [&str; 3] = ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];

/// What is remembered.
pub(super) fn record(state: &State, name: &ServiceName) -> Option<Record> {
    state.records().get(SERVICE, name.as_str()).cloned()
}

/// What is to be remembered after a request.
pub(super) fn after(before: Option<Record>, sent: &Value) -> Record {
    let mut record = before.unwrap_or_else(|| Record::new(json!({})));
    for member in MEMBERS.iter().chain(&OF_DEPLOYMENTS) {
        if let Some(value) = sent.get(*member) {
            record.value[*member] = value.clone();
        }
    }
    // A function that a hook names asks nothing here, and rules are known by the ARNs that they were named by.
    let hooks = sent.pointer("/deploymentConfiguration/lifecycleHooks");
    let members = [("lifecycleHooks", hooks), ("loadBalancers", sent.get("loadBalancers"))];
    for (member, value) in members.into_iter().filter_map(|(member, value)| Some((member, value?))) {
        record.value[member] = value.clone();
    }
    record
}

/// The same with tags.
pub(super) fn tagged(record: Record, tags: Tags) -> Result<Record, Fault> {
    let judged = crate::aws::tags::judge(&tags);
    judged.map_err(|problem: Refused| invalid(problem.to_string()))?;
    Ok(record.with(tags))
}

/// A description with what is remembered in place of what is the default.
pub(super) fn overlay(shape: &mut Value, record: &Record) {
    let Some(members) = shape.as_object_mut() else { return };
    for member in MEMBERS {
        let Some(value) = record.value.get(member) else { continue };
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        match member {
            "role" => {}
            // An empty list means that it was not given.
            _ if is_empty => {}
            "networkConfiguration" => members.insert(member.to_owned(), network(value)).map_or((), drop),
            _ => members.insert(member.to_owned(), value.clone()).map_or((), drop),
        }
    }
    if let Some(hooks) = record.value.get("lifecycleHooks")
        && let Some(configuration) = members.get_mut("deploymentConfiguration")
    {
        configuration["lifecycleHooks"] = hooks.clone();
    }
    overlay_load_balancers(members, record);
    // A service has one or the other.
    if members.get("capacityProviderStrategy").is_some() {
        members.remove("launchType");
    }
    let deployments = members.get_mut("deployments").and_then(Value::as_array_mut);
    for deployment in deployments.into_iter().flatten().filter_map(Value::as_object_mut) {
        overlay_deployment(deployment, record);
    }
}

/// `advancedConfiguration` as it was sent, with the role that ECS would use.
fn overlay_load_balancers(members: &mut Map<String, Value>, record: &Record) {
    let sent = record.value.get("loadBalancers").and_then(Value::as_array);
    let shown = members.get_mut("loadBalancers").and_then(Value::as_array_mut);
    for (shown, sent) in shown.into_iter().flatten().zip(sent.into_iter().flatten()) {
        let advanced = sent.get("advancedConfiguration").filter(|_| shown["targetGroupArn"] == sent["targetGroupArn"]);
        if let Some(advanced) = advanced {
            shown["advancedConfiguration"] = advanced.clone();
        }
    }
}

fn overlay_deployment(deployment: &mut Map<String, Value>, record: &Record) {
    if let Some(sent) = record.value.get("networkConfiguration") {
        deployment.insert("networkConfiguration".to_owned(), network(sent));
    }
    if let Some(strategy) = record.value.get("capacityProviderStrategy").filter(|value| *value != &json!([])) {
        deployment.insert("capacityProviderStrategy".to_owned(), strategy.clone());
        deployment.remove("launchType");
    }
    if deployment.get("status").is_some_and(|status| status == "PRIMARY") {
        for member in OF_DEPLOYMENTS {
            if let Some(value) = record.value.get(member).filter(|value| *value != &json!([])) {
                deployment.insert(member.to_owned(), value.clone());
            }
        }
    }
}

/// With the lists that were not given.
fn network(sent: &Value) -> Value {
    let mut network = sent.clone();
    if let Some(awsvpc) = network.get_mut("awsvpcConfiguration").and_then(Value::as_object_mut) {
        awsvpc.entry("securityGroups").or_insert_with(|| json!([]));
        awsvpc.entry("assignPublicIp").or_insert_with(|| json!("DISABLED"));
    }
    network
}
