//! Hosted zones, their tags, and changes.

use serde_json::{Value, json};

use super::changes::{change_info, info, is_change};
use super::names::{SET, ZONE, find, invalid, items, name, order};
use super::records;
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, NoPage, Sizes};
use crate::aws::tags;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, Tags};
use crate::model::arn::fingerprint;
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

/// ListHostedZones gives 100 at a time.
const SIZES: Sizes = Sizes::up_to(100);

fn text<'v>(input: &'v Value, member: &str) -> &'v str {
    input[member].as_str().unwrap_or_default()
}

fn shape(state: &State, id: &str, zone: &Record) -> Value {
    let sets = state.records().of(SET).filter(|(_, set)| set.text("Zone") == id).count();
    let mut config = json!({ "PrivateZone": zone.value["PrivateZone"] });
    if !zone.text("Comment").is_empty() {
        config["Comment"] = zone.value["Comment"].clone();
    }
    json!({
        "Id": format!("/hostedzone/{id}"),
        "Name": zone.value["Name"],
        "CallerReference": zone.value["CallerReference"],
        "Config": config,
        "ResourceRecordSetCount": sets,
    })
}

/// Names of servers that answer for nobody: those of the documentation's zones (RFC 2606).
fn delegation(id: &str) -> Value {
    let servers: Vec<String> = ["com", "net", "org", "co.uk"]
        .iter()
        .map(|end| {
            let number = fingerprint(&["server", id, end]);
            format!("ns-{}.awsdns-{:02}.{end}", number % 2048, (number >> 32) % 64)
        })
        .collect();
    json!({ "NameServers": { "NameServer": servers } })
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let (zone_name, reference) = (name(text(&asked, "Name")), text(&asked, "CallerReference").to_owned());
    if zone_name == "." || zone_name.contains("..") || zone_name.len() > 255 {
        let message = format!("The domain name '{}' is invalid.", text(&asked, "Name"));
        return Err(Fault::new("InvalidDomainName", message));
    }
    if state.records().of(ZONE).any(|(_, zone)| zone.text("CallerReference") == reference) {
        let message = "A hosted zone has already been created with the specified caller reference.";
        return Err(Fault::new("HostedZoneAlreadyExists", message).with_status(409));
    }
    let id = format!("Z{}", state.ids.ec2("zone")[5..].to_ascii_uppercase());
    let config = &asked["HostedZoneConfig"];
    let value = json!({
        "Name": zone_name,
        "CallerReference": reference,
        "Comment": config["Comment"],
        "PrivateZone": text(config, "PrivateZone") == "true",
    });
    let servers = delegation(&id)["NameServers"]["NameServer"].clone();
    let listed: Vec<Value> = items(&json!({ "of": servers }), "of");
    let first = listed.first().and_then(Value::as_str).unwrap_or_default().to_owned();
    let authority = format!("{first}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
    let values: Vec<Value> =
        listed.iter().map(|server| json!({ "Value": format!("{}.", server.as_str().unwrap_or_default()) })).collect();
    let own = |kind: &str, ttl: &str, values: Value| {
        let set =
            json!({ "Name": zone_name, "Type": kind, "TTL": ttl, "ResourceRecords": { "ResourceRecord": values } });
        records::put(&id, set)
    };
    let edits = vec![
        Edit::put(ZONE, &id, Record::new(value)),
        own("NS", "172800", Value::Array(values)),
        own("SOA", "900", json!([{ "Value": authority }])),
    ];
    let change = change_info(state);
    Ok(Decision::edits(edits, move |state| {
        let (id, zone) = find(state, &id)?;
        let zone = shape(state, &id, zone);
        Ok(Members(json!({ "HostedZone": zone, "ChangeInfo": change, "DelegationSet": delegation(&id) })))
    }))
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let (id, zone) = find(state, text(&asked, "Id"))?;
    Ok(Decision::members(json!({ "HostedZone": shape(state, &id, zone), "DelegationSet": delegation(&id) })))
}

pub(super) fn update_comment(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let (id, zone) = find(state, text(&asked, "Id"))?;
    let mut zone = zone.clone();
    zone.value["Comment"] = asked["Comment"].clone();
    Ok(Decision::edit(Edit::put(ZONE, &id, zone), move |state| {
        let (id, zone) = find(state, &id)?;
        Ok(Members(json!({ "HostedZone": shape(state, &id, zone) })))
    }))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let (id, zone) = find(state, text(&asked, "Id"))?;
    let sets: Vec<_> = state.records().of(SET).filter(|(_, set)| set.text("Zone") == id).collect();
    if sets.iter().any(|(_, set)| !records::is_required(&set.value["Set"], zone)) {
        let message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
        return Err(Fault::new("HostedZoneNotEmpty", message));
    }
    let mut edits: Vec<Edit> = sets.iter().map(|(set, _)| Edit::forget(SET, *set)).collect();
    edits.push(Edit::forget(ZONE, id));
    let change = change_info(state);
    Ok(Decision::edits(edits, move |_| Ok(Members(json!({ "ChangeInfo": change })))))
}

pub(super) fn count(state: &State, _: &Input<'_>) -> Result<Decision, Fault> {
    Ok(Decision::members(json!({ "HostedZoneCount": state.records().of(ZONE).count() })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    listed(state, &asked, "marker", "NextMarker", |_| true)
}

pub(super) fn list_by_name(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let from = asked["dnsname"].as_str().map(order);
    listed(state, &asked, "hostedzoneid", "NextHostedZoneId", |zone| {
        from.as_ref().is_none_or(|from| order(zone.text("Name")) >= *from)
    })
}

/// Zones in the order of their names.
fn listed(
    state: &State,
    asked: &Value,
    token: &str,
    next_token: &str,
    is_wanted: impl Fn(&Record) -> bool,
) -> Result<Decision, Fault> {
    let mut zones: Vec<(&str, &Record)> = state.records().of(ZONE).filter(|(_, zone)| is_wanted(zone)).collect();
    zones.sort_by_key(|(_, zone)| order(zone.text("Name")));
    let most = asked["maxitems"].as_str().map(|most| most.parse().map_err(|_| invalid("maxitems is not a number")));
    let most: usize = most.transpose()?.unwrap_or(SIZES.default);
    let (page, next) =
        pages::page(&zones, SIZES, Some(most.clamp(1, SIZES.largest)), asked[token].as_str()).map_err(|no_page| {
            match no_page {
                NoPage::Size => invalid("maxitems is not between 1 and 100"),
                NoPage::Token => {
                    Fault::new("NoSuchHostedZone", "No hosted zone found with that marker").with_status(404)
                }
            }
        })?;
    let zones: Vec<Value> = page.iter().map(|(id, zone)| shape(state, id, zone)).collect();
    let mut reply = json!({
        "HostedZones": { "HostedZone": zones },
        "IsTruncated": next.is_some(),
        "MaxItems": most.to_string(),
    });
    if next_token == "NextMarker" {
        reply["Marker"] = json!(text(asked, token));
    }
    Ok(Decision::members(pages::with_token(reply, next_token, next)))
}

pub(super) fn get_change(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let id = text(&asked, "Id");
    if !is_change(id) {
        return Err(Fault::new("NoSuchChange", format!("Could not find resource with ID: {id}")).with_status(404));
    }
    Ok(Decision::members(json!({ "ChangeInfo": info(&format!("/change/{id}"), state.now) })))
}

pub(super) fn list_tags(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let (id, zone) = tagged(state, &asked)?;
    Ok(Decision::members(json!({
        "ResourceTagSet": { "ResourceType": "hostedzone", "ResourceId": id, "Tags": { "Tag": tags::upper(&zone.tags) } },
    })))
}

fn tagged<'s>(state: &'s State, asked: &Value) -> Result<(String, &'s Record), Fault> {
    match text(asked, "ResourceType") {
        "hostedzone" => find(state, text(asked, "ResourceId")),
        other => Err(invalid(format!("neargate has no resources of type '{other}'"))),
    }
}

pub(super) fn change_tags(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let (id, zone) = tagged(state, &asked)?;
    let keys = items(&asked["RemoveTagKeys"], "Key");
    let keys: Vec<String> = keys.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let new: Tags = items(&asked["AddTags"], "Tag")
        .iter()
        .map(|tag| (text(tag, "Key").to_owned(), text(tag, "Value").to_owned()))
        .collect();
    let zone = tags::added(&tags::removed(zone, &keys), new).map_err(|refused| invalid(refused.to_string()))?;
    Ok(Decision::edit(Edit::put(ZONE, id, zone), |_| Ok(Members(json!({})))))
}
