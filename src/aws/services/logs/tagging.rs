//! Tags of log groups, by ARN or, as it used to be, by name.

use serde::Deserialize;
use serde_json::json;

use super::faults::invalid;
use super::groups::{self, GROUP};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Tags;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    resource_arn: String,
    log_group_name: String,
    tags: Tags,
    tag_keys: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Untagged {
    log_group_name: String,
    /// UntagLogGroup calls the keys so.
    tags: Vec<String>,
}

fn listed(state: &State, name: &str) -> Result<Decision, Fault> {
    Ok(Decision::reply(json!({ "tags": groups::find(state, name)?.tags })))
}

fn tagged(state: &State, name: &str, given: Tags) -> Result<Decision, Fault> {
    let record = tags::added(&groups::find(state, name)?, given).map_err(|refused| invalid(refused.to_string()))?;
    Ok(Decision::edit(Edit::put(GROUP, name, record), |_| Ok(json!({}))))
}

fn untagged(state: &State, name: &str, keys: &[String]) -> Result<Decision, Fault> {
    let record = tags::removed(&groups::find(state, name)?, keys);
    Ok(Decision::edit(Edit::put(GROUP, name, record), |_| Ok(json!({}))))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    listed(state, groups::name_in(&given.resource_arn))
}

pub(super) fn list_of_group(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    listed(state, &given.log_group_name)
}

pub(super) fn tag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    tagged(state, groups::name_in(&given.resource_arn), given.tags)
}

pub(super) fn tag_group(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    tagged(state, &given.log_group_name, given.tags)
}

pub(super) fn untag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    untagged(state, groups::name_in(&given.resource_arn), &given.tag_keys)
}

pub(super) fn untag_group(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Untagged = input.read()?;
    untagged(state, &given.log_group_name, &given.tags)
}
