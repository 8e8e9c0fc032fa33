//! Containers and folders that a service's keys refer to.

use std::path::Path;

use super::lowering::Lowering;
use crate::read::reader::Spanned;
use crate::task_definition::ReadDefinition;
use crate::task_definition::context::unknown_container;
use crate::text::diagnostics::Diagnostic;
use neargate_ecs::violation::Violation;
use neargate_model::ContainerName;

const CREATE: &str = "ECS API reference, CreateService";

pub(crate) fn container_names(definition: &ReadDefinition) -> Vec<&str> {
    definition.definition.containers.iter().map(|container| container.name.as_str()).collect()
}

pub(crate) fn known_container(name: &Spanned<String>, definition: &ReadDefinition, lowering: &mut Lowering<'_>) {
    let names = container_names(definition);
    if !names.contains(&name.as_str()) {
        lowering.report(unknown_container(name, &names, "the task definition"));
    }
}

/// Reports a port that a container does not declare.
pub(crate) fn port_exists(
    name: &Spanned<String>,
    port: &Spanned<u16>,
    definition: &ReadDefinition,
    lowering: &mut Lowering<'_>,
) {
    let containers = &definition.definition.containers;
    let Some(index) = containers.iter().position(|container| container.name.as_str() == name.value) else {
        lowering.report(
            unknown_container(name, &container_names(definition), "the task definition")
                .aws(&Violation::ContainerNotFound(ContainerName::new(&name.value)).to_string(), CREATE),
        );
        return;
    };
    let ports: Vec<u16> = containers[index].port_mappings.iter().map(|mapping| mapping.container_port).collect();
    // A mapping that could not be read may be the one.
    if ports.contains(&port.value) || definition.containers.get(index).is_some_and(|(_, sure)| !sure) {
        return;
    }
    let owner = containers
        .iter()
        .find(|container| container.port_mappings.iter().any(|mapping| mapping.container_port == port.value));
    let help = match (ports.as_slice(), owner) {
        (_, Some(owner)) => format!("port {} belongs to the container `{}`", port.value, owner.name),
        ([], None) => format!("add {{\"containerPort\": {}}} to the `portMappings` of `{}`", port.value, name.value),
        ([only], None) => format!("its port is {only}"),
        (several, None) => {
            let several = several.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            format!("its ports are {several}")
        }
    };
    let wrong = format!("the container `{}` has no port {}", name.value, port.value);
    let mut diagnostic = Diagnostic::error(wrong, port.span, "");
    if let Some((span, _)) = definition.containers.get(index) {
        diagnostic = diagnostic.also(*span, "the container");
    }
    lowering.report(
        diagnostic
            .aws(
                &Violation::PortNotFound { container: ContainerName::new(&name.value), port: port.value }.to_string(),
                CREATE,
            )
            .help(help),
    );
}

/// `a/./b/../c` as `a/c`: for messages, and for comparing builds.
pub(crate) fn normal(path: &Path) -> std::path::PathBuf {
    let mut out = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
