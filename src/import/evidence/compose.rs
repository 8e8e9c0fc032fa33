//! Health checks in compose files.

use super::command::{self, Scripts};
use super::question::{Evidence, Question, folder_of, join, place};
use crate::repository::Repository;
use neargate_config::init_support;
use neargate_config::text::tree::{Node, Value};

/// A service of a compose file that is built as the container is, or named like it.
struct Candidate<'r> {
    path: &'r str,
    text: &'r str,
    test: Node,
    likeness: u8,
}

/// The path of the health check of the same service.
pub(super) fn health_path(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    let mut candidates: Vec<Candidate<'_>> = repository
        .texts_below("")
        .filter(|(path, _)| is_compose(path))
        .flat_map(|(path, text)| candidates(path, text, question))
        .collect();
    // The same Dockerfile before the same name; files for production before others.
    candidates.sort_by_key(|candidate| (candidate.likeness, !candidate.path.contains("prod"), candidate.path));
    candidates.iter().find_map(|candidate| {
        let scripts = Scripts::new(repository, question);
        let asked = command::path(&words(&candidate.test), question.port, &scripts)?;
        let at = candidate.test.span.range().start;
        let place = place(candidate.path, candidate.text, at);
        Some(Evidence::new(asked, place, "from the health check of the same service in the compose file"))
    })
}

/// Whether a file is one of compose's by its name.
pub(super) fn is_compose(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    name.contains("compose") && (name.ends_with(".yml") || name.ends_with(".yaml"))
}

/// The port of the host that leads to the container's port, in any compose file that builds the container.
pub(super) fn published(repository: &Repository, question: &Question<'_>) -> Vec<u16> {
    let files = repository.texts_below("").filter(|(path, _)| is_compose(path));
    let services = files.flat_map(|(path, text)| {
        let root = init_support::yaml(text);
        entries(root.as_ref().and_then(|root| root.get("services")))
            .filter(|(name, service)| likeness(path, name, service, question).is_some())
            .map(|(_, service)| service.clone())
            .collect::<Vec<_>>()
    });
    services
        .flat_map(|service| items(service.get("ports")).filter_map(Node::text).map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|mapping| {
            let mut parts = mapping.rsplit(':');
            let inside: u16 = parts.next()?.split('/').next()?.parse().ok()?;
            let outside = parts.next()?.parse().ok()?;
            (inside == question.port).then_some(outside)
        })
        .collect()
}

fn candidates<'r>(path: &'r str, text: &'r str, question: &Question<'_>) -> Vec<Candidate<'r>> {
    let root = init_support::yaml(text);
    entries(root.as_ref().and_then(|root| root.get("services")))
        .filter_map(|(name, service)| {
            let likeness = likeness(path, name, service, question)?;
            let test = service.get("healthcheck")?.get("test")?.clone();
            Some(Candidate { path, text, test, likeness })
        })
        .collect()
}

/// How sure it is that a compose service is the container, best first; `None` if it is another.
fn likeness(path: &str, name: &str, service: &Node, question: &Question<'_>) -> Option<u8> {
    let context = question.context.and_then(|context| join("", context));
    let built = built_from(path, service);
    match (&built, &context, question.dockerfile) {
        (Some((_, dockerfile)), _, Some(wanted)) if dockerfile == wanted => return Some(0),
        (Some((folder, _)), Some(context), _) if folder == context && !context.is_empty() => return Some(1),
        _ => {}
    }
    let image = service.get("image").and_then(Node::text);
    if image.is_some_and(|image| repository_of(image) == repository_of(question.image)) && built.is_none() {
        return Some(2);
    }
    let same_name = name == question.container;
    // A name says nothing against the folder that it is built from.
    let elsewhere = built.is_some() && context.is_some() && !same_name;
    (same_name && !elsewhere).then_some(3)
}

/// Context and Dockerfile, from the root of the repository.
fn built_from(path: &str, service: &Node) -> Option<(String, String)> {
    let build = service.get("build")?;
    let context = build.text().or_else(|| build.get("context").and_then(Node::text)).unwrap_or(".");
    let dockerfile = build.get("dockerfile").and_then(Node::text).unwrap_or("Dockerfile");
    let context = join(folder_of(path), context)?;
    let dockerfile = join(&context, dockerfile)?;
    Some((context, dockerfile))
}

/// An image without registry's account, tag and digest.
fn repository_of(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split(':').next().unwrap_or(name)
}

fn words(test: &Node) -> String {
    match test.text() {
        Some(text) => text.to_owned(),
        None => items(Some(test)).filter_map(Node::text).collect::<Vec<_>>().join(" "),
    }
}

/// Keys and values of a mapping.
pub(super) fn entries(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    let entries = match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|entry| (entry.key.as_str(), &entry.value))
}

/// Items of a list.
fn items(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    }
    .iter()
}
