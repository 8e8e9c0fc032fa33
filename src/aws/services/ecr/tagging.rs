//! Tags of repositories.

use serde::Deserialize;
use serde_json::json;

use super::faults::{self, invalid};
use super::repository::Repository;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    resource_arn: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

impl Given {
    fn repository(&self, state: &State) -> Result<Repository, Fault> {
        let name = self.resource_arn.split_once(":repository/").map(|(_, name)| name);
        let name = name.ok_or_else(|| invalid("resourceArn", "must be the ARN of a repository"))?;
        Repository::find(state, name, None)
    }
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let repository = input.read::<Given>()?.repository(state)?;
    Ok(Decision::reply(json!({ "tags": tags::upper(&repository.tags) })))
}

pub(super) fn tag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut repository = given.repository(state)?;
    repository.tags.extend(tags::of(given.tags));
    tags::judge(&repository.tags).map_err(|refused| faults::tags(&refused))?;
    Ok(Decision::edit(repository.put(), |_| Ok(json!({}))))
}

pub(super) fn untag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut repository = given.repository(state)?;
    repository.tags.retain(|key, _| !given.tag_keys.contains(key));
    Ok(Decision::edit(repository.put(), |_| Ok(json!({}))))
}
