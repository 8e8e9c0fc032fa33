//! Users.

use serde::Deserialize;
use serde_json::{Value, json};

use super::entities::{self, OfUser};
use super::faults::{conflict, exists, invalid, judge_name, none, of_the_file};
use super::shapes::{self, Paging};
use crate::aws::action::{Decision, Input, State};
use crate::aws::caller::Who;
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::identities::{self as account, Account, Kept};
use crate::model::iam::{Permissions, User};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    user_name: String,
    path: Option<String>,
    permissions_boundary: Option<String>,
    tags: Vec<Tag>,
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    judge_name("userName", &given.user_name, 64)?;
    let account = Account::of(&state.desired);
    if account.user(&given.user_name).is_some() {
        return Err(exists(format!("User with name {} already exists.", given.user_name)));
    }
    if let Some(arn) = given.permissions_boundary.as_deref().filter(|arn| account.managed_policy(arn).is_none()) {
        return Err(none(format!("Scope ARN: {arn} does not exist or is not attachable.")));
    }
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| invalid(refused.to_string()))?;
    let user = User {
        path: shapes::path(given.path)?,
        permissions: Permissions { permissions_boundary: given.permissions_boundary, ..Permissions::default() },
        access_keys: Default::default(),
        tags,
    };
    let kept = Kept::new(user, state.now);
    let name = given.user_name;
    Ok(Decision::edit_members(kept.put_user(&name), move |_| Ok(json!({ "User": shape(&name, &kept, true) }))))
}

fn shape(name: &str, kept: &Kept<User>, whole: bool) -> Value {
    let user = &kept.entity;
    let arn = account::user_arn(name, &user.path);
    let mut shape = json!({
        "Path": user.path,
        "UserName": name,
        "UserId": account::unique_id("AIDA", &arn),
        "Arn": arn,
        "CreateDate": shapes::time(kept.created_at),
    });
    if let Some(boundary) = user.permissions.permissions_boundary.as_ref().filter(|_| whole) {
        shape["PermissionsBoundary"] =
            json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary });
    }
    if whole && !user.tags.is_empty() {
        shape["Tags"] = tags::upper(&user.tags);
    }
    shape
}

/// Without a name, whoever asks.
pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let name = match (given.user_name.as_str(), &input.caller.who) {
        ("", Who::User { name }) => name.clone(),
        ("", Who::Root) => {
            return Ok(Decision::members(json!({
                "User": { "Path": "/", "UserId": input.caller.user_id, "Arn": input.caller.arn,
                    "CreateDate": shapes::time(account::DECLARED_AT) },
            })));
        }
        ("", Who::Session(_)) => {
            return Err(Fault::new("ValidationError", "Must specify userName when calling with non-User credentials"));
        }
        (name, _) => name.to_owned(),
    };
    let kept = entities::find::<OfUser>(state, &name)?;
    Ok(Decision::members(json!({ "User": shape(&name, &kept, true) })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let paging: Paging = input.read()?;
    let users = Account::of(&state.desired).users();
    let wanted = users.iter().filter(|(_, kept)| paging.wants(&kept.entity.path));
    let shapes: Vec<Value> = wanted.map(|(name, kept)| shape(name, kept, false)).collect();
    Ok(Decision::members(paging.reply("Users", &shapes)?))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, kept) = entities::named::<OfUser>(state, input)?;
    let User { permissions, access_keys, .. } = &kept.entity;
    if !permissions.managed_policy_arns.is_empty() {
        return Err(conflict("Cannot delete entity, must detach all policies first."));
    }
    if !permissions.inline_policies.is_empty() {
        return Err(conflict("Cannot delete entity, must delete policies first."));
    }
    if !access_keys.is_empty() {
        return Err(conflict("Cannot delete entity, must delete access keys first."));
    }
    if Account::of(&state.desired).declares_user(&name) {
        return Err(of_the_file("user", &name));
    }
    Ok(Decision::done(Edit::forget(account::USER, name)))
}
