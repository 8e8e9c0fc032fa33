//! What RegisterTaskDefinition takes although it hardly does what is meant.

use super::context::FARGATE;
use super::file::{ContainerFile, LogConfigurationFile, TaskDefinitionFile};
use crate::read::reader::Reader;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::{all_of, one_of};
use crate::variables::template;

/// Task-level fields.
pub(super) fn task(file: &TaskDefinitionFile, reader: &mut Reader) {
    for compatibility in file.requires_compatibilities.iter().flatten() {
        if !["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"].contains(&compatibility.as_str()) {
            reader.report(
                Diagnostic::error(format!("`{}` is not a launch type", compatibility.value), compatibility.span, "")
                    .help(format!("it is {}", one_of(["FARGATE", "EC2", "EXTERNAL", "MANAGED_INSTANCES"]))),
            );
        }
    }
    if let Some(list) = file.requires_compatibilities.as_ref().filter(|list| !list.is_empty())
        && !list.iter().any(|compatibility| compatibility.value == "FARGATE")
    {
        reader.report(
            Diagnostic::warning("the task definition does not ask for FARGATE", list[0].span, "")
                .note("neargate runs it as on Fargate; on AWS, a Fargate service refuses it")
                .help("write \"requiresCompatibilities\": [\"FARGATE\"]"),
        );
    }
    if let Some(family) = file.runtime_platform.as_ref().and_then(|platform| platform.operating_system_family.as_ref())
        && family.value != "LINUX"
    {
        reader.report(
            Diagnostic::error("only Linux tasks run here", family.span, "")
                .note("Windows containers need a Windows host, which this program does not have"),
        );
    }
}

/// Container-level fields.
pub(super) fn container(file: &ContainerFile, reader: &mut Reader) {
    for file in file.environment_files.iter().flatten().filter_map(|file| file.value.as_ref()) {
        if file.starts_with("arn:") && !file.ends_with(".env") && !template::is_one(Some(file)) {
            reader.report(
                Diagnostic::warning("an environment file whose name does not end with `.env`", file.span, "")
                    .note("it must (ECS API reference, EnvironmentFile)"),
            );
        }
    }
    for control in file.system_controls.iter().flatten().filter_map(|control| control.namespace.as_ref()) {
        let known =
            control.starts_with("net.") || control.starts_with("fs.mqueue.") || KERNEL.contains(&control.as_str());
        if !known {
            reader.report(
                Diagnostic::warning(format!("`{}` belongs to the whole machine", control.value), control.span, "")
                    .note(format!(
                        "valid are `net.*`, `fs.mqueue.*` and {} (ECS API reference, SystemControl)",
                        all_of(KERNEL.iter().copied())
                    )),
            );
        }
    }
    if let Some(first) = file.linux_parameters.as_ref().and_then(|linux| linux.tmpfs.as_ref()?.first()) {
        reader.report(
            Diagnostic::warning("`tmpfs` may be refused by Fargate", first.span, "mounted here")
                .note(format!("older pages refuse it, newer ones are silent ({FARGATE})"))
                .help("use a volume with only a `name`"),
        );
    }
    environment(file, reader);
    health_check(file, reader);
    if let Some(log) = file.log_configuration.as_ref().filter(|log| has_driver(log, "awslogs")) {
        awslogs(log, reader);
    }
}

/// Kernel parameters that are namespaced but belong neither to the network nor to message queues.
const KERNEL: &[&str] = &[
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

fn environment(file: &ContainerFile, reader: &mut Reader) {
    let mut seen: Vec<&str> = Vec::new();
    for name in file.environment.iter().flatten().filter_map(|variable| variable.name.as_ref()) {
        if name.is_empty() || name.contains(['=', '\0']) {
            reader.report(Diagnostic::error("not the name of an environment variable", name.span, ""));
        }
        if seen.contains(&name.as_str()) {
            reader.report(Diagnostic::warning(
                format!("the variable `{}` is given twice", name.value),
                name.span,
                "this one wins",
            ));
        }
        seen.push(name);
    }
}

/// Registered and run: the AWS distribution of OpenTelemetry has it in its own examples.
fn health_check(file: &ContainerFile, reader: &mut Reader) {
    let command = file.health_check.as_ref().and_then(|check| check.command.as_ref());
    let Some((first, rest)) = command.and_then(|command| command.split_first()) else { return };
    let is_word = matches!(first.as_str(), "CMD" | "CMD-SHELL" | "NONE");
    if !is_word && (first.starts_with('/') || !rest.is_empty()) {
        reader.report(
            Diagnostic::warning(
                "a health check without `CMD` or `CMD-SHELL`",
                first.span,
                "run as if `CMD` came first",
            )
            .note(
                "AWS registers it; documented is an array that starts with CMD or CMD-SHELL (ECS API reference, \
                     HealthCheck)",
            )
            .help(format!("write [\"CMD\", \"{}\"]", first.value)),
        );
    }
}

fn has_driver(log: &LogConfigurationFile, name: &str) -> bool {
    log.log_driver.as_ref().is_some_and(|driver| driver.value == name)
}

fn awslogs(file: &LogConfigurationFile, reader: &mut Reader) {
    let options = || file.options.iter().flat_map(|options| options.iter());
    let find = |key: &str| options().find(|(name, _)| name.value == key);
    if let Some((_, mode)) = find("mode").filter(|(_, mode)| !matches!(mode.as_str(), "blocking" | "non-blocking")) {
        reader.report(
            Diagnostic::warning(format!("`{}` is not a mode of delivery", mode.value), mode.span, "")
                .note("it is `blocking` or `non-blocking` (ECS API reference, LogConfiguration)"),
        );
    }
    if let (Some((format, _)), Some((pattern, _))) =
        (find("awslogs-datetime-format"), find("awslogs-multiline-pattern"))
    {
        reader.report(
            Diagnostic::warning("two settings for where a message starts", pattern.span, "not looked at")
                .also(format.span, "this one counts")
                .note(
                    "awslogs-datetime-format takes precedence when both are there (ECS developer guide, Send Amazon ECS logs \
                     to CloudWatch)",
                )
                .help("leave one of them out of the options of `awslogs`"),
        );
    }
}
