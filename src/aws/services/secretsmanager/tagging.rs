//! TagResource, UntagResource.

use serde::Deserialize;
use serde_json::json;

use super::faults::parameter;
use super::secret::Secret;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    secret_id: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

pub(super) fn tag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut secret = Secret::live(state, &given.secret_id)?;
    secret.tags.extend(tags::of(given.tags));
    tags::judge(&secret.tags).map_err(|refused| parameter(refused.to_string()))?;
    Ok(Decision::edit(secret.put(), |_| Ok(json!({}))))
}

pub(super) fn untag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut secret = Secret::live(state, &given.secret_id)?;
    secret.tags.retain(|key, _| !given.tag_keys.contains(key));
    Ok(Decision::edit(secret.put(), |_| Ok(json!({}))))
}
