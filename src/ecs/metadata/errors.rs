//! What the endpoint answers when it cannot (amazon-ecs-agent, `ecs-agent/tmds/handlers`).

use serde::Serialize;

use super::path::Version;
use super::response::Answer;

/// What was asked for with an id that is no container of the task that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Container,
    Task,
    ContainerStats,
    TaskStats,
}

/// 404 with a sentence as JSON.
pub(super) fn unknown_id(version: Version, asked: Asked, id: &str) -> Answer {
    let v = match version {
        Version::V3 => "V3",
        Version::V4 => "V4",
    };
    let no_container = "unable to get container ID from request: unable to get docker ID from v3 endpoint ID";
    let no_task = "unable to get task arn from request: unable to get task Arn from v3 endpoint ID";
    let (handler, why) = match asked {
        Asked::Container => ("container metadata", no_container),
        Asked::Task => ("task metadata", no_task),
        Asked::ContainerStats => ("container stats", no_task),
        Asked::TaskStats => ("task stats", no_task),
    };
    Answer::json(404, &format!("{v} {handler} handler: {why}: {id}"))
}

/// An error of the credentials' paths. Its third member keeps the name that it has in the agent's source.
#[derive(Serialize)]
struct CredentialsError<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(rename = "HTTPErrorCode")]
    status: u16,
}

/// No id in the path.
pub(super) fn no_credentials_id() -> Answer {
    credentials_error("NoIdInRequest", "CredentialsV2Request: No Credential ID in the request")
}

/// An id that is not that of the task that asks.
pub(super) fn no_such_credentials() -> Answer {
    credentials_error("InvalidIdInRequest", "CredentialsV2Request: Credentials not found")
}

/// There should be some, and there are none.
pub(super) fn no_credentials() -> Answer {
    let (code, message) = ("InternalServerError", "CredentialsV2Request: Internal server error");
    Answer::json(500, &CredentialsError { code, message, status: 500 })
}

fn credentials_error(code: &str, message: &str) -> Answer {
    Answer::json(400, &CredentialsError { code, message, status: 400 })
}
