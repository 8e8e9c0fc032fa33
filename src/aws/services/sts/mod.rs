//! Who is calling, and sessions of roles (AWS STS API reference).

mod assume;
mod passed;
mod sessions;
mod token;
mod validation;
mod web_identity;

use serde::{Deserialize, Serialize};

use self::sessions::Credentials;
use crate::aws::action::{Action, Decision, Input, State};
use crate::aws::caller::Caller;
use crate::model::arn::ACCOUNT;
use crate::protocols::fault::Fault;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "AssumeRole", decide: assume::assume_role },
    Action { name: "AssumeRoleWithWebIdentity", decide: web_identity::assume_role_with_web_identity },
    Action { name: "GetCallerIdentity", decide: get_caller_identity },
    Action { name: "GetSessionToken", decide: get_session_token },
];

/// `DurationSeconds` of GetSessionToken without one.
const TWELVE_HOURS: i64 = 12 * 3600;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    user_id: String,
    account: &'static str,
    arn: String,
}

fn get_caller_identity(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Caller { arn, user_id, .. } = input.caller.clone();
    Ok(Decision::reply(Identity { user_id, account: ACCOUNT, arn }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TokenInput {
    duration_seconds: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TokenOutput {
    credentials: Credentials,
}

fn get_session_token(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: TokenInput = input.read()?;
    let credentials = sessions::begin(state, input.caller.clone(), asked.duration_seconds.unwrap_or(TWELVE_HOURS));
    Ok(Decision::reply(TokenOutput { credentials }))
}
