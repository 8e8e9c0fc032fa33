//! Tags (EC2 API reference, CreateTags, DeleteTags, DescribeTags).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::done;
use super::describe::{Filter, matches};
use super::groups;
use super::kinds::{Kind, SECURITY_GROUP, SECURITY_GROUP_RULE};
use super::specification::refused;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, Tags};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Tagged {
    resource_id: Vec<String>,
    tag: Vec<Given>,
}

/// A tag to be created, or one to be deleted: without a value, whatever that is.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    key: String,
    value: Option<String>,
}

/// A record of the resource, which one of the topology has only if it is remembered for something.
fn record(state: &State, id: &str) -> Result<(&'static Kind, Record), Fault> {
    let kind = Kind::of(id).ok_or_else(|| Fault::new("InvalidID", format!("The ID '{id}' is not valid")))?;
    let record = match kind.record {
        known if known == SECURITY_GROUP.record => groups::record(state, id)?,
        known if known == SECURITY_GROUP_RULE.record => groups::rule_record(state, id)?,
        _ => kind.find(state, id)?.into_owned(),
    };
    Ok((kind, record))
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Tagged { resource_id, tag } = input.read()?;
    let new: Tags = tag.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())).collect();
    changed(state, &resource_id, |record| tags::added(&record, new.clone()).map_err(refused))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Tagged { resource_id, tag } = input.read()?;
    let goes = |key: &str, value: &str| {
        tag.is_empty() || tag.iter().any(|one| one.key == key && one.value.as_deref().is_none_or(|own| own == value))
    };
    changed(state, &resource_id, |mut record| {
        record.tags.retain(|key, value| !goes(key, value));
        Ok(record)
    })
}

fn changed(state: &State, ids: &[String], change: impl Fn(Record) -> Result<Record, Fault>) -> Result<Decision, Fault> {
    let edits = ids.iter().map(|id| {
        let (kind, record) = record(state, id)?;
        Ok(Edit::put(kind.record, id, change(record)?))
    });
    let edits = edits.collect::<Result<_, Fault>>()?;
    Ok(Decision::edits(edits, |_| Ok(done())))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    filter: Vec<Filter>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Described { filter } = input.read()?;
    let mut found = Vec::new();
    for kind in Kind::all() {
        let of_records = state.records().of(kind.record);
        for (id, key, value) in of_records.flat_map(|(id, record)| record.tags.iter().map(move |(k, v)| (id, k, v))) {
            let members = BTreeMap::from([
                ("resource-id", id),
                ("resource-type", kind.resource_type),
                ("key", key.as_str()),
                ("value", value.as_str()),
            ]);
            let passes = |filter: &Filter| {
                let member = filter
                    .name
                    .strip_prefix("tag:")
                    .map_or_else(|| members.get(filter.name.as_str()), |own| (own == key).then_some(&members["value"]));
                member.is_some_and(|member| filter.values.iter().any(|pattern| matches(pattern, member)))
            };
            if filter.iter().all(passes) {
                found.push(json!({
                    "resourceId": id, "resourceType": kind.resource_type, "key": key, "value": value,
                }));
            }
        }
    }
    Ok(Decision::members(json!({ "tagSet": Value::Array(found) })))
}
