//! Condition keys that every request has (IAM user guide, "AWS global condition context keys").

use super::super::action::State;
use super::super::caller::{Caller, Who};
use super::call::Call;
use super::input;
use crate::control::identities::Account;
use crate::iam::context::Context;
use crate::model::arn::{ACCOUNT, REGION};

pub(in crate::aws) fn global(state: &State, account: &Account<'_>, caller: &Caller, call: &Call<'_>) -> Context {
    let mut context = of_caller(state, account, caller);
    context.set("aws:RequestedRegion", call.region.unwrap_or(REGION));
    if let Some(agent) = call.user_agent {
        context.set("aws:UserAgent", agent);
    }
    let tags = input::tags(call.input);
    let mut keys: Vec<String> = tags.iter().map(|(key, _)| key.clone()).collect();
    for (key, value) in tags {
        context.set(&format!("aws:RequestTag/{key}"), value);
    }
    keys.extend(input::tag_keys(call.input));
    if !keys.is_empty() {
        context.set_all("aws:TagKeys", keys);
    }
    context
}

/// Those about the caller and the connection.
pub(in crate::aws) fn of_caller(state: &State, account: &Account<'_>, caller: &Caller) -> Context {
    let mut context = Context::default()
        .with("aws:CurrentTime", state.now.to_string())
        .with("aws:EpochTime", state.now.as_second().to_string())
        .with("aws:PrincipalAccount", ACCOUNT)
        .with("aws:SourceIp", "127.0.0.1")
        // AWS is reached by TLS alone, which a policy may insist on; here, requests do not leave the machine.
        .with("aws:SecureTransport", "true")
        .with("aws:ViaAWSService", "false")
        .with("aws:userid", &*caller.user_id);
    match &caller.who {
        Who::Root => {
            context.set("aws:PrincipalType", "Account");
            context.set("aws:PrincipalArn", &*caller.arn);
        }
        Who::User { name } => {
            context.set("aws:PrincipalType", "User");
            context.set("aws:PrincipalArn", &*caller.arn);
            context.set("aws:username", name);
        }
        Who::Session(session) => {
            context.set("aws:PrincipalType", "AssumedRole");
            context.set("aws:PrincipalArn", &*session.role_arn);
            context.set("aws:TokenIssueTime", session.since.to_string());
            context.set("aws:MultiFactorAuthPresent", "false");
        }
    }
    for (key, value) in caller.tags(account) {
        context.set(&format!("aws:PrincipalTag/{key}"), value);
    }
    context
}
