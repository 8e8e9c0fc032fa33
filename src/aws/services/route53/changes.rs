//! Changes, which are everywhere at once.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::action::State;
use crate::model::arn::fingerprint;
use crate::protocols::timestamp::Iso8601;

/// A change, which is everywhere at once. Its id proves that it was given out here.
pub(super) fn change_info(state: &State) -> Value {
    let seed = state.ids.ec2("change")[7..].to_ascii_uppercase();
    let id = format!("/change/C{seed}{}", proof(&seed));
    info(&id, state.now)
}

pub(super) fn info(id: &str, at: Timestamp) -> Value {
    json!({ "Id": id, "Status": "INSYNC", "SubmittedAt": Iso8601(at) })
}

fn proof(seed: &str) -> String {
    format!("{:04X}", fingerprint(&["change", seed]) & 0xffff)
}

/// Whether an id was given to a change.
pub(super) fn is_change(id: &str) -> bool {
    let seed_and_proof = id.strip_prefix('C').and_then(|rest| rest.split_at_checked(rest.len().checked_sub(4)?));
    seed_and_proof.is_some_and(|(seed, given)| proof(seed) == given)
}
