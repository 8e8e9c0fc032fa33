//! Answers requests.

use std::collections::BTreeMap;

use super::container::ContainerMetadata;
use super::credentials::{Credentials, Given};
use super::errors::{Asked, no_credentials, no_credentials_id, no_such_credentials, unknown_id};
use super::ids::{container, credentials_id, runtime_id};
use super::path::Path;
use super::protection;
use super::request::Request;
use super::response::Answer;
use super::stats::ContainerStats;
use super::subject::Subject;
use super::task::TaskMetadata;

/// Answers a task's request.
pub fn answer(request: Request<'_>, subject: &Subject<'_>) -> Answer {
    let spec = &*subject.task.spec;
    let known = |id: &str| container(spec, id).and_then(|name| spec.definition.container(name));
    let Some(path) = Path::parse(request.path, request.query) else {
        return Answer::text(404, "404 page not found\n");
    };
    if request.method != "GET" {
        return Answer::text(405, "");
    }
    match path {
        Path::Container(version, id) => match known(id) {
            Some(definition) => Answer::json(200, &ContainerMetadata::new(subject, definition)),
            None => unknown_id(version, Asked::Container, id),
        },
        Path::Task(version, id) | Path::TaskWithTags(version, id) => match known(id) {
            Some(_) => Answer::json(200, &TaskMetadata::new(subject)),
            None => unknown_id(version, Asked::Task, id),
        },
        Path::ContainerStats(version, id) => match known(id) {
            Some(definition) => Answer::json(200, &ContainerStats::new(subject, definition)),
            None => unknown_id(version, Asked::ContainerStats, id),
        },
        Path::TaskStats(version, id) => match known(id) {
            Some(_) => Answer::json(200, &all_stats(subject)),
            None => unknown_id(version, Asked::TaskStats, id),
        },
        Path::Credentials(None) => no_credentials_id(),
        Path::Credentials(Some(id)) => match &spec.definition.task_role_arn {
            Some(role) if id == credentials_id(&spec.id) => match subject.credentials {
                Given::Nothing => Answer::json(200, &Credentials::made_up(role, &spec.id, subject.now.timestamp)),
                Given::Profile(given) => Answer::json(200, &Credentials::of_profile(role, given)),
                Given::Unavailable => no_credentials(),
            },
            _ => no_such_credentials(),
        },
        Path::Protection(id) => protection::state(id, subject),
    }
}

/// Of all containers, by runtime id.
fn all_stats<'a>(subject: &Subject<'a>) -> BTreeMap<String, Option<ContainerStats<'a>>> {
    let spec = &*subject.task.spec;
    let definitions = spec.definition.containers.iter();
    definitions
        .map(|definition| (runtime_id(&spec.id, &definition.name), ContainerStats::new(subject, definition)))
        .collect()
}
