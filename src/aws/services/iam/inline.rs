//! Inline policies.

use serde::Deserialize;
use serde_json::{Value, json};

use super::entities::{self, Entities};
use super::faults::{judge_document, judge_name, none};
use super::shapes::{self, Paging};
use crate::aws::action::{Decision, Input, State};
use crate::iam::document::Purpose;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Named {
    policy_name: String,
    policy_document: String,
}

pub(super) fn put<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, kept) = entities::named::<E>(state, input)?;
    let Named { policy_name, policy_document } = input.read()?;
    judge_name("policyName", &policy_name, 128)?;
    judge_document(&policy_document, Purpose::Identity)?;
    let edit = entities::change::<E>(&name, kept, |permissions| {
        permissions.inline_policies.insert(policy_name, policy_document);
    });
    Ok(Decision::done(edit))
}

pub(super) fn get<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = entities::named::<E>(state, input)?;
    let Named { policy_name, .. } = input.read()?;
    let policies = &E::permissions(&mut kept.entity).inline_policies;
    let document = policies.get(&policy_name).ok_or_else(|| missing::<E>(&policy_name))?;
    let member = if E::WORD == "role" { "RoleName" } else { "UserName" };
    Ok(Decision::members(json!({
        member: name,
        "PolicyName": policy_name,
        "PolicyDocument": shapes::document(document),
    })))
}

pub(super) fn list<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (_, mut kept) = entities::named::<E>(state, input)?;
    let names: Vec<Value> = E::permissions(&mut kept.entity).inline_policies.keys().map(|name| json!(name)).collect();
    Ok(Decision::members(input.read::<Paging>()?.reply("PolicyNames", &names)?))
}

pub(super) fn delete<E: Entities>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (name, mut kept) = entities::named::<E>(state, input)?;
    let Named { policy_name, .. } = input.read()?;
    if !E::permissions(&mut kept.entity).inline_policies.contains_key(&policy_name) {
        return Err(missing::<E>(&policy_name));
    }
    let edit = entities::change::<E>(&name, kept, |permissions| {
        permissions.inline_policies.remove(&policy_name);
    });
    Ok(Decision::done(edit))
}

fn missing<E: Entities>(policy: &str) -> Fault {
    none(format!("The {} policy with name {policy} cannot be found.", E::WORD))
}
