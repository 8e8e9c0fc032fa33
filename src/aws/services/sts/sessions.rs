//! The beginning of a session.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::aws::action::State;
use crate::aws::caller::{Caller, Session};
use crate::model::Redacted;
use crate::protocols::timestamp::Iso8601;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: Iso8601,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

impl AssumedRoleUser {
    pub(super) fn of(caller: &Caller) -> Self {
        Self { assumed_role_id: caller.user_id.clone(), arn: caller.arn.clone() }
    }
}

/// Begins a session. Its keys say that they are worth nothing at AWS.
pub(super) fn begin(state: &State, caller: Caller, seconds: i64) -> Credentials {
    let expires_at = state.now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    let part = |purpose: &str, count| state.ids.letters(purpose, count);
    let access_key_id = format!("ASIA{}", part("key", 16));
    let secret_access_key = format!("neargate/{}{}", part("secret", 16), part("second half of the secret", 15));
    let session_token = format!("neargate//{}{}", part("token", 43), part("second half of the token", 43));
    let session =
        Session { caller, secret: Redacted::new(&secret_access_key), token: Redacted::new(&session_token), expires_at };
    state.sessions.begin(access_key_id.clone(), session);
    Credentials { access_key_id, secret_access_key, session_token, expiration: Iso8601(expires_at) }
}
