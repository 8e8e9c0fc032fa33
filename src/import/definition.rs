//! Task definitions as they lie in a repository: read leniently, because what ECS would refuse is `check`'s to say, and
//! what a pipeline fills in is missing.

use super::pipeline::paths::name;
use super::pipeline::stage::words;
use super::repository::{Content, Repository};
use neargate_config::init_support::yaml;
use neargate_config::text::tree::{Node, Value};
use neargate_config::value_from;

/// What a first file needs to know of a task definition.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// From the root of the repository.
    pub(super) path: String,
    pub(super) family: String,
    /// Whether it says that it is for Fargate, or could be.
    pub(super) fargate: bool,
    pub(super) containers: Vec<Container>,
}

/// One container.
#[derive(Clone, Debug, Default)]
pub(super) struct Container {
    pub(super) name: String,
    /// Empty if the pipeline fills it in.
    pub(super) image: String,
    /// TCP ports, in their order.
    pub(super) ports: Vec<u16>,
    /// Ports whose `appProtocol` is `grpc`.
    pub(super) grpc: Vec<u16>,
    pub(super) environment: Vec<(String, String)>,
    /// Variable, base name of the secret, JSON key.
    pub(super) secrets: Vec<(String, String, Option<String>)>,
    /// Secret with the registry's credentials.
    pub(super) credentials: Option<String>,
    /// Words of the health check.
    pub(super) health_command: Option<String>,
    /// Containers that it waits for.
    pub(super) depends_on: Vec<String>,
}

/// Every task definition of a repository, and what looks like one and cannot be read, with the reason.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    pub(super) read: Vec<Facts>,
    pub(super) broken: Vec<(String, String)>,
}

/// Finds them by what they say, whatever they are called.
pub(super) fn find(repository: &Repository) -> Definitions {
    let mut found = Definitions::default();
    for (path, text) in repository.texts_below("") {
        let extension = path.rsplit('.').next().unwrap_or_default().to_lowercase();
        let may_be = matches!(
            extension.as_str(),
            "json" | "json5" | "jsonc" | "yml" | "yaml" | "template" | "tpl" | "tmpl" | "j2"
        );
        if !may_be || !text.contains("containerDefinitions") {
            continue;
        }
        // What tools write as comments into JSON is for `check` to refuse, not for what is meant to be missed.
        let plain = if extension == "json" { without_comments(text) } else { text.to_owned() };
        match yaml(&plain).map(|root| facts(path, &root)) {
            Some(Some(facts)) => found.read.push(facts),
            // A template of something else that has task definitions in it.
            Some(None) => {}
            None if extension == "json" || named_like_one(path) => {
                found.broken.push((path.to_owned(), "it is neither JSON nor YAML".to_owned()));
            }
            None => {}
        }
    }
    for path in repository.paths().filter(|path| named_like_one(path)) {
        if let Some(Content::Unreadable(why)) = repository.content(path) {
            found.broken.push((path.to_owned(), format!("it {why}")));
        }
    }
    found
}

/// JSON without what stands between `//` and the end of a line, outside of its texts.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if !inside && rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        inside ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// Whether a file's name says that it is a task definition.
pub fn named_like_one(path: &str) -> bool {
    let name = name(path).to_lowercase().replace(['_', '.'], "-");
    ["task-def", "taskdef"].iter().any(|part| name.contains(part)) && !path.ends_with(".tf")
}

/// Whether a path says that the file is not the one that is used.
pub(super) fn is_aside(path: &str) -> bool {
    let aside = [
        "archive",
        "backup",
        "bak",
        "copy",
        "deprecated",
        "doc",
        "docs",
        "example",
        "examples",
        "fixture",
        "fixtures",
        "old",
        "sample",
        "samples",
        "template",
        "templates",
        "test",
        "tests",
    ];
    words(path).iter().any(|word| aside.contains(&word.as_str()))
}

fn facts(path: &str, root: &Node) -> Option<Facts> {
    // `aws ecs describe-task-definition` wraps what it prints.
    let node = root.get("taskDefinition").filter(|inner| inner.get("containerDefinitions").is_some()).unwrap_or(root);
    let Value::List(containers) = &node.get("containerDefinitions")?.value else { return None };
    let containers: Vec<Container> = containers.iter().filter_map(container).collect();
    if containers.is_empty() {
        return None;
    }
    let asks: Vec<&str> = list(node.get("requiresCompatibilities")).iter().filter_map(Node::text).collect();
    let mode = node.get("networkMode").and_then(Node::text);
    // What names nothing may be registered for both; without `awsvpc` Fargate refuses it.
    let fargate = asks.iter().any(|asked| asked.eq_ignore_ascii_case("FARGATE"))
        || (asks.is_empty() && (mode == Some("awsvpc") || (mode.is_none() && node.get("cpu").is_some())));
    let family = node.get("family").and_then(Node::text).unwrap_or_default();
    Some(Facts { path: path.to_owned(), family: family.to_owned(), fargate, containers })
}

fn list(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

fn container(node: &Node) -> Option<Container> {
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let mut container =
        Container { name: text("name")?, image: text("image").unwrap_or_default(), ..Container::default() };
    for mapping in list(node.get("portMappings")) {
        let udp =
            mapping.get("protocol").and_then(Node::text).is_some_and(|protocol| protocol.eq_ignore_ascii_case("udp"));
        let port = mapping.get("containerPort").and_then(Node::text).and_then(|port| port.parse().ok());
        if let Some(port) = port.filter(|port| !udp && *port != 0) {
            container.ports.push(port);
            if mapping.get("appProtocol").and_then(Node::text) == Some("grpc") {
                container.grpc.push(port);
            }
        }
    }
    for variable in list(node.get("environment")) {
        if let Some(name) = variable.get("name").and_then(Node::text) {
            let value = variable.get("value").and_then(Node::text).unwrap_or_default();
            container.environment.push((name.to_owned(), value.to_owned()));
        }
    }
    for secret in list(node.get("secrets")) {
        let (name, from) = (secret.get("name").and_then(Node::text), secret.get("valueFrom").and_then(Node::text));
        if let (Some(name), Some(Ok(from))) = (name, from.map(value_from::parse)) {
            container.secrets.push((name.to_owned(), from.secret, from.json_key));
        }
    }
    let credentials = node.get("repositoryCredentials").and_then(|c| c.get("credentialsParameter"));
    container.credentials = credentials.and_then(Node::text).map(str::to_owned);
    let command = node.get("healthCheck").and_then(|check| check.get("command"));
    let command: Vec<&str> = list(command).iter().filter_map(Node::text).collect();
    container.health_command = (!command.is_empty()).then(|| command.join(" "));
    let waits = list(node.get("dependsOn")).iter().filter_map(|on| on.get("containerName")?.text());
    container.depends_on = waits.map(str::to_owned).collect();
    Some(container)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_found_by_what_they_say() {
        let found = find(&Repository::from_files(&[
            ("a/td.json", r#"{"family":"f","networkMode":"awsvpc","containerDefinitions":[{"name":"c","image":""}]}"#),
            ("b.yml", "family: g\nrequiresCompatibilities: [EC2]\ncontainerDefinitions:\n  - name: d\n"),
            ("wrapped.json", r#"{"taskDefinition":{"family":"h","containerDefinitions":[{"name":"e"}]}}"#),
            ("cfn.yml", "Resources:\n  T:\n    Properties:\n      containerDefinitions: x\n"),
            ("package.json", "{}"),
            ("task-definition-old.json", "{ containerDefinitions: [ "),
        ]));
        let read: Vec<(&str, &str, bool)> =
            found.read.iter().map(|facts| (facts.path.as_str(), facts.family.as_str(), facts.fargate)).collect();
        assert_eq!(read, [("a/td.json", "f", true), ("b.yml", "g", false), ("wrapped.json", "h", false)]);
        assert_eq!(found.broken.len(), 1);
        assert!(is_aside("task-definition-old.json") && !is_aside(".aws/goldfish.json"));
    }
}
