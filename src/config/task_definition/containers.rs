//! Lowers one container definition to the model.

use std::collections::BTreeMap;
use std::time::Duration;

use super::context::{REGISTER, WantedSecret, is_ecs_name};
use super::file::{ContainerFile, ContainerHealthCheckFile, DependencyConditionWord};
use super::{logs, ports, refusals, value_from, volumes};
use crate::read::reader::{Reader, Spanned};
use crate::task_definition::context::Context;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::one_of;
use crate::variables::template;
use neargate_model::ContainerName;
use neargate_model::task_definition::{
    ContainerDefinition, ContainerHealthCheck, Dependency, DependencyCondition, RestartPolicy, SecretReference, Ulimit,
};

/// `None` if too much is missing, after reporting.
pub(super) fn lower(
    file: &ContainerFile,
    context: &Context<'_>,
    wanted: &mut Vec<WantedSecret>,
    reader: &mut Reader,
) -> Option<ContainerDefinition> {
    let name = name(file, reader);
    let label = name.as_ref().map_or("", |name| name.as_str());
    image(file, context, reader);
    refusals::container(file, label, context, reader);
    let environment = environment(file, reader);
    let secrets = secrets(file, &environment, wanted, reader);
    if let Some(credentials) = file.repository_credentials.as_ref().and_then(|c| c.credentials_parameter.as_ref()) {
        wanted.push(WantedSecret {
            secret: credentials.value.clone(),
            span: credentials.span,
            variable: None,
            json_key: None,
        });
    }
    let port_mappings = ports::lower(file, label, reader);
    let health_check = file.health_check.as_ref().and_then(|check| health_check(check, label, reader));
    let restart_policy = file.restart_policy.as_ref().and_then(|policy| {
        let period = policy.restart_attempt_period.as_ref();
        if let Some(period) = period.filter(|period| !(60..=1800).contains(&period.value)) {
            reader.report(Diagnostic::error("restartAttemptPeriod out of range", period.span, "").aws(
                &format!("The 'restartAttemptPeriod' setting for container '{label}' must be between 60 and 1800."),
                REGISTER,
            ));
        }
        policy.enabled.as_ref().is_some_and(|enabled| enabled.value).then(|| RestartPolicy {
            ignored_exit_codes: policy
                .ignored_exit_codes
                .iter()
                .flatten()
                .filter_map(|code| i32::try_from(code.value).ok())
                .collect(),
            restart_attempt_period: Duration::from_secs(period.map_or(300, |period| u64::from(period.value))),
        })
    });
    let linux = file.linux_parameters.as_ref();
    let capabilities = linux.and_then(|linux| linux.capabilities.as_ref());
    let texts = |list: Option<&Vec<Spanned<String>>>| -> Vec<String> {
        list.into_iter().flatten().map(|text| text.value.clone()).collect()
    };
    Some(ContainerDefinition {
        name: ContainerName::new(&name?.value),
        // Where there is none, the service says what runs here, or there is a mistake.
        image: file.image.as_ref().map_or_else(String::new, |image| image.value.clone()),
        repository_credentials: file
            .repository_credentials
            .as_ref()
            .and_then(|credentials| Some(credentials.credentials_parameter.as_ref()?.value.clone())),
        cpu: file.cpu.as_ref().map_or(0, |cpu| cpu.value),
        memory_mib: file.memory.as_ref().map(|memory| memory.value),
        memory_reservation_mib: file.memory_reservation.as_ref().map(|memory| memory.value),
        essential: file.essential.unwrap_or(true),
        port_mappings,
        // Empty lists are dropped by the action that deploys the file, so they mean what absence means.
        entry_point: file.entry_point.clone().filter(|words| !words.is_empty()),
        command: file.command.clone().filter(|words| !words.is_empty()),
        environment,
        secrets,
        depends_on: file.depends_on.iter().flatten().filter_map(dependency).collect(),
        start_timeout: file.start_timeout.as_ref().map(|seconds| Duration::from_secs(seconds.value.into())),
        stop_timeout: Duration::from_secs(file.stop_timeout.as_ref().map_or(30, |seconds| seconds.value).into()),
        health_check,
        restart_policy,
        user: file.user.as_ref().map(|user| user.value.clone()).filter(|user| !user.is_empty()),
        working_directory: file.working_directory.as_ref().map(|d| d.value.clone()).filter(|d| !d.is_empty()),
        readonly_root_filesystem: file.readonly_root_filesystem.unwrap_or(false),
        interactive: file.interactive.unwrap_or(false),
        pseudo_terminal: file.pseudo_terminal.unwrap_or(false),
        docker_labels: file
            .docker_labels
            .iter()
            .flat_map(|labels| labels.iter())
            .map(|(key, value)| (key.value.clone(), value.clone()))
            .collect(),
        ulimits: ulimits(file, reader),
        mount_points: volumes::mounts(file, context.volumes, reader),
        system_controls: file
            .system_controls
            .iter()
            .flatten()
            .filter_map(|control| {
                Some((control.namespace.as_ref()?.value.clone(), control.value.as_ref()?.value.clone()))
            })
            .collect(),
        init_process_enabled: linux.and_then(|linux| linux.init_process_enabled).unwrap_or(false),
        capabilities_add: texts(capabilities.and_then(|capabilities| capabilities.add.as_ref())),
        capabilities_drop: texts(capabilities.and_then(|capabilities| capabilities.drop.as_ref())),
        log_configuration: file.log_configuration.as_ref().and_then(|log| logs::lower(log, context, reader)),
    })
}

fn name(file: &ContainerFile, reader: &mut Reader) -> Option<Spanned<String>> {
    let Some(name) = file.name.as_ref().filter(|name| !name.is_empty()) else {
        if reader.has_explained(file.whole, "name") {
            return None;
        }
        reader.report(
            Diagnostic::error("a container without a name", file.span, "")
                .aws("Container.name should not be null or empty.", REGISTER),
        );
        return None;
    };
    if !is_ecs_name(name) && template::is_one(Some(name)) {
        reader.template(name.span);
    } else if !is_ecs_name(name) {
        reader.report(
            Diagnostic::error("not the name of a container", name.span, "")
                .note(format!("1 to 255 letters, digits, `-` and `_` ({REGISTER})")),
        );
    }
    Some(name.clone())
}

fn image(file: &ContainerFile, context: &Context<'_>, reader: &mut Reader) {
    // Without a name the container has one mistake already.
    let Some(name) = file.name.as_ref().filter(|name| file.image.is_none() && !(context.is_built)(name)) else {
        return;
    };
    if reader.has_explained(file.whole, "image") {
        return;
    }
    reader.report(
        Diagnostic::error(format!("the container `{}` has no image", name.value), name.span, "")
            .aws("Container.image should not be null or empty.", REGISTER)
            .help(format!(
                "if your pipeline builds it, say so under `build` of the service: build: {{ {}: {{ context: . }} }}",
                name.value
            )),
    );
}

fn environment(file: &ContainerFile, reader: &mut Reader) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for variable in file.environment.iter().flatten() {
        let Some(name) = &variable.name else { continue };
        if name.is_empty() || name.contains(['=', '\0']) {
            reader.report(Diagnostic::error("not the name of an environment variable", name.span, ""));
        }
        let value = variable.value.as_ref().map_or_else(String::new, |value| value.value.clone());
        if environment.insert(name.value.clone(), value).is_some() {
            reader.report(Diagnostic::warning(
                format!("the variable `{}` is given twice", name.value),
                name.span,
                "this one wins",
            ));
        }
    }
    environment
}

fn secrets(
    file: &ContainerFile,
    environment: &BTreeMap<String, String>,
    wanted: &mut Vec<WantedSecret>,
    reader: &mut Reader,
) -> Vec<SecretReference> {
    let mut references: Vec<SecretReference> = Vec::new();
    for secret in file.secrets.iter().flatten() {
        let (Some(name), Some(from)) = (&secret.name, &secret.value_from) else { continue };
        if environment.contains_key(&name.value) || references.iter().any(|known| known.name == name.value) {
            reader.report(
                Diagnostic::error(format!("`{}` is given twice, and once as a secret", name.value), name.span, "").aws(
                    &format!(
                        "The secret name must be unique and not shared with any new or existing environment variables \
                         set on the container, such as '{}'.",
                        name.value
                    ),
                    REGISTER,
                ),
            );
        }
        match value_from::parse(from) {
            Err(why) => {
                reader.report(Diagnostic::error("a `valueFrom` that does not name a secret", from.span, why).note(
                    "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf, optionally followed by \
                     :json-key:version-stage:version-id, or the ARN or name of an SSM parameter \
                     (ECS developer guide, Pass sensitive data to an Amazon ECS container)",
                ))
            }
            Ok(read) => {
                if read.versioned {
                    reader.report(
                        Diagnostic::warning("a specific version of the secret is requested", from.span, "ignored here")
                            .note("the value under `secrets` applies to every version"),
                    );
                }
                wanted.push(WantedSecret {
                    secret: read.secret.clone(),
                    span: from.span,
                    variable: Some(name.value.clone()),
                    json_key: read.json_key.clone(),
                });
                references.push(SecretReference {
                    name: name.value.clone(),
                    secret: read.secret,
                    json_key: read.json_key,
                });
            }
        }
    }
    references
}

fn dependency(file: &super::file::DependencyFile) -> Option<Dependency> {
    Some(Dependency {
        container: ContainerName::new(&file.container_name.as_ref()?.value),
        condition: match file.condition.as_ref()?.value {
            DependencyConditionWord::Start => DependencyCondition::Start,
            DependencyConditionWord::Complete => DependencyCondition::Complete,
            DependencyConditionWord::Success => DependencyCondition::Success,
            DependencyConditionWord::Healthy => DependencyCondition::Healthy,
        },
    })
}

fn health_check(file: &ContainerHealthCheckFile, container: &str, reader: &mut Reader) -> Option<ContainerHealthCheck> {
    let mut number = |field: &Option<Spanned<u32>>, name: &str, default: u32, least: u32, most: u32| {
        let Some(field) = field else { return default };
        let limit = match field.value {
            value if value > most => format!("less than or equal to the maximum allowed value {most}"),
            value if value < least => format!("greater than or equal to the minimum allowed value {least}"),
            value => return value,
        };
        reader.report(
            Diagnostic::error(format!("{name} of the health check is out of range"), field.span, "")
                .aws(&format!("Health check {name} must be {limit} for container '{container}'"), REGISTER),
        );
        default
    };
    let interval = number(&file.interval, "interval", 30, 5, 300);
    let timeout = number(&file.timeout, "timeout", 5, 2, 60);
    let retries = number(&file.retries, "retries", 3, 1, 10);
    let start_period = number(&file.start_period, "startPeriod", 0, 0, 300);
    let mut command: Vec<String> = file.command.iter().flatten().map(|word| word.value.clone()).collect();
    let first = file.command.as_ref().and_then(|command| command.first());
    match first.map(|first| first.as_str()) {
        Some("CMD" | "CMD-SHELL") if command.len() > 1 => {}
        Some("NONE") => return None,
        // Registered and run: the AWS distribution of OpenTelemetry has it in its own examples.
        Some(word) if word.starts_with('/') || command.len() > 1 => {
            if let Some(first) = first {
                reader.report(
                    Diagnostic::warning("a health check without `CMD` or `CMD-SHELL`", first.span, "run as if `CMD` came first")
                        .note("AWS registers it; documented is an array that starts with CMD or CMD-SHELL (ECS API reference, HealthCheck)")
                        .help(format!("write [\"CMD\", \"{word}\"]")),
                );
            }
            command.insert(0, "CMD".to_owned());
        }
        _ => reader.report(
            Diagnostic::error("a health check without a command", first.map_or(file.span, |first| first.span), "")
                .note("the first element is `CMD` or `CMD-SHELL`, the command follows (ECS API reference, HealthCheck)")
                .help("e.g. [\"CMD-SHELL\", \"curl -f http://localhost:8000/health || exit 1\"]"),
        ),
    }
    let seconds = |value: u32| Duration::from_secs(value.into());
    Some(ContainerHealthCheck {
        command,
        interval: seconds(interval),
        timeout: seconds(timeout),
        retries,
        start_period: seconds(start_period),
    })
}

const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

fn ulimits(file: &ContainerFile, reader: &mut Reader) -> Vec<Ulimit> {
    let mut ulimits = Vec::new();
    for limit in file.ulimits.iter().flatten() {
        let (Some(name), Some(soft), Some(hard)) = (&limit.name, &limit.soft_limit, &limit.hard_limit) else {
            continue;
        };
        if !ULIMITS.contains(&name.as_str()) {
            reader.report(
                Diagnostic::error(format!("there is no ulimit `{}`", name.value), name.span, "")
                    .note(format!("the names are {} (ECS API reference, Ulimit)", one_of(ULIMITS.iter().copied()))),
            );
        }
        if soft.value > hard.value && hard.value >= 0 {
            reader.report(
                Diagnostic::error("the soft limit is above the hard limit", soft.span, "")
                    .also(hard.span, "hard limit"),
            );
        }
        ulimits.push(Ulimit { name: name.value.clone(), soft_limit: soft.value, hard_limit: hard.value });
    }
    if !ulimits.iter().any(|limit| limit.name == "nofile") {
        // Fargate's own default (ECS developer guide, Task definition differences for Fargate, "Resource limits").
        ulimits.push(Ulimit { name: "nofile".to_owned(), soft_limit: 65535, hard_limit: 65535 });
    }
    ulimits
}
