//! Who is calling, and sessions of roles (AWS STS API reference).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::action::{Action, Decision, Input, State};
use super::super::caller::{Caller, Session};
use crate::model::arn::{ACCOUNT, fingerprint};
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::Iso8601;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "AssumeRole", decide: assume_role },
    Action { name: "AssumeRoleWithWebIdentity", decide: assume_role_with_web_identity },
    Action { name: "GetCallerIdentity", decide: get_caller_identity },
    Action { name: "GetSessionToken", decide: get_session_token },
];

/// `DurationSeconds` of AssumeRole without one.
const AN_HOUR: i64 = 3600;
/// And of GetSessionToken.
const TWELVE_HOURS: i64 = 12 * 3600;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    user_id: String,
    account: &'static str,
    arn: String,
}

fn get_caller_identity(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Caller { arn, user_id } = input.caller.clone();
    Ok(Decision::reply(Identity { user_id, account: ACCOUNT, arn }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleInput {
    #[serde(default)]
    role_arn: String,
    #[serde(default)]
    role_session_name: String,
    web_identity_token: Option<String>,
    duration_seconds: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleOutput {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: Iso8601,
}

fn assume_role(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: RoleInput = input.read()?;
    assumed(state, &asked, None)
}

/// Whoever has a token gets the role: nobody's trust policy is known here, so none can refuse.
fn assume_role_with_web_identity(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: RoleInput = input.read()?;
    if asked.web_identity_token.as_deref().unwrap_or_default().len() < 4 {
        return Err(validation(
            "webIdentityToken",
            asked.web_identity_token.as_deref().unwrap_or_default(),
            "Member must have length greater than or equal to 4",
        ));
    }
    assumed(state, &asked, Some("token.actions.githubusercontent.com"))
}

fn assumed(state: &State, asked: &RoleInput, provider: Option<&'static str>) -> Result<Decision, Fault> {
    let RoleInput { role_arn, role_session_name: session, duration_seconds, .. } = asked;
    if role_arn.len() < 20 {
        return Err(validation("roleArn", role_arn, "Member must have length greater than or equal to 20"));
    }
    let role = role_arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/"));
    let Some((account, path)) = role else {
        return Err(Fault::new("ValidationError", format!("{role_arn} is invalid")));
    };
    if session.len() < 2 {
        return Err(validation("roleSessionName", session, "Member must have length greater than or equal to 2"));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let id = format!("AROA{:0>17}", letters(fingerprint(&["role", role_arn]), 17));
    let arn = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
    let user_id = format!("{id}:{session}");
    let caller = Caller { arn: arn.clone(), user_id: user_id.clone() };
    let credentials = begin(state, caller, duration_seconds.unwrap_or(AN_HOUR));
    let assumed_role_user = AssumedRoleUser { assumed_role_id: user_id, arn };
    Ok(Decision::reply(RoleOutput { credentials, assumed_role_user, provider }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TokenOutput {
    credentials: Credentials,
}

fn get_session_token(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: RoleInput = input.read()?;
    let credentials = begin(state, input.caller.clone(), asked.duration_seconds.unwrap_or(TWELVE_HOURS));
    Ok(Decision::reply(TokenOutput { credentials }))
}

/// Begins a session. Its keys say that they are worth nothing at AWS.
fn begin(state: &State, caller: Caller, seconds: i64) -> Credentials {
    let expires_at = state.now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    let seed = format!("{}{}", caller.arn, state.now.as_nanosecond());
    let access_key_id = format!("ASIA{}", letters(fingerprint(&["key", &seed]), 16));
    state.sessions.begin(access_key_id.clone(), Session { caller, expires_at });
    Credentials {
        access_key_id,
        secret_access_key: format!("neargate/{}", letters(fingerprint(&["secret", &seed]), 31)),
        session_token: format!("neargate//{}", letters(fingerprint(&["token", &seed]), 86)),
        expiration: Iso8601(expires_at),
    }
}

/// Letters and digits of Base32, as ids of IAM have them.
fn letters(seed: u64, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut word = seed;
    (0..count)
        .map(|_| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(ALPHABET[(word >> 59) as usize])
        })
        .collect()
}

fn validation(member: &str, value: &str, constraint: &str) -> Fault {
    Fault::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ),
    )
}
