//! The agent's API for scale-in protection: `$ECS_AGENT_URI/task-protection/v1/state`.
//!
//! Sources: ECS developer guide, "Amazon ECS task scale-in protection endpoint"; amazon-ecs-agent,
//! `ecs-agent/tmds/handlers/taskprotection`.

use serde::Serialize;
use serde_json::Value;

use neargate_model::arn::{Arn, uuid};

use super::ids::container;
use super::path::Path;
use super::request::Request;
use super::response::Answer;
use super::subject::Subject;
use crate::service::protection::{ProtectionChange, ProtectionFailure};

const INVALID: &str = "InvalidParameterException";

/// The answer. One member of three, and the id of the request if ECS itself has refused it.
#[derive(Default, Serialize)]
struct State {
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protection: Option<ProtectedTask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProtectedTask {
    expiration_date: Option<String>,
    protection_enabled: bool,
    task_arn: Arn,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    arn: Arn,
    detail: Option<String>,
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Error {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<Arn>,
    code: &'static str,
    message: String,
}

impl Request<'_> {
    /// Whether it is to change the protection of its task.
    pub fn changes_protection(&self) -> bool {
        self.method == "PUT" && matches!(Path::parse(self.path, self.query), Some(Path::Protection(_)))
    }
}

/// What a request to change the protection asks for.
///
/// # Errors
///
/// The answer, if it asks for nothing that ECS could be asked for.
pub fn asked(request: Request<'_>, content: &[u8], subject: &Subject<'_>) -> Result<ProtectionChange, Answer> {
    let read = read(content)
        .ok_or_else(|| error(400, None, INVALID, "UpdateTaskProtection: failed to decode request".to_owned()))?;
    let id = match Path::parse(request.path, request.query) {
        Some(Path::Protection(id)) => id,
        _ => "",
    };
    find(id, subject)?;
    let enabled = read.enabled.ok_or_else(|| {
        let message = "Invalid request: does not contain 'ProtectionEnabled' field";
        error(400, Some(arn(subject)), INVALID, message.to_owned())
    })?;
    check_role(subject)?;
    Ok(ProtectionChange { enabled, expires_in_minutes: read.minutes })
}

/// The protection as it is now.
pub(super) fn state(id: &str, subject: &Subject<'_>) -> Answer {
    match find(id, subject).and_then(|()| check_role(subject)) {
        Ok(()) => current(subject),
        Err(answer) => answer,
    }
}

/// The same, of a task that may ask. ECS answers for tasks of services only.
pub fn current(subject: &Subject<'_>) -> Answer {
    if subject.task.spec.service().is_none() {
        return refused(ProtectionFailure::NotValid, subject);
    }
    let protection = subject.task.protection(subject.now.instant);
    let protection = ProtectedTask {
        expiration_date: protection.map(|protection| protection.expires_at.to_string()),
        protection_enabled: protection.is_some(),
        task_arn: arn(subject),
    };
    Answer::json(200, &State { protection: Some(protection), ..State::default() })
}

/// ECS has refused a change.
pub fn refused(failure: ProtectionFailure, subject: &Subject<'_>) -> Answer {
    match failure {
        ProtectionFailure::ExpirationOutOfRange => {
            let task = subject.task.spec.id.as_str();
            let request_id = uuid(&["request", task, &subject.now.timestamp.to_string()]);
            let (arn, code, message) = (Some(arn(subject)), failure.code(), failure.to_string());
            let error = Some(Error { arn, code, message });
            Answer::json(400, &State { request_id: Some(request_id), error, ..State::default() })
        }
        ProtectionFailure::Missing | ProtectionFailure::NotValid => {
            let failure = Failure { arn: arn(subject), detail: None, reason: failure.code() };
            Answer::json(200, &State { failure: Some(failure), ..State::default() })
        }
    }
}

/// The content of a request, with `None` for members that are missing or null.
struct Content {
    enabled: Option<bool>,
    minutes: Option<i64>,
}

/// As the agent's decoder reads it: the first value of the text, whose members may be written in any case, and have no other
/// names.
fn read(content: &[u8]) -> Option<Content> {
    let value = serde_json::Deserializer::from_slice(content).into_iter::<Value>().next()?.ok()?;
    let mut read = Content { enabled: None, minutes: None };
    let members = match value {
        Value::Null => return Some(read),
        Value::Object(members) => members,
        _ => return None,
    };
    for (name, value) in members {
        match name.to_ascii_lowercase().as_str() {
            _ if value.is_null() && is_known(&name) => {}
            "protectionenabled" => read.enabled = Some(value.as_bool()?),
            "expiresinminutes" => read.minutes = Some(value.as_i64()?),
            _ => return None,
        }
    }
    Some(read)
}

fn is_known(name: &str) -> bool {
    ["ProtectionEnabled", "ExpiresInMinutes"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn find(id: &str, subject: &Subject<'_>) -> Result<(), Answer> {
    match container(&subject.task.spec, id) {
        Some(_) => Ok(()),
        None => {
            let message = "Failed to find a task for the request";
            Err(error(404, None, "ResourceNotFoundException", message.to_owned()))
        }
    }
}

/// The agent asks ECS with the credentials of the task's role.
fn check_role(subject: &Subject<'_>) -> Result<(), Answer> {
    match &subject.task.spec.definition.task_role_arn {
        Some(_) => Ok(()),
        None => {
            let message = "Invalid Request: no task IAM role credentials available for task";
            Err(error(403, Some(arn(subject)), "AccessDeniedException", message.to_owned()))
        }
    }
}

fn arn(subject: &Subject<'_>) -> Arn {
    Arn::task(subject.cluster, &subject.task.spec.id)
}

fn error(status: u16, arn: Option<Arn>, code: &'static str, message: String) -> Answer {
    Answer::json(status, &State { error: Some(Error { arn, code, message }), ..State::default() })
}
