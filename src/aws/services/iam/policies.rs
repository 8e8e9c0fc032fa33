//! Managed policies.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{conflict, exists, invalid, judge_document, judge_name, none, of_the_file};
use super::shapes::{self, Paging};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::identities::{self as account, Account, Managed};
use crate::iam::document::Purpose;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    policy_name: String,
    policy_document: String,
    path: Option<String>,
    description: Option<String>,
    policy_arn: String,
    scope: Option<String>,
    only_attached: bool,
    tags: Vec<Tag>,
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    judge_name("policyName", &given.policy_name, 128)?;
    judge_document(&given.policy_document, Purpose::Identity)?;
    let path = shapes::path(given.path)?;
    let arn = account::policy_arn(&given.policy_name, &path);
    if Account::of(&state.desired).policy(&arn).is_some() {
        return Err(exists(format!(
            "A policy called {} already exists. Duplicate names are not allowed.",
            given.policy_name
        )));
    }
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| invalid(refused.to_string()))?;
    let description = given.description.filter(|text| !text.is_empty());
    let policy = Managed::new(&given.policy_name, &path, given.policy_document, description, tags, state.now);
    let shape = shape(state, &arn, &policy, true);
    Ok(Decision::edit_members(policy.put(&arn), move |_| Ok(json!({ "Policy": shape }))))
}

fn shape(state: &State, arn: &str, policy: &Managed, whole: bool) -> Value {
    let (attached, boundaries) = Account::of(&state.desired).attachments(arn);
    let mut shape = json!({
        "PolicyName": policy.name,
        "PolicyId": account::unique_id("ANPA", arn),
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": boundaries,
        "IsAttachable": true,
        "CreateDate": shapes::time(policy.created_at),
        "UpdateDate": shapes::time(policy.updated_at),
    });
    if let Some(description) = policy.description.as_ref().filter(|_| whole) {
        shape["Description"] = json!(description);
    }
    if whole && !policy.tags.is_empty() {
        shape["Tags"] = tags::upper(&policy.tags);
    }
    shape
}

/// A policy of the account or of AWS.
pub(super) fn find(state: &State, arn: &str) -> Result<Managed, Fault> {
    let found = Account::of(&state.desired).policy(arn);
    found.ok_or_else(|| none(format!("Policy {arn} was not found.")))
}

/// One that can be changed.
pub(super) fn own(state: &State, arn: &str) -> Result<Managed, Fault> {
    if arn.starts_with("arn:aws:iam::aws:") {
        return Err(Fault::new("AccessDenied", format!("The policy {arn} is AWS's own.")).with_status(403));
    }
    find(state, arn)
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Given { policy_arn, .. } = input.read()?;
    let policy = find(state, &policy_arn)?;
    Ok(Decision::members(json!({ "Policy": shape(state, &policy_arn, &policy, true) })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (paging, given): (Paging, Given) = (input.read()?, input.read()?);
    let account = Account::of(&state.desired);
    let is_wanted = |(arn, policy): &(String, Managed)| {
        let of_aws = arn.starts_with("arn:aws:iam::aws:");
        let in_scope = match given.scope.as_deref() {
            Some("AWS") => of_aws,
            Some("Local") => !of_aws,
            _ => true,
        };
        in_scope && paging.wants(&policy.path) && (!given.only_attached || account.attachments(arn).0 > 0)
    };
    let wanted = account.all_policies().into_iter().filter(is_wanted);
    let shapes: Vec<Value> = wanted.map(|(arn, policy)| shape(state, &arn, &policy, false)).collect();
    Ok(Decision::members(paging.reply("Policies", &shapes)?))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Given { policy_arn, .. } = input.read()?;
    let policy = own(state, &policy_arn)?;
    let account = Account::of(&state.desired);
    if account.attachments(&policy_arn) != (0, 0) {
        return Err(conflict("Cannot delete a policy attached to entities."));
    }
    if policy.versions.len() > 1 {
        return Err(conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        ));
    }
    if account.declares_policy(&policy_arn) {
        return Err(of_the_file("policy", &policy.name));
    }
    Ok(Decision::done(Edit::forget(account::POLICY, policy_arn)))
}
