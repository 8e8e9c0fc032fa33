//! Access keys of users.

use serde::Deserialize;
use serde_json::{Value, json};

use super::entities::{self, Entities, OfUser};
use super::faults::{limit, none, validation};
use super::shapes::{self, Paging};
use crate::aws::action::{Decision, Input, State};
use crate::aws::caller::Who;
use crate::control::identities::Kept;
use crate::model::Redacted;
use crate::model::iam::{AccessKey, User};
use crate::protocols::fault::Fault;

/// IAM user guide, "IAM and AWS STS quotas": access keys assigned to a user.
const MOST: usize = 2;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    user_name: Option<String>,
    access_key_id: String,
    status: String,
}

/// Without a name, whoever asks.
fn user(state: &State, input: &Input<'_>) -> Result<(String, Kept<User>), Fault> {
    let given: Given = input.read()?;
    let name = match (given.user_name.filter(|name| !name.is_empty()), &input.caller.who) {
        (Some(name), _) => name,
        (None, Who::User { name }) => name.clone(),
        _ => return Err(Fault::new("ValidationError", "Must specify userName when calling with non-User credentials")),
    };
    let kept = entities::find::<OfUser>(state, &name)?;
    Ok((name, kept))
}

fn status(key: &AccessKey) -> &'static str {
    if key.is_active { "Active" } else { "Inactive" }
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = user(state, input)?;
    if kept.entity.access_keys.len() >= MOST {
        return Err(limit(format!("Cannot exceed quota for AccessKeysPerUser: {MOST}")));
    }
    let id = format!("AKIA{}", state.ids.letters("access key", 16));
    let secret = format!(
        "neargate/{}{}",
        state.ids.letters("secret of a key", 16),
        state.ids.letters("second half of the secret of a key", 15)
    );
    let key = AccessKey { secret: Redacted::new(&secret), is_active: true };
    let reply = json!({ "AccessKey": {
        "UserName": name,
        "AccessKeyId": id,
        "Status": status(&key),
        "SecretAccessKey": secret,
        "CreateDate": shapes::time(state.now),
    } });
    kept.entity.access_keys.insert(id, key);
    Ok(Decision::edit_members(OfUser::put(&name, &kept), move |_| Ok(reply)))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, kept) = user(state, input)?;
    let shape = |(id, key): (&String, &AccessKey)| {
        json!({
            "UserName": name,
            "AccessKeyId": id,
            "Status": status(key),
            "CreateDate": shapes::time(kept.created_at),
        })
    };
    let keys: Vec<Value> = kept.entity.access_keys.iter().map(shape).collect();
    Ok(Decision::members(input.read::<Paging>()?.reply("AccessKeyMetadata", &keys)?))
}

pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = user(state, input)?;
    let given: Given = input.read()?;
    let is_active = match given.status.as_str() {
        "Active" => true,
        "Inactive" => false,
        other => return Err(validation("status", other, "Member must satisfy enum value set: [Active, Inactive]")),
    };
    let key = kept.entity.access_keys.get_mut(&given.access_key_id).ok_or_else(|| missing(&given.access_key_id))?;
    key.is_active = is_active;
    Ok(Decision::done(OfUser::put(&name, &kept)))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = user(state, input)?;
    let given: Given = input.read()?;
    kept.entity.access_keys.remove(&given.access_key_id).ok_or_else(|| missing(&given.access_key_id))?;
    Ok(Decision::done(OfUser::put(&name, &kept)))
}

fn missing(id: &str) -> Fault {
    none(format!("The Access Key with id {id} cannot be found."))
}
