//! Tags of certificates.

use serde::Deserialize;
use serde_json::json;

use super::certificate::{CERTIFICATE, Found};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    certificate_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let found = Found::of(state, &given.certificate_arn)?;
    Ok(Decision::reply(json!({ "Tags": tags::upper(&found.record.tags) })))
}

pub(super) fn add(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let found = Found::of(state, &given.certificate_arn)?;
    let record = tags::added(&found.record, tags::of(given.tags))
        .map_err(|refused| Fault::new("InvalidTagException", refused.to_string()))?;
    Ok(Decision::edit(Edit::put(CERTIFICATE, found.id.as_str(), record), |_| Ok(json!({}))))
}

pub(super) fn remove(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let found = Found::of(state, &given.certificate_arn)?;
    let keys: Vec<String> = tags::of(given.tags).into_keys().collect();
    let record = tags::removed(&found.record, &keys);
    Ok(Decision::edit(Edit::put(CERTIFICATE, found.id.as_str(), record), |_| Ok(json!({}))))
}
