//! Which path answers when a container is well, and who says so: guessed from the files of a repository, never without
//! a place that a reader can look up.

mod command;
mod compose;
mod dockerfile;
mod images;
mod infrastructure;
mod pipeline;
mod platforms;
mod ports;
mod routes;

pub(super) use dockerfile::exposed;
pub(super) use ports::silence;

use super::repository::Repository;
use question::{Evidence, Question, place};

/// The best evidence: what is deployed today comes before what is built, and what is built before what is written.
pub(super) fn health_path(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    let sources: [fn(&Repository, &Question<'_>) -> Option<Evidence>; 10] = [
        own_check,
        infrastructure::health_path,
        dockerfile::health_path,
        compose::health_path,
        pipeline::health_path,
        platforms::health_path,
        routes::health_path,
        routes::root,
        routes::part,
        images::health_path,
    ];
    sources.iter().find_map(|ask| ask(repository, question))
}

/// The task definition's own health check.
fn own_check(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    let path = command::path(question.health_command?, question.port, &command::Scripts::new(repository, question))?;
    let text = repository.text(question.task_definition).unwrap_or_default();
    // Several containers may have one; the right one stands behind the container's name.
    let name = text.find(&format!("\"{}\"", question.container)).unwrap_or(0);
    let line = text[name..]
        .match_indices("healthCheck")
        .map(|(at, _)| at + name)
        .find(|at| text[*at..].lines().take(12).any(|line| line.contains(path.trim_end_matches('/'))));
    let place = place(question.task_definition, text, line.unwrap_or(name));
    Some(Evidence::new(path, place, "from its health check in the task definition"))
}

pub(crate) mod question;
#[cfg(test)]
mod tests;
