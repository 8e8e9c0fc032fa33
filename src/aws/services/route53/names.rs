//! What zones and their records are called, and how they are found.

use serde_json::Value;

use crate::aws::action::State;
use crate::control::desired::records::Record;
use crate::protocols::fault::Fault;

/// Of the records of hosted zones.
pub(super) const ZONE: &str = "route53/hosted-zone";
/// Of the records of sets of records.
pub(super) use crate::control::desired::records::RECORD_SET as SET;

/// A name as Route 53 keeps it: in lower case, with a dot at its end, with `\052` for `*`.
pub(super) fn name(given: &str) -> String {
    let lower = given.trim_end_matches('.').to_ascii_lowercase().replace('*', "\\052");
    format!("{lower}.")
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidInput", message)
}

/// Items of an element that is read as itself if there is only one.
pub(super) fn items(value: &Value, member: &str) -> Vec<Value> {
    match &value[member] {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

/// Names are in the order of their labels from the end (ListResourceRecordSets, "Sort order").
pub(super) fn order(given: &str) -> Vec<String> {
    name(given).trim_end_matches('.').rsplit('.').map(str::to_owned).collect()
}

/// The zone with that id, which may come with its kind.
pub(super) fn find<'s>(state: &'s State, id: &str) -> Result<(String, &'s Record), Fault> {
    let id = id.trim_start_matches("/hostedzone/");
    let found = state.records().get(ZONE, id).map(|zone| (id.to_owned(), zone));
    found.ok_or_else(|| Fault::new("NoSuchHostedZone", format!("No hosted zone found with ID: {id}")).with_status(404))
}
