//! Log groups: those that clients create, and those that tasks write to.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, no_group};
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::aws::tags;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, Tags};
use crate::control::identities::DECLARED_AT;
use crate::ecs::log_stream::LogStream;
use crate::model::arn::{ACCOUNT, REGION};
use crate::protocols::fault::Fault;

pub(super) const GROUP: &str = "logs/group";
/// Streams of a group that clients created, by `group:stream`: neither may have a colon.
pub(super) const STREAM: &str = "logs/stream";

/// API reference, PutRetentionPolicy.
const RETENTIONS: &[u64] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Given {
    pub(super) log_group_name: String,
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    retention_in_days: u64,
    kms_key_id: Option<String>,
    log_group_class: Option<String>,
    pub(super) tags: Tags,
    limit: Option<usize>,
    next_token: Option<String>,
}

/// The groups to which tasks write, or wrote. On AWS they would have been created before, or by `awslogs-create-group`.
fn written(state: &State) -> impl Iterator<Item = String> {
    let topology = &state.snapshot.topology;
    let declared = topology.services.values().map(|service| &service.task_definition);
    let declared =
        declared.flat_map(|definition| definition.containers.iter().filter_map(|one| one.log_configuration.as_ref()));
    let tasks = state.snapshot.world.tasks.values();
    let ran = tasks.flat_map(|task| {
        let spec = &task.spec;
        spec.definition.containers.iter().map(move |container| LogStream::new(spec, container).group)
    });
    declared.map(|log| log.group.clone()).chain(ran)
}

/// A group by name.
pub(super) fn find(state: &State, name: &str) -> Result<Record, Fault> {
    let record = state.desired.records().get(GROUP, name).cloned();
    record.or_else(|| written(state).any(|known| known == name).then(made)).ok_or_else(no_group)
}

fn made() -> Record {
    Record::new(json!({ "creationTime": DECLARED_AT.as_millisecond() }))
}

/// All groups by name.
fn all(state: &State) -> BTreeMap<String, Record> {
    let recorded = state.desired.records().of(GROUP).map(|(name, record)| (name.to_owned(), record.clone()));
    written(state).map(|name| (name, made())).chain(recorded).collect()
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}")
}

/// The name in an ARN, with or without `:*` behind it.
pub(super) fn name_in(arn: &str) -> &str {
    let name = arn.split_once(":log-group:").map_or(arn, |(_, name)| name);
    name.strip_suffix(":*").unwrap_or(name)
}

fn judge_name(name: &str) -> Result<(), Fault> {
    let is_good = |symbol: char| symbol.is_ascii_alphanumeric() || "_-/.#".contains(symbol);
    if (1..=512).contains(&name.len()) && name.chars().all(is_good) {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    )))
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    judge_name(&given.log_group_name)?;
    if find(state, &given.log_group_name).is_ok() {
        return Err(Fault::new("ResourceAlreadyExistsException", "The specified log group already exists"));
    }
    tags::judge(&given.tags).map_err(|refused| invalid(refused.to_string()))?;
    let mut value = json!({ "creationTime": state.now.as_millisecond() });
    if let Some(key) = given.kms_key_id {
        value["kmsKeyId"] = json!(key);
    }
    if let Some(class) = given.log_group_class {
        value["logGroupClass"] = json!(class);
    }
    let edit = Edit::put(GROUP, given.log_group_name, Record::new(value).with(given.tags));
    Ok(Decision::edit(edit, |_| Ok(json!({}))))
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let prefix = given.log_group_name_prefix.unwrap_or_default();
    let pattern = given.log_group_name_pattern.unwrap_or_default();
    let groups = all(state);
    let wanted = groups.iter().filter(|(name, _)| name.starts_with(&prefix) && name.contains(&pattern));
    let shapes: Vec<Value> = wanted.map(|(name, record)| shape(name, record)).collect();
    let (page, next) = pages::page(&shapes, Sizes::up_to(50), given.limit, given.next_token.as_deref())
        .map_err(|_| invalid("The specified nextToken is invalid."))?;
    Ok(Decision::reply(pages::with_token(json!({ "logGroups": page }), "nextToken", next)))
}

fn shape(name: &str, record: &Record) -> Value {
    let mut shape = json!({
        "logGroupName": name,
        "creationTime": record.value["creationTime"],
        "metricFilterCount": 0,
        "arn": format!("{}:*", arn(name)),
        "logGroupArn": arn(name),
        "storedBytes": 0,
        "logGroupClass": record.value["logGroupClass"].as_str().unwrap_or("STANDARD"),
    });
    for member in ["retentionInDays", "kmsKeyId"] {
        if !record.value[member].is_null() {
            shape[member] = record.value[member].clone();
        }
    }
    shape
}

pub(super) fn put_retention(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut record = find(state, &given.log_group_name)?;
    if !RETENTIONS.contains(&given.retention_in_days) {
        let known: Vec<String> = RETENTIONS.iter().map(u64::to_string).collect();
        return Err(invalid(format!(
            "1 validation error detected: Value '{}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy \
             enum value set: [{}]",
            given.retention_in_days,
            known.join(", ")
        )));
    }
    record.value["retentionInDays"] = json!(given.retention_in_days);
    Ok(Decision::edit(Edit::put(GROUP, given.log_group_name, record), |_| Ok(json!({}))))
}

pub(super) fn delete_retention(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut record = find(state, &given.log_group_name)?;
    if let Some(members) = record.value.as_object_mut() {
        members.shift_remove("retentionInDays");
    }
    Ok(Decision::edit(Edit::put(GROUP, given.log_group_name, record), |_| Ok(json!({}))))
}

/// With its streams. A group that tasks write to is there again at once, as `awslogs-create-group` would have it.
pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    find(state, &given.log_group_name)?;
    let of_group = format!("{}:", given.log_group_name);
    let streams = state.desired.records().of(STREAM).map(|(id, _)| id).filter(|id| id.starts_with(&of_group));
    let streams: Vec<Edit> = streams.map(|id| Edit::forget(STREAM, id)).collect();
    let edits = streams.into_iter().chain([Edit::forget(GROUP, given.log_group_name)]).collect();
    Ok(Decision::edits(edits, |_| Ok(json!({}))))
}
