//! CreateSecret, PutSecretValue, UpdateSecret.

use serde::Deserialize;
use serde_json::json;

use super::faults::{invalid, parameter};
use super::secret::{CURRENT, Secret, Version};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::protocols::fault::Fault;

/// The most bytes of a value.
const LARGEST: usize = 65_536;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    name: String,
    secret_id: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    version_stages: Option<Vec<String>>,
    tags: Vec<Tag>,
}

impl Given {
    /// The value, if one is given.
    fn version(&self, state: &State) -> Result<Option<Version>, Fault> {
        let Self { secret_string, secret_binary, client_request_token, version_stages, .. } = self;
        if secret_string.is_some() && secret_binary.is_some() {
            return Err(parameter(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            ));
        }
        if secret_string.is_none() && secret_binary.is_none() {
            return Ok(None);
        }
        let longest = [secret_string, secret_binary].into_iter().flatten().map(String::len).max();
        if longest.is_some_and(|length| length > LARGEST) {
            return Err(Fault::new(
                "ValidationException",
                format!(
                    "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to {LARGEST}"
                ),
            ));
        }
        let id = match client_request_token {
            Some(token) if !(32..=64).contains(&token.len()) => {
                return Err(parameter("ClientRequestToken must be 32-64 characters long."));
            }
            Some(token) => token.clone(),
            None => state.ids.uuid("version of a secret"),
        };
        Ok(Some(Version {
            id,
            string: secret_string.clone(),
            binary: secret_binary.clone(),
            stages: version_stages.clone().unwrap_or_else(|| vec![CURRENT.to_owned()]),
            created_at: state.now,
        }))
    }
}

/// With the version that was made, if there is one.
fn done(secret: &Secret, version: Option<&Version>, with_stages: bool) -> Decision {
    let mut reply = json!({ "ARN": secret.arn, "Name": secret.name });
    if let Some(version) = version {
        reply["VersionId"] = json!(version.id);
        if with_stages {
            reply["VersionStages"] = json!(version.stages);
        }
    }
    Decision::edit(secret.put(), move |_| Ok(reply))
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let is_good = |symbol: char| symbol.is_ascii_alphanumeric() || "-/_+=.@!".contains(symbol);
    if given.name.is_empty() || given.name.len() > 512 || !given.name.chars().all(is_good) {
        let message =
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";
        return Err(Fault::new("ValidationException", message));
    }
    let version = given.version(state)?;
    if let Some(known) = Secret::find(state, &given.name) {
        if known.deleted_at.is_some() {
            return Err(invalid(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        // Asked again with the same token and value, it is the same secret.
        let again = version.as_ref().and_then(|version| known.versions.iter().find(|known| known.id == version.id));
        if let (Some(again), Some(version)) = (again, &version)
            && again.string == version.string
            && again.binary == version.binary
        {
            return Ok(done(&known, Some(again), false));
        }
        let message = format!("The operation failed because the secret {} already exists.", given.name);
        return Err(Fault::new("ResourceExistsException", message));
    }
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| parameter(refused.to_string()))?;
    let mut secret = Secret {
        description: given.description.filter(|text| !text.is_empty()),
        kms_key_id: given.kms_key_id.filter(|text| !text.is_empty()),
        tags,
        ..Secret::new(&given.name, &state.ids.letters("suffix of a secret", 6), state.now)
    };
    if let Some(version) = version.clone() {
        secret.add(version);
    }
    Ok(done(&secret, version.as_ref(), false))
}

pub(super) fn put_value(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut secret = Secret::live(state, &given.secret_id)?;
    let Some(version) = given.version(state)? else {
        return Err(invalid("You must provide either SecretString or SecretBinary."));
    };
    if let Some(known) = secret.versions.iter().find(|known| known.id == version.id) {
        known.check_same(&version)?;
        return Ok(done(&secret, Some(known), true));
    }
    secret.add(version.clone());
    Ok(done(&secret, Some(&version), true))
}

pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut secret = Secret::live(state, &given.secret_id)?;
    let version = given.version(state)?;
    if let Some(description) = given.description {
        secret.description = Some(description).filter(|text| !text.is_empty());
    }
    if let Some(key) = given.kms_key_id {
        secret.kms_key_id = Some(key).filter(|text| !text.is_empty());
    }
    secret.changed_at = state.now;
    if let Some(version) = version.clone() {
        match secret.versions.iter().find(|known| known.id == version.id) {
            Some(known) => known.check_same(&version)?,
            None => secret.add(version),
        }
    }
    Ok(done(&secret, version.as_ref(), false))
}

impl Version {
    /// "You can't modify an existing version" (Secrets Manager API reference, PutSecretValue, UpdateSecret, ClientRequestToken).
    fn check_same(&self, other: &Self) -> Result<(), Fault> {
        let message =
            "You can't use ClientRequestToken because that value is already in use for a version of this secret.";
        let is_same = self.string == other.string && self.binary == other.binary;
        is_same.then_some(()).ok_or_else(|| Fault::new("ResourceExistsException", message))
    }
}
