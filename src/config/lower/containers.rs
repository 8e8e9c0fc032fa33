//! Containers and folders that a service's keys refer to.

use std::path::Path;

use super::lowering::Lowering;
use crate::read::reader::Spanned;
use crate::task_definition::ReadDefinition;
use crate::task_definition::context::unknown_container;

pub(crate) fn container_names(definition: &ReadDefinition) -> Vec<&str> {
    definition.definition.containers.iter().map(|container| container.name.as_str()).collect()
}

pub(crate) fn known_container(name: &Spanned<String>, definition: &ReadDefinition, lowering: &mut Lowering<'_>) {
    let names = container_names(definition);
    if !names.contains(&name.as_str()) {
        lowering.report(unknown_container(name, &names, "the task definition"));
    }
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
