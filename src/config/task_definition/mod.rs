//! ECS task definitions, in the form in which they are registered.
//!
//! Anything that RegisterTaskDefinition would refuse on Fargate is refused here, in its own words; anything that it would
//! accept loads, and [`super::fidelity`] says how every field is treated.

#[cfg(test)]
mod cases;
mod container_file;
pub(crate) mod context;
pub(crate) mod file;
mod found;
mod input;
mod remarks;
mod shape;
mod tell;

use super::read::reader::{Read, Reader, Spanned};
use super::text::source::Span;
use super::text::tree::Node;
use context::WantedSecret;
use file::{ContainerFile, TaskDefinitionFile};
use neargate_ecs::task_definition::violation::Violation;
use neargate_ecs::task_definition::{definition, refusals, value_from};
use neargate_model::task_definition::TaskDefinition;
use tell::Told;

/// A task definition, and the positions in its file that diagnostics need.
#[derive(Clone, Debug)]
pub(crate) struct ReadDefinition {
    /// The definition.
    pub(crate) definition: TaskDefinition,
    /// The position of each container's name, in the order of the definition, and whether all its ports could be read.
    pub(crate) containers: Vec<(Span, bool)>,
    /// The position of each image, or of the container if it has none.
    pub(crate) images: Vec<Span>,
    /// Every `valueFrom` and `credentialsParameter`: base name, position, and user.
    pub(crate) secrets: Vec<WantedSecret>,
    /// Every environment file, by its ARN.
    pub(crate) environment_files: Vec<Spanned<String>>,
}

/// Reads a parsed file. `None` after reporting. A container that `is_built` needs no image, because pipelines fill it
/// in after building it.
pub(crate) fn read(root: &Node, is_built: &dyn Fn(&str) -> bool, reader: &mut Reader) -> Option<ReadDefinition> {
    let node = shape::definition(root, reader)?;
    reader.aws_file("task_definition", |reader| read_definition(node, is_built, reader))
}

fn read_definition(node: &Node, is_built: &dyn Fn(&str) -> bool, reader: &mut Reader) -> Option<ReadDefinition> {
    let before = reader.diagnostics.len();
    let file = TaskDefinitionFile::read(node, reader)?;
    let files = file.container_definitions.as_deref().unwrap_or_default();
    let registration = input::registration(&file);
    let mut refused = refusals(&registration);
    if file.container_definitions.is_some() && reader.diagnostics.len() > before {
        // A list with something unreadable in it has been reported already.
        refused.retain(|refusal| refusal.violation != Violation::NoContainers);
    }
    remarks::task(&file, reader);
    files.iter().for_each(|container| remarks::container(container, reader));
    Told { root: node, file: &file, is_built }.tell(&refused, reader);
    let places = files
        .iter()
        .map(|container| {
            let ports = container.port_mappings.iter().flatten();
            let sure = ports.clone().all(|port| port.container_port.is_some() || port.container_port_range.is_some());
            (container.name.as_ref().map_or(container.span, |name| name.span), sure)
        })
        .collect();
    let images =
        files.iter().map(|container| container.image.as_ref().map_or(container.span, |image| image.span)).collect();
    Some(ReadDefinition {
        definition: definition(&registration)?,
        containers: places,
        images,
        secrets: files.iter().flat_map(wanted).collect(),
        environment_files: files
            .iter()
            .flat_map(|container| container.environment_files.iter().flatten())
            .filter_map(|file| file.value.clone())
            .collect(),
    })
}

/// The secrets of a container, and the credentials of its registry.
fn wanted(container: &ContainerFile) -> Vec<WantedSecret> {
    let secrets = container.secrets.iter().flatten().filter_map(|secret| {
        let (name, from) = (secret.name.as_ref()?, secret.value_from.as_ref()?);
        let read = value_from::parse(from).ok()?;
        Some(WantedSecret {
            secret: read.value(),
            span: from.span,
            variable: Some(name.value.clone()),
            json_key: read.json_key,
        })
    });
    let credentials = container.repository_credentials.as_ref().and_then(|file| file.credentials_parameter.as_ref());
    let credentials = credentials.map(|credentials| WantedSecret {
        secret: credentials.value.clone(),
        span: credentials.span,
        variable: None,
        json_key: None,
    });
    secrets.chain(credentials).collect()
}
