//! Secrets without their values.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{not_found, parameter};
use super::secret::{Secret, seconds};
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::aws::tags;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    secret_id: String,
    resource_policy: String,
    max_results: Option<usize>,
    next_token: Option<String>,
    include_planned_deletion: bool,
    filters: Vec<Filter>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    key: String,
    values: Vec<String>,
}

impl Filter {
    /// Values are prefixes, and one of them must fit; `!` in front negates.
    fn takes(&self, secret: &Secret) -> bool {
        let fits = |texts: &[&str]| {
            self.values.iter().any(|value| match value.strip_prefix('!') {
                Some(value) => !texts.iter().any(|text| text.starts_with(value)),
                None => texts.iter().any(|text| text.starts_with(value.as_str())),
            })
        };
        match self.key.as_str() {
            "name" => fits(&[&secret.name]),
            "description" => fits(&[secret.description.as_deref().unwrap_or_default()]),
            "tag-key" => fits(&secret.tags.keys().map(String::as_str).collect::<Vec<_>>()),
            "tag-value" => fits(&secret.tags.values().map(String::as_str).collect::<Vec<_>>()),
            "all" => fits(&[&secret.name, secret.description.as_deref().unwrap_or_default()]),
            _ => true,
        }
    }
}

fn shape(secret: &Secret, stages: &str) -> Value {
    let mut shape = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "CreatedDate": seconds(secret.created_at),
        "LastChangedDate": seconds(secret.changed_at),
        "Tags": tags::upper(&secret.tags),
    });
    if !secret.versions.is_empty() {
        shape[stages] = secret.stages();
    }
    if let Some(description) = &secret.description {
        shape["Description"] = json!(description);
    }
    if let Some(key) = &secret.kms_key_id {
        shape["KmsKeyId"] = json!(key);
    }
    if let Some(at) = secret.deleted_at.as_ref().and_then(|at| at.parse().ok()) {
        shape["DeletedDate"] = seconds(at);
    }
    shape
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let secret = Secret::find(state, &given.secret_id).ok_or_else(not_found)?;
    Ok(Decision::reply(shape(&secret, "VersionIdsToStages")))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let wanted = |secret: &Secret| {
        (given.include_planned_deletion || secret.deleted_at.is_none())
            && given.filters.iter().all(|filter| filter.takes(secret))
    };
    let shapes: Vec<Value> = Secret::all(state)
        .iter()
        .filter(|secret| wanted(secret))
        .map(|secret| shape(secret, "SecretVersionsToStages"))
        .collect();
    let (page, next) = pages::page(&shapes, Sizes::up_to(100), given.max_results, given.next_token.as_deref())
        .map_err(|_| Fault::new("InvalidNextTokenException", "The NextToken value is invalid."))?;
    Ok(Decision::reply(pages::with_token(json!({ "SecretList": page }), "NextToken", next)))
}

pub(super) fn versions(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let secret = Secret::find(state, &given.secret_id).ok_or_else(not_found)?;
    let versions: Vec<Value> = secret
        .versions
        .iter()
        .map(|version| {
            json!({ "VersionId": version.id, "VersionStages": version.stages, "CreatedDate": seconds(version.created_at) })
        })
        .collect();
    Ok(Decision::reply(json!({ "ARN": secret.arn, "Name": secret.name, "Versions": versions })))
}

pub(super) fn get_policy(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let secret = Secret::live(state, &given.secret_id)?;
    let mut reply = json!({ "ARN": secret.arn, "Name": secret.name });
    if let Some(policy) = &secret.policy {
        reply["ResourcePolicy"] = json!(policy);
    }
    Ok(Decision::reply(reply))
}

/// It is kept and returned; nothing here lets another account in.
pub(super) fn put_policy(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut secret = Secret::live(state, &given.secret_id)?;
    if serde_json::from_str::<Value>(&given.resource_policy).is_err() {
        return Err(Fault::new("MalformedPolicyDocumentException", "This resource policy contains invalid Json."));
    }
    secret.policy = Some(given.resource_policy);
    let reply = json!({ "ARN": secret.arn, "Name": secret.name });
    Ok(Decision::edit(secret.put(), move |_| Ok(reply)))
}

pub(super) fn delete_policy(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    if given.secret_id.is_empty() {
        return Err(parameter("You must provide a SecretId."));
    }
    let mut secret = Secret::live(state, &given.secret_id)?;
    secret.policy = None;
    let reply = json!({ "ARN": secret.arn, "Name": secret.name });
    Ok(Decision::edit(secret.put(), move |_| Ok(reply)))
}
