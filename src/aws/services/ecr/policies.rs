//! The policies of a repository: who may use it, and which images are to expire. Both are remembered; nothing expires here,
//! and nobody from another account asks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::invalid;
use super::repository::Repository;
use crate::aws::action::{Decision, Input, State};
use crate::control::identities::DECLARED_AT;
use crate::model::arn::ACCOUNT;
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    registry_id: Option<String>,
    repository_name: String,
    lifecycle_policy_text: String,
    policy_text: String,
}

impl Given {
    fn repository(&self, state: &State) -> Result<Repository, Fault> {
        Repository::find(state, &self.repository_name, self.registry_id.as_deref())
    }
}

fn shape(repository: &Repository, member: &str, text: &str) -> Value {
    json!({ "registryId": ACCOUNT, "repositoryName": repository.repository_name, member: text })
}

fn none(code: &'static str, policy: &str, repository: &Repository) -> Fault {
    let name = &repository.repository_name;
    let message = format!(
        "{policy} policy does not exist for the repository with name '{name}' in the registry with id '{ACCOUNT}'"
    );
    Fault::new(code, message)
}

fn no_lifecycle(repository: &Repository) -> Fault {
    none("LifecyclePolicyNotFoundException", "Lifecycle", repository)
}

fn no_policy(repository: &Repository) -> Fault {
    none("RepositoryPolicyNotFoundException", "Repository", repository)
}

pub(super) fn put_lifecycle(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut repository = given.repository(state)?;
    let document: Value = serde_json::from_str(&given.lifecycle_policy_text).unwrap_or_default();
    if document["rules"].as_array().is_none_or(Vec::is_empty) {
        return Err(invalid(
            "LifecyclePolicyText",
            "Lifecycle policy validation failure: must have at least one of `rules`",
        ));
    }
    let reply = shape(&repository, "lifecyclePolicyText", &given.lifecycle_policy_text);
    repository.lifecycle_policy = Some(given.lifecycle_policy_text);
    Ok(Decision::edit(repository.put(), |_| Ok(reply)))
}

pub(super) fn get_lifecycle(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let repository = input.read::<Given>()?.repository(state)?;
    let text = repository.lifecycle_policy.as_ref().ok_or_else(|| no_lifecycle(&repository))?;
    let mut reply = shape(&repository, "lifecyclePolicyText", text);
    reply["lastEvaluatedAt"] = json!(EpochSeconds(DECLARED_AT));
    Ok(Decision::reply(reply))
}

pub(super) fn delete_lifecycle(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let mut repository = input.read::<Given>()?.repository(state)?;
    let text = repository.lifecycle_policy.take().ok_or_else(|| no_lifecycle(&repository))?;
    let mut reply = shape(&repository, "lifecyclePolicyText", &text);
    reply["lastEvaluatedAt"] = json!(EpochSeconds(DECLARED_AT));
    Ok(Decision::edit(repository.put(), |_| Ok(reply)))
}

pub(super) fn set_repository(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut repository = given.repository(state)?;
    let document: Value = serde_json::from_str(&given.policy_text).unwrap_or_default();
    if document.get("Statement").is_none() {
        return Err(invalid("PolicyText", "Invalid repository policy provided"));
    }
    let reply = shape(&repository, "policyText", &given.policy_text);
    repository.policy = Some(given.policy_text);
    Ok(Decision::edit(repository.put(), |_| Ok(reply)))
}

pub(super) fn get_repository(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let repository = input.read::<Given>()?.repository(state)?;
    let text = repository.policy.as_ref().ok_or_else(|| no_policy(&repository))?;
    Ok(Decision::reply(shape(&repository, "policyText", text)))
}

pub(super) fn delete_repository(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let mut repository = input.read::<Given>()?.repository(state)?;
    let text = repository.policy.take().ok_or_else(|| no_policy(&repository))?;
    let reply = shape(&repository, "policyText", &text);
    Ok(Decision::edit(repository.put(), |_| Ok(reply)))
}
