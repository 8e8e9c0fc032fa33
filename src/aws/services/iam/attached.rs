//! Managed policies of a user or a role, and permissions boundaries.

use serde::Deserialize;
use serde_json::{Value, json};

use super::entities::{self, Entities};
use super::faults::{limit, none};
use super::shapes::Paging;
use crate::aws::action::{Decision, Input, State};
use crate::control::identities::Account;
use crate::protocols::fault::Fault;

/// IAM user guide, "IAM and AWS STS quotas": managed policies attached to a role or a user.
const MOST: usize = 20;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Named {
    policy_arn: String,
    permissions_boundary: String,
}

fn judge(state: &State, arn: &str) -> Result<(), Fault> {
    if Account::of(&state.desired).managed_policy(arn).is_some() {
        return Ok(());
    }
    if !arn.starts_with("arn:") {
        return Err(Fault::new("ValidationError", format!("ARN {arn} is not valid.")));
    }
    Err(none(format!("Policy {arn} does not exist or is not attachable.")))
}

pub(super) fn attach<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = entities::named::<E>(state, input)?;
    let Named { policy_arn, .. } = input.read()?;
    judge(state, &policy_arn)?;
    let attached = &E::permissions(&mut kept.entity).managed_policy_arns;
    if attached.len() >= MOST && !attached.contains(&policy_arn) {
        let word = if E::WORD == "role" { "PoliciesPerRole" } else { "PoliciesPerUser" };
        return Err(limit(format!("Cannot exceed quota for {word}: {MOST}")));
    }
    let edit = entities::change::<E>(&name, kept, |permissions| {
        if !permissions.managed_policy_arns.contains(&policy_arn) {
            permissions.managed_policy_arns.push(policy_arn);
        }
    });
    Ok(Decision::done(edit))
}

pub(super) fn detach<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = entities::named::<E>(state, input)?;
    let Named { policy_arn, .. } = input.read()?;
    if !E::permissions(&mut kept.entity).managed_policy_arns.contains(&policy_arn) {
        return Err(none(format!("Policy {policy_arn} was not found.")));
    }
    let edit = entities::change::<E>(&name, kept, |permissions| {
        permissions.managed_policy_arns.retain(|arn| *arn != policy_arn);
    });
    Ok(Decision::done(edit))
}

pub(super) fn list<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (_, mut kept) = entities::named::<E>(state, input)?;
    let shape = |arn: &String| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        json!({ "PolicyName": name, "PolicyArn": arn })
    };
    let attached: Vec<Value> = E::permissions(&mut kept.entity).managed_policy_arns.iter().map(shape).collect();
    Ok(Decision::members(input.read::<Paging>()?.reply("AttachedPolicies", &attached)?))
}

pub(super) fn put_boundary<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, kept) = entities::named::<E>(state, input)?;
    let Named { permissions_boundary, .. } = input.read()?;
    judge(state, &permissions_boundary)?;
    Ok(Decision::done(entities::change::<E>(&name, kept, |permissions| {
        permissions.permissions_boundary = Some(permissions_boundary);
    })))
}

pub(super) fn delete_boundary<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, kept) = entities::named::<E>(state, input)?;
    Ok(Decision::done(entities::change::<E>(&name, kept, |permissions| permissions.permissions_boundary = None)))
}
