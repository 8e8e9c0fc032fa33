//! What RegisterTaskDefinition refuses, told with the place in the file, AWS's words and a way out.

use neargate_ecs::task_definition::place::Place;
use neargate_ecs::task_definition::refusal::Refusal;
use neargate_ecs::task_definition::violation::{RoleNeed, Violation};
use neargate_ecs::task_definition::{AWSLOGS_OPTIONS, ULIMITS, sizes};

use super::context::{FARGATE, REGISTER, unknown_container};
use super::file::{ContainerFile, TaskDefinitionFile};
use super::found::Found;
use crate::read::reader::{Reader, Spanned};
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::suggest::{all_of, help_for, nearest, one_of};
use crate::text::tree::Node;
use crate::variables::template;

/// The file, and what is known of it besides.
pub(super) struct Told<'a> {
    /// The whole definition.
    pub(super) root: &'a Node,
    /// The same, read.
    pub(super) file: &'a TaskDefinitionFile,
    /// Whether the services set the image of a container.
    pub(super) is_built: &'a dyn Fn(&str) -> bool,
}

impl Told<'_> {
    /// Tells of everything that is refused and has not been explained otherwise.
    pub(super) fn tell(&self, refusals: &[Refusal], reader: &mut Reader) {
        let is_left = |refusal: &&Refusal| !self.is_explained(refusal, refusals, reader);
        let left: Vec<&Refusal> = refusals.iter().filter(is_left).collect();
        for refusal in left {
            let found = self.find(&refusal.place);
            if is_text(&refusal.violation) && template::is_one(found.text()) {
                reader.template(found.span());
                continue;
            }
            if let Some(diagnostic) = self.diagnostic(refusal, &found) {
                reader.report(diagnostic);
            }
        }
        self.roles(refusals, reader);
    }

    fn find(&self, place: &Place) -> Found<'_> {
        Found::new(self.root, place)
    }

    fn containers(&self) -> &[ContainerFile] {
        self.file.container_definitions.as_deref().unwrap_or_default()
    }

    /// Whether the cause has been reported: a field that is missing because it is mistyped.
    fn is_explained(&self, refusal: &Refusal, all: &[Refusal], reader: &Reader) -> bool {
        let found = self.find(&refusal.place);
        if found.missing.is_some_and(|field| reader.has_explained(found.record.span, field)) {
            return true;
        }
        let any_container = |field| self.containers().iter().any(|one| reader.has_explained(one.whole, field));
        let other = refusal.other.as_ref().map(|place| self.find(place));
        match &refusal.violation {
            Violation::ContainerPort { .. } => reader.reported_inside(found.record.span),
            // That the task has none has been said.
            Violation::ContainerMemoryMissing { .. } => true,
            Violation::ImageMissing => {
                let name = found.record.get("name").and_then(Node::text);
                name.is_none_or(|name| name.is_empty() || (self.is_built)(name))
            }
            Violation::DependencyWithoutHealthCheck(_) => {
                other.is_some_and(|other| other.node.is_some_and(|one| reader.has_explained(one.span, "healthCheck")))
            }
            Violation::RouterMissing => any_container("firelensConfiguration"),
            Violation::RouterUnused => any_container("logConfiguration"),
            // A mistyped option has been reported, and is the one that is missing.
            Violation::LogOptionsMissing(_) | Violation::StreamPrefixMissing => {
                let container = &refusal.place.steps()[..2];
                let is_mistyped = |other: &Refusal| {
                    matches!(other.violation, Violation::UnknownLogOption(_))
                        && other.place.steps().starts_with(container)
                };
                all.iter().any(is_mistyped) || reader.reported_inside(found.record.span)
            }
            _ => false,
        }
    }

    fn diagnostic(&self, refusal: &Refusal, found: &Found<'_>) -> Option<Diagnostic> {
        let Refusal { other, violation, .. } = refusal;
        let at = found.span();
        let also = |diagnostic: Diagnostic, label: &str| match other {
            Some(other) => diagnostic.also(self.find(other).span(), label),
            None => diagnostic,
        };
        let error = |message: String, label: &str| Diagnostic::error(message, at, label.to_owned());
        let refused = |diagnostic: Diagnostic| diagnostic.aws(&violation.to_string(), REGISTER);
        let names: Vec<&str> =
            self.containers().iter().filter_map(|one| one.name.as_ref()).map(|name| name.as_str()).collect();
        let unknown = |name: &String| {
            let name = Spanned { value: name.clone(), span: at };
            unknown_container(&name, &names, "the task")
        };
        Some(match violation {
            Violation::FamilyMissing => error("a task definition needs `family`".into(), "`family` is missing here")
                .help("add \"family\": \"NAME\": revisions are counted by it"),
            Violation::InvalidFamily(_) => error("not the name of a family".into(), "")
                .note(format!("1 to 255 letters, digits, `-` and `_` ({REGISTER})")),
            Violation::NoContainers => {
                refused(Diagnostic::error("a task definition without containers", found.record.head, ""))
                    .help("give `containerDefinitions` at least one container")
            }
            Violation::TooManyContainers { count } => {
                refused(error(format!("{count} containers in one task"), "")).note("a task has at most 10 containers")
            }
            Violation::NetworkMode => {
                let label = if found.node.is_some() { "" } else { "`networkMode` is missing, which means `bridge`" };
                refused(error("the network mode of a Fargate task is `awsvpc`".into(), label))
                    .help("write \"networkMode\": \"awsvpc\"")
            }
            Violation::NotSupported(field @ ("sourcePath" | "dockerVolumeConfiguration" | FSX)) => {
                refused(Diagnostic::error(format!("Fargate has no volumes with `{field}`"), found.value_span(), ""))
                    .help("leave only `name`: that is an empty volume that lives as long as the task")
            }
            Violation::NotSupported("constraints") => refuse("placementConstraints", found, violation),
            Violation::NotSupported(field) | Violation::NotUnderAwsvpc(field) => refuse(field, found, violation),
            Violation::ResourceRequirements => refuse("resourceRequirements", found, violation),
            Violation::Privileged => refuse("privileged", found, violation),
            Violation::PidMode(mode) => refused(error(format!("Fargate has no pidMode `{mode}`"), "")),
            Violation::EphemeralStorage { size } => {
                let told = refused(error("a scratch disk of that size does not exist".into(), ""));
                match size {
                    20 => told.help("20 GiB is the default: leave `ephemeralStorage` out"),
                    _ => told,
                }
            }
            Violation::SizeMissing(field) => {
                refused(error(format!("the task has no `{field}`"), &format!("`{field}` is missing here")))
                    .help(format!("add \"{field}\": \"{}\" next to `containerDefinitions`", example(field)))
            }
            Violation::InvalidSize(field) => {
                let text = found.text().unwrap_or_default();
                refused(error(format!("`{text}` is not a {field} size"), ""))
                    .help(format!("write it as \"{}\"", example(field)))
            }
            Violation::NoConfiguration { cpu, memory: None } => {
                refused(error(format!("Fargate has no size with cpu {cpu}"), "")).note(sizes::describe(*cpu))
            }
            Violation::NoConfiguration { cpu, memory: Some(memory) } => {
                let (near_cpu, near_memory) = sizes::nearest(*cpu, *memory);
                let known = !sizes::memories(*cpu).is_empty();
                let wrong = error(format!("Fargate has no size with cpu {cpu} and memory {memory}"), "");
                refused(also(wrong, if known { "with this cpu" } else { "with this memory" }))
                    .note(sizes::describe(*cpu))
                    .help(format!("the nearest size is cpu {near_cpu} with memory {near_memory}"))
            }
            Violation::Capability(name) => refused(error(format!("Fargate does not grant {name}"), ""))
                .note(format!("only SYS_PTRACE may be added ({FARGATE})")),
            Violation::ContainerNameMissing => refused(error("a container without a name".into(), "")),
            Violation::InvalidContainerName(_) => error("not the name of a container".into(), "")
                .note(format!("1 to 255 letters, digits, `-` and `_` ({REGISTER})")),
            Violation::ContainerTwice(name) => {
                refused(also(error(format!("two containers are named `{name}`"), ""), "the other"))
            }
            Violation::ImageMissing => {
                let name = found.record.get("name")?;
                let text = name.text().unwrap_or_default();
                refused(Diagnostic::error(format!("the container `{text}` has no image"), name.span, "")).help(format!(
                    "if your pipeline builds it, say so under `build` of the service: build: {{ {text}: {{ context: . }} }}"
                ))
            }
            Violation::NoEssentialContainer => refused(error("no container is essential".into(), ""))
                .help("take \"essential\": false from the container that the task is for"),
            Violation::ReservationAboveMemory { .. } => {
                refused(also(error("memoryReservation above memory".into(), ""), "the hard limit"))
            }
            Violation::MemoryAboveTask { container, memory, task } => {
                refused(error(format!("`{container}` may use {memory} MiB, but the whole task has {task}"), ""))
            }
            Violation::MemoryTooSmall { .. } => error("a container needs at least 6 MiB".into(), "")
                .note("the Docker daemon starts no container with less (ECS API reference, ContainerDefinition)"),
            Violation::ReservationSum { sum, task } => refused(error(
                format!("the containers reserve {sum} MiB, but the task has {task}"),
                "the largest share",
            )),
            Violation::CpuSum { sum, task } => refused(error(
                format!("the containers request {sum} CPU units, but the task has {task}"),
                "the largest share",
            )),
            Violation::StopTimeout { .. } => refused(error("stopTimeout out of range".into(), "2 to 120")),
            Violation::StartTimeout { .. } => error("startTimeout out of range".into(), "2 to 120")
                .note("2 to 120 seconds on Fargate (ECS API reference, ContainerDefinition)"),
            Violation::TooManyEnvironmentFiles => refused(error("more than ten environment files".into(), "")),
            Violation::InvalidArn(_) => refused(error("an environment file is named by its ARN".into(), ""))
                .help("arn:aws:s3:::BUCKET/PATH.env"),
            Violation::SecretNameTaken(name) => {
                refused(error(format!("`{name}` is given twice, and once as a secret"), ""))
            }
            Violation::ValueFrom { why, .. } => error("a `valueFrom` that does not name a secret".into(), why).note(
                "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf, optionally followed by \
                 :json-key:version-stage:version-id, or the ARN or name of an SSM parameter \
                 (ECS developer guide, Pass sensitive data to an Amazon ECS container)",
            ),
            Violation::ParameterOfOtherAccount { own } => refused(error("a parameter of another account".into(), ""))
                .help(format!(
                    "the execution role is in account {own}; for another account's values, use Secrets Manager"
                )),
            Violation::HealthCheckRange { field, .. } => {
                refused(error(format!("{field} of the health check is out of range"), ""))
            }
            Violation::HealthCheckCommand { .. } => error("a health check without a command".into(), "")
                .note("the first element is `CMD` or `CMD-SHELL`, the command follows (ECS API reference, HealthCheck)")
                .help("e.g. [\"CMD-SHELL\", \"curl -f http://localhost:8000/health || exit 1\"]"),
            Violation::RestartAttemptPeriod { .. } => refused(error("restartAttemptPeriod out of range".into(), "")),
            Violation::TooManyExitCodes { .. } => error("more than 50 ignored exit codes".into(), "")
                .note("at most 50 (ECS API reference, ContainerRestartPolicy)"),
            Violation::UnknownUlimit(name) => error(format!("there is no ulimit `{name}`"), "")
                .note(format!("the names are {} (ECS API reference, Ulimit)", one_of(ULIMITS.iter().copied()))),
            Violation::UlimitAboveHardLimit { .. } => {
                also(error("the soft limit is above the hard limit".into(), ""), "hard limit")
            }
            _ => return self.reference(refusal, found, &unknown),
        })
    }

    /// Ports, dependencies, volumes and logs: what refers to something else.
    fn reference(
        &self,
        refusal: &Refusal,
        found: &Found<'_>,
        unknown: &dyn Fn(&String) -> Diagnostic,
    ) -> Option<Diagnostic> {
        let Refusal { other, violation, .. } = refusal;
        let at = found.span();
        let also = |diagnostic: Diagnostic, label: &str| match other {
            Some(other) => diagnostic.also(self.find(other).span(), label),
            None => diagnostic,
        };
        let error = |message: String, label: &str| Diagnostic::error(message, at, label.to_owned());
        let refused = |diagnostic: Diagnostic| diagnostic.aws(&violation.to_string(), REGISTER);
        Some(match violation {
            Violation::ContainerPort { .. } => refused(error("a port mapping without a port".into(), "")),
            Violation::HostPort { host, container } => {
                let wrong = error(format!("hostPort {host} is not containerPort {container}"), "");
                refused(also(wrong, "the container listens here"))
                    .help("leave `hostPort` out: the load balancer reaches the container at its own port")
            }
            Violation::PortAndRange => {
                refused(also(error("a port and a range in one mapping".into(), ""), "the range"))
            }
            Violation::InvalidPortRange(range) => error(format!("`{range}` is not a range of ports"), "")
                .help("write it as \"8000-8010\", the lower port first"),
            Violation::TooManyPortRanges => {
                error("more than 100 port ranges in one container".into(), "").note("(ECS API reference, PortMapping)")
            }
            Violation::PortsOverlap => also(error("port mappings that overlap".into(), ""), "the other")
                .note("port ranges of a container must not overlap (ECS API reference, PortMapping)"),
            Violation::PortTwice { port, first, second, .. } => {
                let who = if first == second {
                    format!("container `{second}` maps port {port} twice")
                } else {
                    format!("containers `{first}` and `{second}` both map port {port}")
                };
                refused(also(error(who, &format!("`{second}`")), &format!("`{first}`")))
                    .note("the containers of a task share one network namespace, so only one of them can listen there")
                    .help("make one of them listen on another port")
            }
            Violation::PortOfBothProtocols { port, .. } => {
                refused(also(error(format!("port {port} for both TCP and UDP"), ""), "the other"))
            }
            Violation::PortNameTwice(name) => {
                refused(also(error(format!("two port mappings are named `{name}`"), ""), "the other"))
            }
            Violation::InvalidPortName(name) => error(format!("`{name}` cannot name a port mapping"), "").note(
                "at most 64 lower-case letters, digits, `_` and `-`, and no `-` at the beginning (ECS API reference, \
                 PortMapping)",
            ),
            Violation::UnknownDependency(name) | Violation::UnknownVolumesFrom(name) => refused(unknown(name)),
            Violation::UnknownProxy(name) => unknown(name)
                .note("it names the container that is the App Mesh proxy (ECS API reference, ProxyConfiguration)"),
            Violation::EssentialDependency(on) => {
                refused(error(format!("`{on}` is essential, so another container cannot wait for it to end"), ""))
                    .help(format!("give `{on}` \"essential\": false"))
            }
            Violation::DependencyWithoutHealthCheck(on) => refused(error(
                format!("`{on}` has no health check to wait for"),
                "",
            ))
            .note("a HEALTHCHECK in the image does not count on ECS (ECS developer guide, Container health checks)")
            .help(format!("give `{on}` a `healthCheck`, or wait for START")),
            Violation::DependencyCycle(path) => error("containers that wait for each other".into(), &path.join(" → "))
                .note(format!("`dependsOn` must not contain a cycle ({REGISTER})")),
            Violation::VolumeTwice(name) => error(format!("two volumes are named `{name}`"), ""),
            Violation::VolumeKinds(kinds) => error("a volume of two kinds".into(), "").note(format!(
                "it has {}; a volume has one of them (ECS API reference, Volume)",
                all_of(kinds.iter().copied())
            )),
            Violation::SecondVolumeAtLaunch => {
                also(error("a second volume that is configured at launch".into(), ""), "the other")
                    .note("a task definition has at most one (ECS API reference, Volume)")
            }
            Violation::EfsWithoutEncryption => error("an access point or IAM without encryption in transit".into(), "")
                .note("transit encryption must be turned on then (ECS API reference, EFSAuthorizationConfig)")
                .help("add \"transitEncryption\": \"ENABLED\" next to `fileSystemId`"),
            Violation::EfsRootDirectory => {
                let wrong = error("a root directory next to an access point".into(), "");
                also(wrong, "the access point has its own")
                    .note(
                        "the root directory must either be omitted or set to `/` (ECS API reference, \
                         EFSVolumeConfiguration)",
                    )
                    .help("leave `rootDirectory` out")
            }
            Violation::UnknownVolume(name) => {
                let volumes = self.file.volumes.iter().flatten().filter_map(|volume| volume.name.as_ref());
                let help = help_for(name, "its volumes are", volumes.map(|name| name.as_str()));
                refused(error(format!("the task has no volume `{name}`"), ""))
                    .maybe_help(help)
                    .help(format!("add {{\"name\": \"{name}\"}} to `volumes`"))
            }
            Violation::MountPath(_) => error("a mount path that is not absolute".into(), "start it with `/`"),
            Violation::LogDriver(_) => refused(error("a log driver that Fargate does not have".into(), "")),
            Violation::UnknownLogOption(name) => {
                let wrong = format!("the driver awslogs has no option `{name}`");
                refused(Diagnostic::error(wrong, found.key_span(), "")).help(
                    match nearest(name, AWSLOGS_OPTIONS.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("its options are {}", AWSLOGS_OPTIONS.join(", ")),
                    },
                )
            }
            Violation::LogOptionsMissing(_) => refused(error("the log driver lacks options".into(), "")),
            Violation::StreamPrefixMissing => refused(error("the log driver lacks a stream prefix".into(), "")),
            Violation::CreateGroup(_) => refused(error("awslogs-create-group is `true` or absent".into(), ""))
                .help("omit the option: then no group is created"),
            Violation::RouterMissing => refused(error("no container of the task routes these logs".into(), "")).help(
                "add a container with the image public.ecr.aws/aws-observability/aws-for-fluent-bit:stable and \
                 \"firelensConfiguration\": {\"type\": \"fluentbit\"}",
            ),
            Violation::RouterUnused => refused(error("a log router that no container sends logs to".into(), ""))
                .help("give a container \"logConfiguration\": {\"logDriver\": \"awsfirelens\"}"),
            Violation::RouterConfiguration(_) => {
                error("a configuration of the log router that is not in its image".into(), "")
                    .note(format!("tasks on Fargate only support the configuration file type `file` ({FARGATE})"))
                    .help("copy the file into the image of the router, and name its path in config-file-value")
            }
            // Told together.
            _ => return None,
        })
    }

    /// Everything that needs the execution role: if it is missing, that is reported once.
    fn roles(&self, refusals: &[Refusal], reader: &mut Reader) {
        if self.file.execution_role_arn.is_some() || reader.has_explained(self.file.whole, "executionRoleArn") {
            return;
        }
        let refused = refusals.iter().filter_map(|refusal| match &refusal.violation {
            Violation::ExecutionRole(need) => {
                let what = match need {
                    RoleNeed::Ecr => "an image from ECR",
                    RoleNeed::Credentials => "credentials of a registry",
                    RoleNeed::Secrets => "secrets",
                    RoleNeed::Awslogs => "logs to CloudWatch",
                };
                Some((self.find(&refusal.place).span(), what, Some(refusal.violation.to_string())))
            }
            _ => None,
        });
        let mut needs: Vec<(Span, &str, Option<String>)> = refused.collect();
        needs.extend(self.containers().iter().flat_map(later_needs).map(|(at, what)| (at, what, None)));
        needs.sort_by_key(|(at, _, refusal)| (refusal.is_none(), *at));
        let [(at, what, refusal), more @ ..] = needs.as_slice() else { return };
        let mut diagnostic = match refusal {
            Some(_) => Diagnostic::error("the task needs an execution role", *at, *what),
            None => Diagnostic::warning("on Fargate the task stops because it has no execution role", *at, *what),
        };
        for (at, what, _) in more.iter().take(3) {
            diagnostic = diagnostic.also(*at, *what);
        }
        let mut told: Vec<&String> = Vec::new();
        for words in needs.iter().filter_map(|(.., refusal)| refusal.as_ref()) {
            if !told.contains(&words) {
                told.push(words);
                diagnostic = diagnostic.aws(words, REGISTER);
            }
        }
        reader.report(diagnostic.help(
            "add \"executionRoleArn\": \"arn:aws:iam::ACCOUNT:role/ecsTaskExecutionRole\" next to \
             `containerDefinitions`",
        ));
    }
}

const FSX: &str = "fsxWindowsFileServerVolumeConfiguration";

/// What is registered without the role, and cannot run without it.
fn later_needs(container: &ContainerFile) -> impl Iterator<Item = (Span, &'static str)> {
    let options = container.log_configuration.as_ref().and_then(|log| log.secret_options.as_ref());
    let option = options.and_then(|options| options.first());
    let file = container.environment_files.as_ref().and_then(|files| files.first());
    let option = option.map(|option| (option.span, "options of the log driver from secrets"));
    option.into_iter().chain(file.map(|file| (file.span, "environment files in S3")))
}

fn refuse(field: &str, found: &Found<'_>, violation: &Violation) -> Diagnostic {
    Diagnostic::error(format!("Fargate does not take `{field}`"), found.value_span(), "")
        .aws(&violation.to_string(), REGISTER)
}

fn example(field: &str) -> &'static str {
    if field == "cpu" { "256" } else { "512" }
}

/// Texts in which a pipeline may have a placeholder.
fn is_text(violation: &Violation) -> bool {
    matches!(
        violation,
        Violation::InvalidFamily(_)
            | Violation::InvalidContainerName(_)
            | Violation::InvalidSize(_)
            | Violation::InvalidArn(_)
            | Violation::InvalidPortRange(_)
            | Violation::InvalidPortName(_)
    )
}
