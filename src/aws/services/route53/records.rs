//! Sets of records: changes of all or none, and lists in the order of names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::changes::change_info;
use super::names::{SET, find, invalid, items, name, order};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

/// The most on one page of ListResourceRecordSets.
const MOST: usize = 300;

/// What tells sets of a zone apart.
fn id(zone: &str, set: &Value) -> String {
    let text = |member: &str| set[member].as_str().unwrap_or_default();
    format!("{zone} {} {} {}", text("Name"), text("Type"), text("SetIdentifier"))
}

/// The edit that makes a set.
pub(super) fn put(zone: &str, set: Value) -> Edit {
    Edit::put(SET, id(zone, &set), Record::new(json!({ "Zone": zone, "Set": set })))
}

/// Whether a zone needs it: its own NS and SOA.
pub(super) fn is_required(set: &Value, zone: &Record) -> bool {
    set["Name"] == zone.value["Name"] && (set["Type"] == "NS" || set["Type"] == "SOA")
}

/// A set as it is kept: names are whole, and lists are lists.
fn kept(mut set: Value) -> Result<Value, Fault> {
    let given = set["Name"].as_str().unwrap_or_default().to_owned();
    if given.is_empty() || set["Type"].as_str().is_none_or(str::is_empty) {
        return Err(invalid("A resource record set needs a Name and a Type"));
    }
    set["Name"] = json!(name(&given));
    let values = items(&set["ResourceRecords"], "ResourceRecord");
    let is_alias = set["AliasTarget"].is_object();
    if values.is_empty() != is_alias {
        let kind = set["Type"].as_str().unwrap_or_default();
        let message = format!(
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], \
             but found {} in Change with [Action, Name={given}, Type={kind}, SetIdentifier=null]",
            if is_alias { "more than one" } else { "none" }
        );
        return Err(invalid(message));
    }
    if is_alias {
        let target = set["AliasTarget"]["DNSName"].as_str().unwrap_or_default();
        set["AliasTarget"]["DNSName"] = json!(name(target));
    } else {
        set["ResourceRecords"] = json!({ "ResourceRecord": values });
    }
    Ok(set)
}

/// All changes of a batch, or none (ChangeResourceRecordSets).
pub(super) fn change(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let (zone_id, zone) = find(state, asked["Id"].as_str().unwrap_or_default())?;
    let zone_name = zone.text("Name").to_owned();
    let own = state.records().of(SET).filter(|(_, set)| set.text("Zone") == zone_id);
    let mut sets: BTreeMap<String, Value> = own.map(|(id, set)| (id.to_owned(), set.value["Set"].clone())).collect();
    let before = sets.clone();
    let mut refused = Vec::new();
    let changes = items(&asked["ChangeBatch"]["Changes"], "Change");
    if changes.is_empty() {
        return Err(invalid("A change batch needs a change"));
    }
    for change in changes {
        let set = kept(change["ResourceRecordSet"].clone())?;
        let (set_name, kind) = (set["Name"].as_str().unwrap_or_default(), set["Type"].as_str().unwrap_or_default());
        let what = format!("resource record set [name='{set_name}', type='{kind}']");
        if set_name != zone_name && !set_name.ends_with(&format!(".{zone_name}")) {
            refused.push(format!("RRSet with DNS name {set_name} is not permitted in zone {zone_name}"));
            continue;
        }
        let id = id(&zone_id, &set);
        match (change["Action"].as_str().unwrap_or_default(), sets.get(&id)) {
            ("CREATE", Some(_)) => refused.push(format!("Tried to create {what} but it already exists")),
            ("CREATE" | "UPSERT", _) => {
                let conflict = sets.values().any(|other| {
                    other["Name"] == set["Name"]
                        && other["Type"] != set["Type"]
                        && (other["Type"] == "CNAME" || kind == "CNAME")
                });
                if conflict {
                    refused.push(format!(
                        "RRSet of type {kind} with DNS name {set_name} is not permitted because a conflicting RRSet of \
                         type CNAME with the same DNS name already exists in zone {zone_name}"
                    ));
                    continue;
                }
                sets.insert(id, set);
            }
            ("DELETE", None) => refused.push(format!("Tried to delete {what} but it was not found")),
            ("DELETE", Some(known)) if *known != set => {
                refused.push(format!("Tried to delete {what} but the values provided do not match the current values"));
            }
            ("DELETE", Some(known)) if is_required(known, zone) => {
                refused.push(format!(
                    "A HostedZone must contain at least one NS record for the zone itself and exactly one SOA record \
                     ({kind})"
                ));
            }
            ("DELETE", Some(_)) => {
                sets.remove(&id);
            }
            (other, _) => return Err(invalid(format!("'{other}' is no action of a change: CREATE, DELETE or UPSERT"))),
        }
    }
    if !refused.is_empty() {
        return Err(Fault::new("InvalidChangeBatch", format!("[{}]", refused.join(", "))));
    }
    let gone = before.keys().filter(|id| !sets.contains_key(*id)).map(|id| Edit::forget(SET, id));
    let mut edits: Vec<Edit> = gone.collect();
    let new = sets.into_iter().filter(|(id, set)| before.get(id) != Some(set));
    edits.extend(new.map(|(_, set)| put(&zone_id, set)));
    let change = change_info(state);
    Ok(Decision::edits(edits, move |_| Ok(Members(json!({ "ChangeInfo": change })))))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = input.whole()?;
    let text = |member: &str| asked[member].as_str();
    let (zone_id, _) = find(state, text("Id").unwrap_or_default())?;
    let place = |set: &Value| {
        let member = |member: &str| set[member].as_str().unwrap_or_default().to_owned();
        (order(&member("Name")), member("Type"), member("SetIdentifier"))
    };
    let own = state.records().of(SET).filter(|(_, set)| set.text("Zone") == zone_id);
    let mut sets: Vec<&Value> = own.map(|(_, set)| &set.value["Set"]).collect();
    sets.sort_by_key(|set| place(set));
    if let Some(name) = text("name") {
        let start = |member: &str| text(member).unwrap_or_default().to_owned();
        let from = (order(name), start("type"), start("identifier"));
        sets.retain(|set| place(set) >= from);
    }
    let most = text("maxitems").map(|most| most.parse().map_err(|_| invalid("maxitems is not a number")));
    let most: usize = most.transpose()?.unwrap_or(MOST).clamp(1, MOST);
    let next = sets.get(most).copied();
    let page = &sets[..sets.len().min(most)];
    let mut reply = json!({
        "ResourceRecordSets": { "ResourceRecordSet": page },
        "IsTruncated": next.is_some(),
        "MaxItems": most.to_string(),
    });
    if let Some(next) = next {
        reply["NextRecordName"] = next["Name"].clone();
        reply["NextRecordType"] = next["Type"].clone();
        reply["NextRecordIdentifier"] = next["SetIdentifier"].clone();
    }
    Ok(Decision::members(reply))
}
