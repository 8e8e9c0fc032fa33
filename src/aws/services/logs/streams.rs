//! Log streams.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, no_stream};
use super::groups::{self, STREAM};
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::control::identities::DECLARED_AT;
use crate::ecs::log_stream::LogStream;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    log_group_name: String,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    descending: bool,
    limit: Option<usize>,
    next_token: Option<String>,
}

/// The streams of a group, with the times of their creation: those of tasks, those whose files are left, and those that clients
/// created.
pub(super) fn of_group(state: &State, group: &str) -> BTreeMap<String, i64> {
    let tasks = state.snapshot.world.tasks.values();
    let of_tasks = tasks.flat_map(|task| {
        let spec = &task.spec;
        let at = task.created_at.as_millisecond();
        spec.definition.containers.iter().map(move |container| (LogStream::new(spec, container), at))
    });
    let written = of_tasks.filter(|(stream, _)| stream.group == group).map(|(stream, at)| (stream.name, at));
    let left = state.output.streams(group).into_iter().map(|name| (name, DECLARED_AT.as_millisecond()));
    let prefix = format!("{group}:");
    let recorded = state.desired.records().of(STREAM).filter_map(|(id, record)| {
        let name = id.strip_prefix(&prefix)?.to_owned();
        Some((name, record.value["creationTime"].as_i64().unwrap_or_default()))
    });
    left.chain(recorded).chain(written).collect()
}

pub(super) fn find(state: &State, group: &str, stream: &str) -> Result<(), Fault> {
    groups::find(state, group)?;
    if of_group(state, group).contains_key(stream) { Ok(()) } else { Err(no_stream()) }
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    groups::find(state, &given.log_group_name)?;
    let name = &given.log_stream_name;
    if name.is_empty() || name.len() > 512 || name.contains([':', '*']) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'logStreamName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [^:*]*"
        )));
    }
    if of_group(state, &given.log_group_name).contains_key(name) {
        return Err(Fault::new("ResourceAlreadyExistsException", "The specified log stream already exists"));
    }
    let record = Record::new(json!({ "creationTime": state.now.as_millisecond() }));
    let edit = Edit::put(STREAM, format!("{}:{name}", given.log_group_name), record);
    Ok(Decision::edit(edit, |_| Ok(json!({}))))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    find(state, &given.log_group_name, &given.log_stream_name)?;
    state.output.forget(&given.log_group_name, &given.log_stream_name);
    let edit = Edit::forget(STREAM, format!("{}:{}", given.log_group_name, given.log_stream_name));
    Ok(Decision::edit(edit, |_| Ok(json!({}))))
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let group = match &given.log_group_identifier {
        Some(arn) => groups::name_in(arn),
        None => &given.log_group_name,
    };
    groups::find(state, group)?;
    let prefix = given.log_stream_name_prefix.unwrap_or_default();
    let streams = of_group(state, group);
    let wanted = streams.iter().filter(|(name, _)| name.starts_with(&prefix));
    let mut shapes: Vec<Value> = wanted.map(|(name, at)| shape(state, group, name, *at)).collect();
    if given.order_by.as_deref() == Some("LastEventTime") {
        shapes.sort_by_key(|shape| shape["lastEventTimestamp"].as_i64());
    }
    if given.descending {
        shapes.reverse();
    }
    let (page, next) = pages::page(&shapes, Sizes::up_to(50), given.limit, given.next_token.as_deref())
        .map_err(|_| invalid("The specified nextToken is invalid."))?;
    Ok(Decision::reply(pages::with_token(json!({ "logStreams": page }), "nextToken", next)))
}

fn shape(state: &State, group: &str, name: &str, at: i64) -> Value {
    let mut shape = json!({
        "logStreamName": name,
        "creationTime": at,
        "arn": format!("{}:log-stream:{name}", groups::arn(group)),
        "storedBytes": 0,
        "uploadSequenceToken": "1",
    });
    let events = state.output.events(group, name);
    if let (Some(first), Some(last)) = (events.first(), events.last()) {
        shape["firstEventTimestamp"] = json!(first.at);
        shape["lastEventTimestamp"] = json!(last.at);
        shape["lastIngestionTime"] = json!(last.at);
    }
    shape
}
