//! What `init` needs of the readers here: the facts of a task definition, and any YAML as a tree.

use std::path::Path;

use super::diagnostics::{Diagnostics, Style};
use super::read::Reader;
use super::source::Sources;
use super::syntax;
use super::task_definition::{self, ReadDefinition};
use super::tree::{self, Node};

/// What matters for a first file.
pub(crate) struct TaskFacts {
    /// Name of the family.
    pub(crate) family: String,
    /// In the order of the definition.
    pub(crate) containers: Vec<ContainerFacts>,
}

/// One container.
pub(crate) struct ContainerFacts {
    /// Its name.
    pub(crate) name: String,
    /// Its image.
    pub(crate) image: String,
    /// TCP ports.
    pub(crate) ports: Vec<u16>,
    /// Variables.
    pub(crate) environment: Vec<(String, String)>,
    /// Variable, base name of the secret, JSON key.
    pub(crate) secrets: Vec<(String, String, Option<String>)>,
    /// Secret with the registry's credentials.
    pub(crate) credentials: Option<String>,
    /// Words of the health check.
    pub(crate) health_command: Option<String>,
}

/// Reads a task definition; `Err` is the rendered list of mistakes.
pub(crate) fn task_facts(path: &Path, text: &str) -> Result<TaskFacts, String> {
    let mut sources = Sources::default();
    let file = sources.add(path, text);
    let mut reader = Reader::default();
    let read = syntax::parse_definition(&sources, file, &mut reader)
        .and_then(|root| task_definition::read(&root, &|_| true, &mut reader));
    let diagnostics = Diagnostics::new(reader.diagnostics, sources);
    match read {
        Some(read) if diagnostics.errors() == 0 => Ok(facts(read)),
        _ => Err(diagnostics.render(Style::Plain)),
    }
}

fn facts(read: ReadDefinition) -> TaskFacts {
    let containers = read.definition.containers.into_iter().map(|container| ContainerFacts {
        name: container.name.as_str().to_owned(),
        image: container.image,
        ports: container.port_mappings.iter().filter(|mapping| !mapping.udp).map(|m| m.container_port).collect(),
        environment: container.environment.into_iter().collect(),
        secrets: container.secrets.into_iter().map(|secret| (secret.name, secret.secret, secret.json_key)).collect(),
        credentials: container.repository_credentials,
        health_command: container.health_check.map(|check| check.command.join(" ")),
    });
    TaskFacts { family: read.definition.family, containers: containers.collect() }
}

/// Any YAML file as a tree, if it is one.
pub(crate) fn yaml(text: &str) -> Option<Node> {
    let mut sources = Sources::default();
    let file = sources.add(Path::new("workflow"), text);
    tree::parse(&sources, file).ok()
}
