//! Versions of managed policies.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{conflict, judge_document, limit, none};
use super::policies;
use super::shapes::{self, Paging};
use crate::aws::action::{Decision, Input, State};
use crate::control::identities::{Managed, PolicyVersion};
use crate::iam::document::Purpose;
use crate::protocols::fault::Fault;

/// IAM user guide, "IAM and AWS STS quotas": versions of a managed policy that can be stored.
const MOST: usize = 5;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    policy_arn: String,
    version_id: String,
    policy_document: String,
    set_as_default: bool,
}

fn shape(policy: &Managed, version: &PolicyVersion, with_document: bool) -> Value {
    let mut shape = json!({
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default_version,
        "CreateDate": shapes::time(version.created_at),
    });
    if with_document {
        shape["Document"] = json!(shapes::document(&version.document));
    }
    shape
}

fn missing(arn: &str, id: &str) -> Fault {
    none(format!("Policy {arn} version {id} does not exist or is not attachable."))
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let policy = policies::find(state, &given.policy_arn)?;
    let version = policy.versions.iter().find(|version| version.id == given.version_id);
    let version = version.ok_or_else(|| missing(&given.policy_arn, &given.version_id))?;
    Ok(Decision::members(json!({ "PolicyVersion": shape(&policy, version, true) })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let policy = policies::find(state, &given.policy_arn)?;
    let versions: Vec<Value> = policy.versions.iter().rev().map(|version| shape(&policy, version, false)).collect();
    Ok(Decision::members(input.read::<Paging>()?.reply("Versions", &versions)?))
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut policy = policies::own(state, &given.policy_arn)?;
    judge_document(&given.policy_document, Purpose::Identity)?;
    if policy.versions.len() >= MOST {
        return Err(limit(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
        ));
    }
    let version = policy.add_version(given.policy_document, given.set_as_default, state.now);
    let reply = json!({ "PolicyVersion": shape(&policy, &version, false) });
    Ok(Decision::edit_members(policy.put(&given.policy_arn), move |_| Ok(reply)))
}

pub(super) fn set_default(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut policy = policies::own(state, &given.policy_arn)?;
    if !policy.versions.iter().any(|version| version.id == given.version_id) {
        return Err(missing(&given.policy_arn, &given.version_id));
    }
    policy.default_version = given.version_id;
    policy.updated_at = state.now;
    Ok(Decision::done(policy.put(&given.policy_arn)))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut policy = policies::own(state, &given.policy_arn)?;
    if policy.default_version == given.version_id {
        return Err(conflict("Cannot delete the default version of a policy."));
    }
    let before = policy.versions.len();
    policy.versions.retain(|version| version.id != given.version_id);
    if policy.versions.len() == before {
        return Err(missing(&given.policy_arn, &given.version_id));
    }
    Ok(Decision::done(policy.put(&given.policy_arn)))
}
