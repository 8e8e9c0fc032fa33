//! Regions and zones, and other questions about the account that have one answer here.

use serde::Deserialize;
use serde_json::{Value, json};

use super::defaults::ZONES;
use super::describe::{Filter, matches};
use crate::aws::action::{Decision, Input, State};
use crate::model::arn::REGION;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    filter: Vec<Filter>,
    zone_name: Vec<String>,
    zone_id: Vec<String>,
    region_name: Vec<String>,
    attribute_name: Vec<String>,
}

pub(super) fn describe_availability_zones(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let zones = ZONES.iter().map(|(name, id)| {
        json!({
            "zoneName": name,
            "zoneId": id,
            "zoneState": "available",
            "zoneType": "availability-zone",
            "regionName": REGION,
            "groupName": format!("{REGION}-zg-1"),
            "networkBorderGroup": REGION,
            "optInStatus": "opt-in-not-required",
            "messageSet": [],
        })
    });
    let zones: Vec<Value> = zones.collect();
    let named = |zone: &Value, names: &[String], member: &str| {
        names.is_empty() || names.iter().any(|name| zone[member] == json!(name))
    };
    if let Some(unknown) = asked.zone_name.iter().find(|name| !ZONES.iter().any(|(known, _)| known == name)) {
        return Err(Fault::new("InvalidParameterValue", format!("Invalid availability zone: [{unknown}]")));
    }
    let mut found = Vec::new();
    for zone in zones {
        let is_named = named(&zone, &asked.zone_name, "zoneName") && named(&zone, &asked.zone_id, "zoneId");
        if is_named && passes(&asked.filter, &zone)? {
            found.push(zone);
        }
    }
    Ok(Decision::members(json!({ "availabilityZoneInfo": found })))
}

fn passes(filters: &[Filter], zone: &Value) -> Result<bool, Fault> {
    for Filter { name, values } in filters {
        let member = match name.as_str() {
            "state" => "zoneState",
            "zone-name" => "zoneName",
            "zone-id" => "zoneId",
            "zone-type" => "zoneType",
            "region-name" => "regionName",
            "group-name" => "groupName",
            "opt-in-status" => "optInStatus",
            _ => return Err(Fault::new("InvalidParameterValue", format!("The filter '{name}' is invalid"))),
        };
        let value = zone[member].as_str().unwrap_or_default();
        if !values.iter().any(|pattern| matches(pattern, value)) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn describe_regions(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    if let Some(unknown) = asked.region_name.iter().find(|name| *name != REGION) {
        return Err(Fault::new("InvalidParameterValue", format!("Invalid region provided: [{unknown}]")));
    }
    let region = json!({
        "regionName": REGION,
        "regionEndpoint": format!("ec2.{REGION}.amazonaws.com"),
        "optInStatus": "opt-in-not-required",
    });
    Ok(Decision::members(json!({ "regionInfo": [region] })))
}

/// The account can only have VPCs, as every account since 2013.
pub(super) fn describe_account_attributes(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = [("supported-platforms", "VPC".to_owned()), ("default-vpc", super::defaults::vpc_id())];
    let wanted = |name: &str| asked.attribute_name.is_empty() || asked.attribute_name.iter().any(|one| one == name);
    let found = known
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| json!({ "attributeName": name, "attributeValueSet": [{ "attributeValue": value }] }));
    Ok(Decision::members(json!({ "accountAttributeSet": found.collect::<Vec<_>>() })))
}
