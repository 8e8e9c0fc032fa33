//! Roles.

use serde::Deserialize;
use serde_json::{Value, json};

use super::entities::{self, Entities, OfRole};
use super::faults::{conflict, exists, judge_document, judge_name, none, of_the_file, validation};
use super::shapes::{self, Paging};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::identities::{self as account, Account, Kept};
use crate::iam::document::Purpose;
use crate::model::iam::{Permissions, Role};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    role_name: String,
    assume_role_policy_document: String,
    policy_document: String,
    path: Option<String>,
    description: Option<String>,
    max_session_duration: Option<u32>,
    permissions_boundary: Option<String>,
    tags: Vec<Tag>,
}

impl Given {
    fn seconds(&self) -> Result<Option<u32>, Fault> {
        let Some(seconds) = self.max_session_duration else { return Ok(None) };
        let constraint = match seconds {
            ..3600 => "Member must have value greater than or equal to 3600",
            43_201.. => "Member must have value less than or equal to 43200",
            _ => return Ok(Some(seconds)),
        };
        Err(validation("maxSessionDuration", &seconds.to_string(), constraint))
    }
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    judge_name("roleName", &given.role_name, 64)?;
    judge_document(&given.assume_role_policy_document, Purpose::Trust)?;
    let max_session_duration = given.seconds()?.unwrap_or(3600);
    let account = Account::of(&state.desired);
    if account.role(&given.role_name).is_some() {
        return Err(exists(format!("Role with name {} already exists.", given.role_name)));
    }
    if let Some(arn) = given.permissions_boundary.as_deref().filter(|arn| account.managed_policy(arn).is_none()) {
        return Err(none(format!("Scope ARN: {arn} does not exist or is not attachable.")));
    }
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| super::faults::invalid(refused.to_string()))?;
    let role = Role {
        path: shapes::path(given.path)?,
        assume_role_policy: given.assume_role_policy_document,
        permissions: Permissions { permissions_boundary: given.permissions_boundary, ..Permissions::default() },
        max_session_duration,
        description: given.description.filter(|text| !text.is_empty()),
        tags,
    };
    let kept = Kept::new(role, state.now);
    let name = given.role_name;
    Ok(Decision::edit_members(kept.put_role(&name), move |_| Ok(json!({ "Role": shape(&name, &kept, true) }))))
}

/// Lists have neither tags nor boundaries.
fn shape(name: &str, kept: &Kept<Role>, whole: bool) -> Value {
    let role = &kept.entity;
    let arn = account::role_arn(name, role);
    let mut shape = json!({
        "Path": role.path,
        "RoleName": name,
        "RoleId": account::unique_id("AROA", &arn),
        "Arn": arn,
        "CreateDate": shapes::time(kept.created_at),
        "AssumeRolePolicyDocument": shapes::document(&role.assume_role_policy),
        "MaxSessionDuration": role.max_session_duration,
    });
    if let Some(description) = &role.description {
        shape["Description"] = json!(description);
    }
    if !whole {
        return shape;
    }
    if let Some(boundary) = &role.permissions.permissions_boundary {
        shape["PermissionsBoundary"] =
            json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary });
    }
    if !role.tags.is_empty() {
        shape["Tags"] = tags::upper(&role.tags);
    }
    shape["RoleLastUsed"] = json!({});
    shape
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, kept) = entities::named::<OfRole>(state, input)?;
    Ok(Decision::members(json!({ "Role": shape(&name, &kept, true) })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let paging: Paging = input.read()?;
    let roles = Account::of(&state.desired).roles();
    let wanted = roles.iter().filter(|(_, kept)| paging.wants(&kept.entity.path));
    let shapes: Vec<Value> = wanted.map(|(name, kept)| shape(name, kept, false)).collect();
    Ok(Decision::members(paging.reply("Roles", &shapes)?))
}

pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = entities::named::<OfRole>(state, input)?;
    let given: Given = input.read()?;
    if let Some(seconds) = given.seconds()? {
        kept.entity.max_session_duration = seconds;
    }
    if let Some(description) = given.description {
        kept.entity.description = Some(description).filter(|text| !text.is_empty());
    }
    Ok(Decision::done(OfRole::put(&name, &kept)))
}

pub(super) fn update_trust(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = entities::named::<OfRole>(state, input)?;
    let given: Given = input.read()?;
    judge_document(&given.policy_document, Purpose::Trust)?;
    kept.entity.assume_role_policy = given.policy_document;
    Ok(Decision::done(OfRole::put(&name, &kept)))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, kept) = entities::named::<OfRole>(state, input)?;
    let permissions = &kept.entity.permissions;
    if !permissions.managed_policy_arns.is_empty() {
        return Err(conflict("Cannot delete entity, must detach all policies first."));
    }
    if !permissions.inline_policies.is_empty() {
        return Err(conflict("Cannot delete entity, must delete policies first."));
    }
    if Account::of(&state.desired).declares_role(&name) {
        return Err(of_the_file("role", &name));
    }
    Ok(Decision::done(Edit::forget(account::ROLE, name)))
}
