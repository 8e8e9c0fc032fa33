//! Compose files: services with what they are built from.

use super::found::{Build, Place, line_of};
use super::paths::{join, name};
use super::scope::{entries, items, text_of};
use super::text::{Text, unknown};
use crate::repository::Repository;
use neargate_config::init_support::yaml;
use neargate_config::text::tree::{Node, Value};

/// A service of a Compose file that is built.
#[derive(Clone, Debug)]
pub(crate) struct ComposeService {
    pub(crate) name: String,
    pub(crate) place: Place,
    context: String,
    dockerfile: String,
    args: Vec<(String, Text)>,
    target: Option<Text>,
    images: Vec<Text>,
}

impl ComposeService {
    /// As an image that a job builds.
    pub(crate) fn into_build(self, place: Place, job: usize, step: Option<String>) -> Build {
        Build {
            place,
            job,
            step,
            context: self.context,
            dockerfile: self.dockerfile,
            args: self.args,
            target: self.target,
            images: self.images,
            names: vec![self.name],
        }
    }
}

/// The Compose files of a repository, shallow ones and those for production first.
pub(crate) fn files(repository: &Repository) -> Vec<&str> {
    let is_compose = |path: &&str| {
        let file = name(path).to_lowercase();
        (file.ends_with(".yml") || file.ends_with(".yaml"))
            && (file.starts_with("docker-compose") || file.starts_with("compose"))
    };
    let mut files: Vec<&str> = repository.paths().filter(is_compose).collect();
    let wanted = super::stage::Wanted::new(None);
    files.sort_by_key(|path| (path.matches('/').count(), wanted.rank(name(path)), path.len(), *path));
    files
}

/// The services of these files (of the usual ones in the folder if there are none) that are built; only the named ones
/// if there are names.
pub(super) fn builds(
    repository: &Repository,
    files: &[String],
    folder: &str,
    services: &[Text],
    variables: &dyn Fn(&str) -> Option<Text>,
) -> Vec<ComposeService> {
    let usual =
        ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"].map(|file| join(folder, file));
    let files = if files.is_empty() {
        usual.into_iter().filter(|path| repository.has(path)).take(1).collect()
    } else {
        files.to_vec()
    };
    let mut found: Vec<ComposeService> = Vec::new();
    for file in &files {
        for service in of_file(repository, file, variables) {
            let asked = services.is_empty() || services.contains(&service.name);
            // A later file overrides an earlier one.
            found.retain(|known| known.name != service.name);
            if asked {
                found.push(service);
            }
        }
    }
    found
}

/// The services of one file that are built.
pub(crate) fn of_file(
    repository: &Repository,
    file: &str,
    variables: &dyn Fn(&str) -> Option<Text>,
) -> Vec<ComposeService> {
    let Some(text) = repository.text(file) else { return Vec::new() };
    let Some(root) = yaml(text) else { return Vec::new() };
    let folder = super::paths::parent(file);
    let mut found = Vec::new();
    for entry in entries(root.get("services")) {
        let Some(build) = entry.value.get("build").filter(|build| !build.is_null()) else { continue };
        let resolve = |text: &str| interpolate(text, variables);
        let context = build.text().or_else(|| text_of(build, "context")).unwrap_or(".");
        if context.contains("://") {
            continue;
        }
        let context = join(folder, &resolve(context));
        let dockerfile = text_of(build, "dockerfile").map_or_else(|| "Dockerfile".to_owned(), resolve);
        let own = unknown("project");
        let mut images = vec![format!("{own}-{}", entry.key), format!("{own}_{}", entry.key)];
        images.splice(0..0, text_of(&entry.value, "image").map(resolve));
        found.push(ComposeService {
            name: entry.key.clone(),
            place: Place { file: file.to_owned(), line: line_of(text, entry.key_span.range().start) },
            dockerfile: join(&context, &dockerfile),
            context,
            args: args(build.get("args"), &resolve),
            target: text_of(build, "target").map(resolve),
            images,
        });
    }
    found
}

fn args(node: Option<&Node>, resolve: &dyn Fn(&str) -> Text) -> Vec<(String, Text)> {
    let without_value = |name: &str| unknown(&format!("${name}"));
    match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.text().map_or_else(|| without_value(&entry.key), resolve)))
            .collect(),
        Some(_) => items(node)
            .iter()
            .filter_map(Node::text)
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (name.to_owned(), resolve(value)),
                None => (pair.to_owned(), without_value(pair)),
            })
            .collect(),
        None => Vec::new(),
    }
}

/// `${NAME:-default}` and its like; what is not set stays unknown.
fn interpolate(text: &str, variables: &dyn Fn(&str) -> Option<Text>) -> Text {
    let text = super::text::from_file(text);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
            continue;
        }
        let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (reference, more) = match braced {
            Some(found) => found,
            None => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        let end = reference.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(reference.len());
        let (name, operation) = reference.split_at(end);
        let default = operation.strip_prefix(":-").or_else(|| operation.strip_prefix('-'));
        out.push_str(&match (variables(name), default) {
            _ if name.is_empty() => "$".to_owned(),
            (Some(value), _) => value,
            (None, Some(default)) => default.to_owned(),
            (None, None) => unknown(&format!("${name}")),
        });
        rest = more;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_built_as_compose_builds_them() {
        let repository = Repository::from_files(&[(
            "deploy/docker-compose.yml",
            "services:\n  web:\n    image: team/web:${TAG:-latest}\n    build: { context: ../web, dockerfile: prod.Dockerfile, args: [A=1, B] }\n  db: { image: postgres }\n  api:\n    build: ..\n",
        )]);
        let services = of_file(&repository, "deploy/docker-compose.yml", &|_| None);
        let [web, api] = &services[..] else { panic!("{services:?}") };
        assert_eq!((web.context.as_str(), web.dockerfile.as_str()), ("web", "web/prod.Dockerfile"));
        assert_eq!(web.images[0], "team/web:latest");
        assert_eq!(web.args, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), unknown("$B"))]);
        assert_eq!((api.context.as_str(), api.dockerfile.as_str(), api.place.line), ("", "Dockerfile", 6));
    }
}
