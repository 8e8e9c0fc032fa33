//! Health checks that the repository declares for another platform: the application answers them there as it does here.

use super::compose::entries;
use super::question::{Evidence, Question, is_below, place};
use crate::repository::Repository;
use neargate_config::init_support;
use neargate_config::text::tree::{Node, Value};

/// Keys of platforms that have one path for one application, and the files they are in.
const SIMPLE: &[(&str, &[&str], &str)] = &[
    ("render.yaml", &["healthCheckPath"], "from its health check on Render"),
    ("railway.json", &["healthcheckPath"], "from its health check on Railway"),
    ("railway.toml", &["healthcheckPath"], "from its health check on Railway"),
    ("fly.toml", &["path"], "from its health check on Fly"),
    ("app.yaml", &["http_path", "path"], "from its health check on another platform"),
    ("app.json", &["path"], "from its health check on another platform"),
];

/// The path of a probe in Kubernetes, or of another platform's file beside the application.
pub(super) fn health_path(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    simple(repository, question).or_else(|| {
        repository
            .texts_below("")
            .filter(|(path, text)| is_yaml(path) && text.contains("httpGet") && text.contains("containers:"))
            .find_map(|(path, text)| probe(path, text, question))
    })
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yml") || path.ends_with(".yaml")
}

fn simple(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    let context = question.context?;
    SIMPLE.iter().find_map(|(name, keys, why)| {
        let (path, text) = repository.texts_below(context).find(|(path, _)| {
            let beside = path.rsplit('/').next() == Some(name);
            // Deeper ones are another application's.
            beside
                && (question.only
                    || !is_below(super::question::folder_of(path), context)
                    || super::question::folder_of(path).is_empty())
        })?;
        let mut at = 0;
        text.split_inclusive('\n').find_map(|line| {
            let here = at;
            at += line.len();
            let (key, value) = line.split_once([':', '='])?;
            let key = key.trim().trim_matches(['"', '\'', '-', ' ']);
            let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
            let is_path = keys.contains(&key) && super::routes::tells_health(value);
            is_path.then(|| Evidence::new(value, place(path, text, here), why))
        })
    })
}

/// `containers[].readinessProbe.httpGet` of the container of that name or port, in any of the file's documents.
fn probe(path: &str, text: &str, question: &Question<'_>) -> Option<Evidence> {
    text.split("\n---").find_map(|document| {
        let root = init_support::yaml(document)?;
        let mut containers = Vec::new();
        containers_of(&root, &mut containers);
        let container = containers.into_iter().find(|container| {
            let named = container.get("name").and_then(Node::text) == Some(question.container);
            let ports = match container.get("ports").map(|ports| &ports.value) {
                Some(Value::List(ports)) => ports.as_slice(),
                _ => &[],
            };
            named
                || ports
                    .iter()
                    .any(|port| port.get("containerPort").and_then(Node::text) == Some(&question.port.to_string()))
        })?;
        let check = ["readinessProbe", "livenessProbe", "startupProbe"]
            .iter()
            .find_map(|probe| container.get(probe)?.get("httpGet"))?;
        let asked = check.get("path").and_then(Node::text).filter(|path| path.starts_with('/'))?;
        let at = text.find(&format!("path: {asked}")).unwrap_or(0);
        Some(Evidence::new(asked, place(path, text, at), "from its probe in Kubernetes"))
    })
}

fn containers_of<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
    for (key, value) in entries(Some(node)) {
        match &value.value {
            Value::List(items) if key == "containers" => found.extend(items),
            Value::List(items) => items.iter().for_each(|item| containers_of(item, found)),
            _ => containers_of(value, found),
        }
    }
}
