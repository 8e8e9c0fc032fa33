//! ECS task definitions, in the form in which they are registered.
//!
//! Anything that RegisterTaskDefinition would refuse on Fargate is refused here, in its own words; anything that it would
//! accept loads, and [`super::fidelity`] says how every field is treated.

#[cfg(test)]
mod cases;
mod container_file;
mod containers;
pub(crate) mod context;
mod dependencies;
pub(crate) mod file;
mod logs;
mod ports;
mod refusals;
mod roles;
mod shape;
mod sizes;
pub mod value_from;
mod volumes;

use super::read::reader::{Read, Reader, Spanned};
use super::text::diagnostics::Diagnostic;
use super::text::source::Span;
use super::text::tree::Node;
use super::variables::template;
use context::{REGISTER, WantedSecret, is_ecs_name};
use file::{CpuArchitectureWord, TaskDefinitionFile};
use neargate_model::task_definition::{CpuArchitecture, TaskDefinition};

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
    refusals::task(&file, reader);
    let family = family(&file, reader);
    let size = size(&file, reader);
    let volumes = volumes::lower(file.volumes.as_deref().unwrap_or_default(), reader);
    let definitions = file.container_definitions.as_deref().unwrap_or_default();
    if definitions.is_empty() {
        // A list with something unreadable in it has been reported already.
        let nothing_said = reader.diagnostics[before..].is_empty();
        let explained = reader.has_explained(file.whole, "containerDefinitions");
        if nothing_said || (file.container_definitions.is_none() && !explained) {
            reader.report(
                Diagnostic::error("a task definition without containers", file.span, "")
                    .aws("Container list cannot be empty", REGISTER)
                    .help("give `containerDefinitions` at least one container"),
            );
        }
        return None;
    }
    if definitions.len() > 10 {
        reader.report(
            Diagnostic::error(format!("{} containers in one task", definitions.len()), definitions[10].span, "")
                .aws("Too many containers.", REGISTER)
                .note("a task has at most 10 containers"),
        );
    }
    let context = context::Context { family: &family.value, task: size, volumes: &volumes, is_built };
    let mut secrets = Vec::new();
    let lowered: Vec<_> =
        definitions.iter().map(|container| containers::lower(container, &context, &mut secrets, reader)).collect();
    ports::clashes(definitions, reader);
    dependencies::check(definitions, reader);
    logs::routers(definitions, reader);
    roles::execution(&file, definitions, reader);
    refusals::together(&file, definitions, size, reader);

    let containers: Option<Vec<_>> = lowered.into_iter().collect();
    let places = definitions
        .iter()
        .map(|container| {
            let ports = container.port_mappings.iter().flatten();
            let sure = ports.clone().all(|port| port.container_port.is_some() || port.container_port_range.is_some());
            (container.name.as_ref().map_or(container.span, |name| name.span), sure)
        })
        .collect();
    let images = definitions
        .iter()
        .map(|container| container.image.as_ref().map_or(container.span, |image| image.span))
        .collect();
    let (cpu, memory_mib) = size?;
    Some(ReadDefinition {
        definition: TaskDefinition {
            family: family.value,
            containers: containers?,
            cpu,
            memory_mib,
            cpu_architecture: file.runtime_platform.as_ref().and_then(architecture),
            execution_role_arn: file.execution_role_arn.map(|arn| arn.value),
            task_role_arn: file.task_role_arn.map(|arn| arn.value),
            volumes,
        },
        containers: places,
        images,
        secrets,
    })
}

fn architecture(platform: &file::RuntimePlatformFile) -> Option<CpuArchitecture> {
    platform.cpu_architecture.as_ref().map(|word| match word.value {
        CpuArchitectureWord::X86 => CpuArchitecture::X86_64,
        CpuArchitectureWord::Arm => CpuArchitecture::Arm64,
    })
}

fn family(file: &TaskDefinitionFile, reader: &mut Reader) -> Spanned<String> {
    let Some(family) = &file.family else {
        if reader.has_explained(file.whole, "family") {
            return Spanned { value: String::new(), span: file.span };
        }
        reader.report(
            Diagnostic::error("a task definition needs `family`", file.span, "`family` is missing here")
                .help("add \"family\": \"NAME\": revisions are counted by it"),
        );
        return Spanned { value: String::new(), span: file.span };
    };
    if !is_ecs_name(family) && template::is_one(Some(family)) {
        reader.template(family.span);
    } else if !is_ecs_name(family) {
        reader.report(
            Diagnostic::error("not the name of a family", family.span, "")
                .note(format!("1 to 255 letters, digits, `-` and `_` ({REGISTER})")),
        );
    }
    family.clone()
}

/// CPU units and MiB of the task, if both can be read.
fn size(file: &TaskDefinitionFile, reader: &mut Reader) -> Option<(u32, u32)> {
    let mut one = |field: &Option<Spanned<String>>, key: &str, parse: fn(&str) -> Option<u32>, example: &str| {
        let Some(field) = field else {
            if reader.has_explained(file.whole, key) {
                return None;
            }
            reader.report(
                Diagnostic::error(format!("the task has no `{key}`"), file.span, format!("`{key}` is missing here"))
                    .aws(&format!("Fargate requires that '{key}' be defined at the task level"), REGISTER)
                    .help(format!("add \"{key}\": \"{example}\" next to `containerDefinitions`")),
            );
            return None;
        };
        let value = parse(field);
        if value.is_none() && template::is_one(Some(field)) {
            reader.template(field.span);
        } else if value.is_none() {
            reader.report(
                Diagnostic::error(format!("`{}` is not a {key} size", field.value), field.span, "")
                    .aws(&format!("Invalid '{key}' setting for task."), REGISTER)
                    .help(format!("write it as \"{example}\"")),
            );
        }
        Some((value?, field.span))
    };
    let cpu = one(&file.cpu, "cpu", sizes::parse_cpu, "256");
    let memory = one(&file.memory, "memory", sizes::parse_memory, "512");
    let (Some((cpu, cpu_span)), Some((memory, memory_span))) = (cpu, memory) else {
        if let Some((cpu, span)) = cpu.filter(|(cpu, _)| sizes::memories(*cpu).is_empty()) {
            reader.report(
                Diagnostic::error(format!("Fargate has no size with cpu {cpu}"), span, "")
                    .aws("No Fargate configuration exists for given values.", REGISTER)
                    .note(sizes::describe(cpu)),
            );
        }
        return None;
    };
    if sizes::exists(cpu, memory) {
        return Some((cpu, memory));
    }
    let (near_cpu, near_memory) = sizes::nearest(cpu, memory);
    let exists = !sizes::memories(cpu).is_empty();
    let (main, other, label) =
        if exists { (memory_span, cpu_span, "with this cpu") } else { (cpu_span, memory_span, "with this memory") };
    reader.report(
        Diagnostic::error(format!("Fargate has no size with cpu {cpu} and memory {memory}"), main, "")
            .also(other, label)
            .aws("No Fargate configuration exists for given values.", REGISTER)
            .note(sizes::describe(cpu))
            .help(format!("the nearest size is cpu {near_cpu} with memory {near_memory}")),
    );
    None
}
