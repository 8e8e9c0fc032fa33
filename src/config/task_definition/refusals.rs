//! Refusals of RegisterTaskDefinition on Fargate, in its own words.

use super::context::Context;
use super::context::{FARGATE, REGISTER, unknown_container};
use super::file::{ContainerFile, TaskDefinitionFile};
use crate::read::reader::Reader;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::suggest::{all_of, one_of};
use crate::variables::template;

/// Task-level fields.
pub(super) fn task(file: &TaskDefinitionFile, reader: &mut Reader) {
    match &file.network_mode {
        Some(mode) if mode.value == "awsvpc" => {}
        None if reader.has_explained(file.whole, "networkMode") => {}
        mode => {
            let (at, label) = match mode {
                Some(mode) => (mode.span, ""),
                None => (file.span, "`networkMode` is missing, which means `bridge`"),
            };
            reader.report(
                Diagnostic::error("the network mode of a Fargate task is `awsvpc`", at, label)
                    .aws("Fargate only supports network mode ‘awsvpc’.", REGISTER)
                    .help("write \"networkMode\": \"awsvpc\""),
            );
        }
    }
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
    if let Some(mode) = &file.pid_mode
        && mode.value != "task"
    {
        reader.report(Diagnostic::error(format!("Fargate has no pidMode `{}`", mode.value), mode.span, "").aws(
            &format!(
                "Tasks using the Fargate launch type do not support pidMode '{}'. The supported value for pidMode is 'task'.",
                mode.value
            ),
            REGISTER,
        ));
    }
    if let Some(mode) = &file.ipc_mode {
        refuse(mode.span, "ipcMode", "Fargate compatible task definitions do not support ipcMode", reader);
    }
    if let Some(first) = file.placement_constraints.iter().flatten().next() {
        let words = "Fargate compatible task definitions do not support constraints";
        refuse(first.span, "placementConstraints", words, reader);
    }
    if let Some(first) = file.inference_accelerators.iter().flatten().next() {
        let words = "Fargate compatible task definitions do not support inferenceAccelerators";
        refuse(first.span, "inferenceAccelerators", words, reader);
    }
    if let Some(size) = file.ephemeral_storage.as_ref().and_then(|storage| storage.size_in_gib.as_ref()) {
        let words = match size.value {
            0..21 => Some("EphemeralStorage size should be at least 21"),
            21..=200 => None,
            _ => Some("EphemeralStorage size should be at most 200"),
        };
        if let Some(words) = words {
            let diagnostic = Diagnostic::error("a scratch disk of that size does not exist", size.span, "");
            let diagnostic = diagnostic.aws(words, REGISTER);
            reader.report(if size.value == 20 {
                diagnostic.help("20 GiB is the default: leave `ephemeralStorage` out")
            } else {
                diagnostic
            });
        }
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
pub(super) fn container(file: &ContainerFile, name: &str, context: &Context<'_>, reader: &mut Reader) {
    let first = |list: &Option<Vec<crate::read::reader::Spanned<_>>>| -> Option<Span> {
        list.as_ref().and_then(|list| list.first()).map(|first: &crate::read::reader::Spanned<String>| first.span)
    };
    let awsvpc = [
        (first(&file.links), "links", "Links are not supported when networkMode=awsvpc."),
        (
            file.hostname.as_ref().map(|hostname| hostname.span),
            "hostname",
            "hostname is not supported on container when networkMode=awsvpc.",
        ),
        (
            file.extra_hosts.as_ref().and_then(|hosts| hosts.first()).map(|host| host.span),
            "extraHosts",
            "Extra hosts are not supported on container when networkMode=awsvpc.",
        ),
        (first(&file.dns_servers), "dnsServers", "DNS servers are not supported on container when networkMode=awsvpc."),
        (
            first(&file.dns_search_domains),
            "dnsSearchDomains",
            "DNS search domains are not supported on container when networkMode=awsvpc.",
        ),
        (
            file.disable_networking.as_ref().map(|disable| disable.span),
            "disableNetworking",
            "Disable Networking is not supported on container when networkMode=awsvpc",
        ),
        (
            first(&file.docker_security_options),
            "dockerSecurityOptions",
            "Fargate compatible task definitions do not support dockerSecurityOptions",
        ),
        (
            file.resource_requirements.as_ref().and_then(|list| list.first()).map(|first| first.span),
            "resourceRequirements",
            "Tasks using the Fargate launch type do not support GPU resource requirements",
        ),
    ];
    for (span, what, words) in awsvpc {
        if let Some(span) = span {
            refuse(span, what, words, reader);
        }
    }
    if let Some(privileged) = file.privileged.as_ref().filter(|privileged| privileged.value) {
        let words = "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.";
        refuse(privileged.span, "privileged", words, reader);
    }
    linux(file, reader);
    limits(file, name, context, reader);
    if let Some(files) = file.environment_files.as_ref().filter(|files| files.len() > 10) {
        let words = "The maximum number of environment files was exceeded. Specify ten or less and try again.";
        reader.report(Diagnostic::error("more than ten environment files", files[10].span, "").aws(words, REGISTER));
    }
    for file in file.environment_files.iter().flatten().filter_map(|file| file.value.as_ref()) {
        if template::is_one(Some(file)) {
            continue;
        }
        if !file.starts_with("arn:") {
            reader.report(
                Diagnostic::error("an environment file is named by its ARN", file.span, "")
                    .aws("Invalid arn syntax.", REGISTER)
                    .help("arn:aws:s3:::BUCKET/PATH.env"),
            );
        } else if !file.ends_with(".env") {
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

fn linux(file: &ContainerFile, reader: &mut Reader) {
    let Some(linux) = &file.linux_parameters else { return };
    let refused = [
        (linux.devices.as_ref().and_then(|list| list.first()).map(|first| first.span), "devices"),
        (linux.shared_memory_size.as_ref().map(|size| size.span), "sharedMemorySize"),
        (linux.max_swap.as_ref().map(|size| size.span), "maxSwap"),
    ];
    for (span, what) in refused {
        if let Some(span) = span {
            refuse(span, what, &format!("Fargate compatible task definitions do not support {what}"), reader);
        }
    }
    if let Some(first) = linux.tmpfs.as_ref().and_then(|list| list.first()) {
        reader.report(
            Diagnostic::warning("`tmpfs` may be refused by Fargate", first.span, "not mounted here")
                .note(format!("older pages refuse it, newer ones are silent ({FARGATE})"))
                .help("use a volume with only a `name`"),
        );
    }
    for capability in linux.capabilities.iter().flat_map(|capabilities| capabilities.add.iter().flatten()) {
        if capability.value != "SYS_PTRACE" {
            reader.report(
                Diagnostic::error(format!("Fargate does not grant {}", capability.value), capability.span, "")
                    .aws(&format!("{} is not allowed on Fargate.", capability.value), REGISTER)
                    .note(format!("only SYS_PTRACE may be added ({FARGATE})")),
            );
        }
    }
}

fn limits(file: &ContainerFile, name: &str, context: &Context<'_>, reader: &mut Reader) {
    if let (Some(memory), Some(reservation)) = (&file.memory, &file.memory_reservation)
        && reservation.value > memory.value
    {
        reader.report(
            Diagnostic::error("memoryReservation above memory", reservation.span, "")
                .also(memory.span, "the hard limit")
                .aws(
                    &format!(
                        "Invalid setting for container '{name}'. 'memory' must be greater than or equal to 'memoryReservation'"
                    ),
                    REGISTER,
                ),
        );
    }
    if let (Some(memory), Some((_, task))) = (&file.memory, context.task)
        && memory.value > task
    {
        reader.report(
            Diagnostic::error(
                format!("`{name}` may use {} MiB, but the whole task has {task}", memory.value),
                memory.span,
                "",
            )
            .aws(&format!("The 'memory' setting for container '{name}' is greater than for the task"), REGISTER),
        );
    }
    if let Some(memory) = file.memory.as_ref().filter(|memory| memory.value < 6) {
        reader.report(
            Diagnostic::error("a container needs at least 6 MiB", memory.span, "")
                .note("the Docker daemon starts no container with less (ECS API reference, ContainerDefinition)"),
        );
    }
    if let Some(stop) = &file.stop_timeout {
        let words = match stop.value {
            0..2 => format!("Granular stop timeout on container '{name}' must be at least 2 seconds."),
            2..=120 => String::new(),
            _ => "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds."
                .to_owned(),
        };
        if !words.is_empty() {
            reader.report(Diagnostic::error("stopTimeout out of range", stop.span, "2 to 120").aws(&words, REGISTER));
        }
    }
    if let Some(start) = file.start_timeout.as_ref().filter(|start| !(2..=120).contains(&start.value)) {
        reader.report(
            Diagnostic::error("startTimeout out of range", start.span, "2 to 120")
                .note("2 to 120 seconds on Fargate (ECS API reference, ContainerDefinition)"),
        );
    }
}

/// Checks that concern all containers together.
pub(super) fn together(
    file: &TaskDefinitionFile,
    containers: &[ContainerFile],
    task: Option<(u32, u32)>,
    reader: &mut Reader,
) {
    names(file, containers, reader);
    sums(containers, task, reader);
    if containers.iter().all(|container| container.essential == Some(false)) {
        let at = containers[0].name.as_ref().map_or(containers[0].span, |name| name.span);
        reader.report(
            Diagnostic::error("no container is essential", at, "")
                .aws("Task definition doesn't have any essential container", REGISTER)
                .help("take \"essential\": false from the container that the task is for"),
        );
    }
}

/// Names must be unique, and references must exist.
fn names(file: &TaskDefinitionFile, containers: &[ContainerFile], reader: &mut Reader) {
    for (index, container) in containers.iter().enumerate() {
        let Some(name) = &container.name else { continue };
        let first = containers[..index].iter().filter_map(|other| other.name.as_ref()).find(|o| o.value == name.value);
        if let Some(first) = first {
            reader.report(
                Diagnostic::error(format!("two containers are named `{}`", name.value), name.span, "")
                    .also(first.span, "the other")
                    .aws("Container names must be unique within a task definition", REGISTER),
            );
        }
    }
    let known: Vec<&str> =
        containers.iter().filter_map(|container| container.name.as_ref()).map(|name| name.as_str()).collect();
    for from in containers.iter().flat_map(|container| container.volumes_from.iter().flatten()) {
        let Some(source) = from.source_container.as_ref().filter(|source| !known.contains(&source.as_str())) else {
            continue;
        };
        reader.report(
            unknown_container(source, &known, "the task")
                .aws(&format!("Invalid 'volumesFrom' setting. Unknown container: '{}'.", source.value), REGISTER),
        );
    }
    let proxy = file.proxy_configuration.as_ref().and_then(|proxy| proxy.container_name.as_ref());
    if let Some(proxy) = proxy.filter(|proxy| !known.contains(&proxy.as_str())) {
        reader.report(
            unknown_container(proxy, &known, "the task")
                .note("it names the container that is the App Mesh proxy (ECS API reference, ProxyConfiguration)"),
        );
    }
}

/// Compares the resources of all containers with those of the task.
fn sums(containers: &[ContainerFile], task: Option<(u32, u32)>, reader: &mut Reader) {
    if let Some((_, memory)) = task {
        let reserved = || containers.iter().filter_map(|container| container.memory_reservation.as_ref());
        let sum: u64 = reserved().map(|memory| u64::from(memory.value)).sum();
        let largest = reserved().max_by_key(|memory| memory.value).filter(|_| sum > u64::from(memory));
        if let Some(largest) = largest {
            reader.report(
                Diagnostic::error(
                    format!("the containers reserve {sum} MiB, but the task has {memory}"),
                    largest.span,
                    "the largest share",
                )
                .aws(
                    "The sum of all container 'memoryReservation' values cannot be greater than the value of the task \
                     'memory'.",
                    REGISTER,
                ),
            );
        }
    }
    if let Some((cpu, _)) = task {
        let sum: u64 =
            containers.iter().filter_map(|container| container.cpu.as_ref()).map(|c| u64::from(c.value)).sum();
        let largest = containers.iter().filter_map(|container| container.cpu.as_ref()).max_by_key(|cpu| cpu.value);
        if let Some(largest) = largest.filter(|_| sum > u64::from(cpu)) {
            reader.report(
                Diagnostic::error(
                    format!("the containers request {sum} CPU units, but the task has {cpu}"),
                    largest.span,
                    "the largest share",
                )
                .aws(
                    "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
                    REGISTER,
                ),
            );
        }
    }
}

fn refuse(span: Span, what: &str, words: &str, reader: &mut Reader) {
    reader.report(Diagnostic::error(format!("Fargate does not take `{what}`"), span, "").aws(words, REGISTER));
}
