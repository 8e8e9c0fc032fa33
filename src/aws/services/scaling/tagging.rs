//! Tags of scalable targets: a map, unlike other services'.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::resource::{self, TARGET, invalid};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags;
use crate::control::desired::edit::Edit;
use crate::model::ServiceName;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tags: BTreeMap<String, String>,
    tag_keys: Vec<String>,
}

fn target<'s>(state: &'s State, asked: &Asked) -> Result<&'s ServiceName, Fault> {
    let mut services = state.snapshot.topology.scalable_targets.keys();
    services.find(|service| resource::arn(state, service) == asked.resource_arn).ok_or_else(|| {
        let message = format!("The specified resource doesn't exist: {}", asked.resource_arn);
        Fault::new("ResourceNotFoundException", message)
    })
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let service = target(state, &asked)?;
    let tags = resource::record(state, TARGET, service.as_str()).tags;
    Ok(Decision::reply(json!({ "Tags": tags })))
}

pub(super) fn tag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let service = target(state, &asked)?;
    let record = tags::added(&resource::record(state, TARGET, service.as_str()), asked.tags);
    let record = record.map_err(|problem| match problem {
        tags::Refused::TooMany => Fault::new("TooManyTagsException", problem.to_string()),
        _ => invalid(problem.to_string()),
    })?;
    Ok(Decision::edit(Edit::put(TARGET, service.as_str(), record), |_| Ok(json!({}))))
}

pub(super) fn untag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let service = target(state, &asked)?;
    let record = tags::removed(&resource::record(state, TARGET, service.as_str()), &asked.tag_keys);
    Ok(Decision::edit(Edit::put(TARGET, service.as_str(), record), |_| Ok(json!({}))))
}
