//! Tags of parameters.

use serde::Deserialize;
use serde_json::json;

use super::parameter::Parameter;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    resource_type: String,
    resource_id: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

fn find(state: &State, given: &Given) -> Result<Parameter, Fault> {
    let found = Parameter::find(state, &given.resource_id).filter(|_| given.resource_type == "Parameter");
    found.ok_or_else(|| Fault::new("InvalidResourceId", ""))
}

pub(super) fn add(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut parameter = find(state, &given)?;
    parameter.tags.extend(tags::of(given.tags));
    tags::judge(&parameter.tags).map_err(|refused| Fault::new("ValidationException", refused.to_string()))?;
    Ok(Decision::edit(parameter.put(), |_| Ok(json!({}))))
}

pub(super) fn remove(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut parameter = find(state, &given)?;
    parameter.tags.retain(|key, _| !given.tag_keys.contains(key));
    Ok(Decision::edit(parameter.put(), |_| Ok(json!({}))))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let parameter = find(state, &given)?;
    Ok(Decision::reply(json!({ "TagList": tags::upper(&parameter.tags) })))
}
