//! PutLogEvents.

use serde::Deserialize;
use serde_json::json;

use super::faults::invalid;
use super::streams;
use crate::aws::action::{Decision, Input, State};
use crate::aws::output::Event;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<Sent>,
}

#[derive(Deserialize)]
struct Sent {
    timestamp: i64,
    message: String,
}

pub(super) fn put(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    streams::find(state, &given.log_group_name, &given.log_stream_name)?;
    if given.log_events.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value '[]' at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    if !given.log_events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let events = given.log_events.into_iter().map(|Sent { timestamp, message }| Event { at: timestamp, text: message });
    state.output.put(&given.log_group_name, &given.log_stream_name, events.collect());
    Ok(Decision::reply(json!({ "nextSequenceToken": "1" })))
}
