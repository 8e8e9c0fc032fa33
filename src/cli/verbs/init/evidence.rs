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

/// What is asked about one container behind the load balancer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'q> {
    /// Its name in the task definition.
    pub(super) container: &'q str,
    /// The ECS service it runs in, if anything names it.
    pub(super) service: Option<&'q str>,
    /// The container's port that the target group uses.
    pub(super) port: u16,
    /// The image as the task definition names it.
    pub(super) image: &'q str,
    /// The build context, from the root of the repository; `None` when the image is pulled.
    pub(super) context: Option<&'q str>,
    /// The Dockerfile, from the root of the repository.
    pub(super) dockerfile: Option<&'q str>,
    /// The stage that is built, if not the last one.
    pub(super) target: Option<&'q str>,
    /// The task definition's file, from the root of the repository.
    pub(super) task_definition: &'q str,
    /// Words of its own `healthCheck` there.
    pub(super) health_command: Option<&'q str>,
    /// Whether no other container is behind the load balancer: then what names no container means this one.
    pub(super) only: bool,
}

/// An answer, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    /// The path to ask for.
    pub(super) path: String,
    /// Statuses that count as healthy, if the source says so or 200 would not do.
    pub(super) matcher: Option<String>,
    /// `file:line`, from the root of the repository.
    pub(super) place: String,
    /// The end of the sentence "health check /health for `api`: …".
    pub(super) why: &'static str,
}

impl Evidence {
    fn new(path: impl Into<String>, place: String, why: &'static str) -> Self {
        Self { path: path.into(), matcher: None, place, why }
    }
}

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
    let path = command::path(question.health_command?, question.port, &command::Scripts::of(repository, question))?;
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

/// `file:line` of a byte.
fn place(path: &str, text: &str, at: usize) -> String {
    format!("{path}:{}", text[..at.min(text.len())].matches('\n').count() + 1)
}

/// Words of a name: `web-svc` and `webSvc` both have `web` and `svc`.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let starts = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && before.is_ascii_lowercase());
        if starts && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.push(c.to_ascii_lowercase()));
        }
        before = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

/// Joins and simplifies: `a/b` and `../c` are `a/c`. What leads out of the repository is `None`.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder of a file; empty for the root.
fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether the path lies in the folder; the root holds everything.
fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    matches!(folder, "" | ".") || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
