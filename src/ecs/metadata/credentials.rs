//! Credentials of a task's role: those of a profile, if the file gives the role one. Otherwise they are made up, and look
//! it; nothing at AWS accepts them.
//!
//! Source: amazon-ecs-agent, `ecs-agent/credentials` and `ecs-agent/tmds/handlers/v1` (the shape of the answer).

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::Serialize;

use neargate_model::arn::fingerprint;
use neargate_model::{Redacted, TaskId};

/// How long credentials of a role are valid. (SDK reference guide, "Container credential provider": they are renewed by
/// whoever serves them; six hours are what tasks on Fargate are seen to get.)
const LIFETIME: SignedDuration = SignedDuration::from_hours(6);

/// Credentials that AWS accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleCredentials {
    /// `AccessKeyId`
    pub access_key_id: String,
    /// `SecretAccessKey`
    pub secret_access_key: Redacted,
    /// `Token`
    pub session_token: Option<Redacted>,
    /// `Expiration`
    pub expires_at: Timestamp,
}

/// What is known of a role's credentials.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// The file gives the role none.
    Nothing,
    /// Those of its profile.
    Profile(&'a RoleCredentials),
    /// Its profile has none at the moment.
    Unavailable,
}

/// The answer to a request for credentials.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credentials<'a> {
    role_arn: &'a str,
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

impl<'a> Credentials<'a> {
    /// Those of a profile. Clients expect a token, if only an empty one.
    pub(super) fn of_profile(role_arn: &'a str, given: &RoleCredentials) -> Self {
        Self {
            role_arn,
            access_key_id: given.access_key_id.clone(),
            secret_access_key: given.secret_access_key.expose().to_owned(),
            token: given.session_token.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default(),
            expiration: given.expires_at.to_string(),
        }
    }

    /// What a task with this role is given.
    pub(super) fn made_up(role_arn: &'a str, task: &TaskId, now: Timestamp) -> Self {
        let MadeUp { access_key_id, secret_access_key, session_token, issued_at: _, expires_at } =
            MadeUp::at(task, now);
        Self { role_arn, access_key_id, secret_access_key, token: session_token, expiration: expires_at.to_string() }
    }
}

/// Credentials that only this machine's endpoint of AWS's APIs knows.
pub struct MadeUp {
    /// `AccessKeyId`
    pub access_key_id: String,
    /// `SecretAccessKey`, which is none: it follows from the task's id.
    pub secret_access_key: String,
    /// `Token`
    pub session_token: String,
    /// The hour that they were made up in.
    pub issued_at: Timestamp,
    /// `Expiration`
    pub expires_at: Timestamp,
}

impl MadeUp {
    /// How their access keys begin.
    pub const PREFIX: &'static str = "ASIANEARGATE";

    /// Those of a task: the same all through the hour, and others in the next.
    pub fn at(task: &TaskId, now: Timestamp) -> Self {
        let down = TimestampRound::new().smallest(Unit::Hour).mode(RoundMode::Floor);
        let hour = now.round(down).unwrap_or(now);
        let issue = hour.as_second().to_string();
        let word = |purpose| fingerprint(&[purpose, task.as_str(), &issue]);
        // The alphabet and the lengths of AWS's: a client that checks them must be content.
        Self {
            access_key_id: format!("{}{}", Self::PREFIX, base32(word("access key"))),
            secret_access_key: format!("neargate/not/a/secret/00{:016x}", word("secret")),
            session_token: format!(
                "neargate/made/up/session/token/{:016x}{:016x}==",
                word("token"),
                word("token, end")
            ),
            issued_at: hour,
            expires_at: hour + LIFETIME,
        }
    }

    /// The credentials with that access key, if the task has been given them within the last day. They may be over.
    pub fn find(access_key: &str, task: &TaskId, now: Timestamp) -> Option<Self> {
        let hours = (0..24).map_while(|hours| now.checked_sub(SignedDuration::from_hours(hours)).ok());
        hours.map(|then| Self::at(task, then)).find(|made_up| made_up.access_key_id == access_key)
    }
}

/// Eight characters that an access key id may have.
fn base32(word: u64) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    (0..8).map(|at| char::from(ALPHABET[(word >> (5 * at)) as usize % 32])).collect()
}
