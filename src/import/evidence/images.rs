//! Images that many applications have beside their own, and where their documentation says that they tell their health.

use super::question::{Evidence, Question, place};
use crate::repository::Repository;

/// The last part of the image's name, the path, and what counts as healthy if 200 does not.
const IMAGES: &[(&str, &str, Option<&str>)] = &[
    ("adminer", "/", None),
    ("elasticsearch", "/_cluster/health", None),
    ("grafana", "/api/health", None),
    ("graphql-engine", "/healthz", None),
    ("httpd", "/", None),
    ("metabase", "/api/health", None),
    ("minio", "/minio/health/live", None),
    ("n8n", "/healthz", None),
    ("nginx", "/", None),
    ("opensearch", "/_cluster/health", None),
    ("phpmyadmin", "/", None),
    ("prometheus", "/-/healthy", None),
    ("traefik", "/ping", None),
    ("vault", "/v1/sys/health", None),
    // It sends a visitor on to its installation until it is set up.
    ("wordpress", "/", Some("200-399")),
];

/// The path of a pulled image that is known.
pub(super) fn health_path(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    if question.context.is_some() {
        return None;
    }
    let name = question.image.rsplit('/').next()?.split([':', '@']).next()?;
    let (_, path, matcher) = IMAGES.iter().find(|(known, ..)| *known == name)?;
    let text = repository.text(question.task_definition).unwrap_or_default();
    let at = text.find(question.image).unwrap_or(0);
    Some(Evidence {
        path: (*path).to_owned(),
        matcher: matcher.map(str::to_owned),
        place: place(question.task_definition, text, at),
        why: "the image's documentation names it",
    })
}
