//! Operations: what Cloud Map does after it has answered. Here all is done at once.

use serde::Deserialize;
use serde_json::json;

use crate::aws::action::{Decision, Input, State};
use crate::aws::services::secretsmanager::seconds;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::protocols::fault::Fault;

const OPERATION: &str = "servicediscovery/operation";
/// How many are remembered. Clients ask within seconds.
const MOST: usize = 100;

/// The edits with an operation that has made them, whose id is the reply.
pub(super) fn done(state: &State, kind: &str, target: (&str, &str), mut edits: Vec<Edit>) -> Decision {
    let id = format!(
        "{}-{}",
        state.ids.letters("operation", 27).to_ascii_lowercase(),
        state.ids.letters("end", 8).to_ascii_lowercase()
    );
    let value = json!({
        "Type": kind,
        "Status": "SUCCESS",
        "Targets": { target.0: target.1 },
        "CreateDate": seconds(state.now),
        "UpdateDate": seconds(state.now),
    });
    let mut known: Vec<(&str, &Record)> = state.records().of(OPERATION).collect();
    known.sort_by(|(_, one), (_, other)| at(one).total_cmp(&at(other)));
    let too_many = (known.len() + 1).saturating_sub(MOST);
    edits.extend(known.iter().take(too_many).map(|(id, _)| Edit::forget(OPERATION, *id)));
    edits.push(Edit::put(OPERATION, &id, Record::new(value)));
    Decision::edits(edits, move |_| Ok(json!({ "OperationId": id })))
}

fn at(record: &Record) -> f64 {
    record.value["CreateDate"].as_f64().unwrap_or_default()
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    operation_id: String,
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Given { operation_id: id } = input.read()?;
    let record = state.records().get(OPERATION, &id);
    let record = record.ok_or_else(|| Fault::new("OperationNotFound", format!("Can't find operation {id}")))?;
    let mut operation = record.value.clone();
    operation["Id"] = json!(id);
    Ok(Decision::reply(json!({ "Operation": operation })))
}
