//! `services` and the task definitions they name (ECS API reference, CreateService).

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::alarms::Alarms;
use super::discovery::Registries;
use super::lowering::Lowering;
use super::security_groups::Groups;
use super::strategies::Balancers;
use super::{connect, deployments, discovery, images, names, security_groups, strategies, watches};
use crate::file::File;
use crate::file::service::{BuildFile, RebalancingWord, ServiceFile};
use crate::file::strategy::AdvancedFile;
use crate::lower::containers::{known_container, normal, port_exists};
use crate::read::Named;
use crate::read::reader::Spanned;
use crate::task_definition;
use crate::task_definition::ReadDefinition;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::suggest::help_for;
use crate::text::syntax;
use neargate_ecs::service::bounds;
use neargate_ecs::task_definition::violation::Violation as DefinitionViolation;
use neargate_model::deployment::DeploymentConfiguration;
use neargate_model::service::{Build, LoadBalancerBinding, Service};
use neargate_model::target_group::TargetGroup;
use neargate_model::task_definition::Revision;
use neargate_model::{ContainerName, ServiceName, TargetGroupName};

const CREATE: &str = "ECS API reference, CreateService";

/// All services, by name.
pub(super) fn lower(
    file: &File,
    target_groups: &BTreeMap<TargetGroupName, TargetGroup>,
    balancers: Balancers<'_>,
    groups: &Groups,
    alarms: &Alarms,
    registries: &Registries,
    lowering: &mut Lowering<'_>,
) -> BTreeMap<ServiceName, Service> {
    let mut services = BTreeMap::new();
    let mut connected = connect::Taken::default();
    let mut read: BTreeMap<String, Option<ReadDefinition>> = BTreeMap::new();
    for (name, service) in file.services.iter().flat_map(|services| services.iter()) {
        names::service(name, lowering);
        lowering.places.services.insert(name.value.clone(), name.span);
        let security_groups = security_groups::members(service.security_groups.as_ref(), groups, lowering);
        settings(service, lowering);
        let mut deployment_configuration = deployments::lower(service, alarms, lowering);
        strategies::lower(service, &mut deployment_configuration, lowering);
        let definition = service.task_definition.as_ref().and_then(|path| {
            // Two services may run the same definition: its mistakes are reported once.
            let known = read.get(&path.value).cloned();
            known.unwrap_or_else(|| {
                let definition = task_definition(path, file, lowering);
                read.insert(path.value.clone(), definition.clone());
                definition
            })
        });
        let entries = bindings(name, service, definition.as_ref(), target_groups, balancers, lowering);
        strategies::judge(service, &deployment_configuration, &entries, balancers, lowering);
        let bindings = entries.into_iter().map(|(binding, ..)| binding).collect();
        let builds = builds(service, definition.as_ref(), lowering);
        let images = images::lower(service, definition.as_ref(), lowering);
        let watches = watches::lower(service, definition.as_ref(), &builds, lowering);
        let service_registry = discovery::registry(service, definition.as_ref(), registries, lowering);
        let service_connect = connect::lower(service, definition.as_ref(), &mut connected, lowering);
        let definition = definition.map(|definition| environment(service.environment.as_ref(), definition, lowering));
        let Some(definition) = definition else { continue };
        images::judge(name, &definition, &builds, &images, lowering);
        for wanted in &definition.secrets {
            if !lowering.wanted.iter().any(|known| known.span == wanted.span) {
                lowering.wanted.push(wanted.clone());
            }
        }
        for wanted in &definition.environment_files {
            if !lowering.wanted_files.iter().any(|known| known.span == wanted.span) {
                lowering.wanted_files.push(wanted.clone());
            }
        }
        services.insert(
            ServiceName::new(&name.value),
            Service {
                task_definition: Revision::first(definition.definition),
                desired_count: service.desired_count.as_ref().map_or(1, |count| count.value),
                security_groups,
                load_balancers: bindings,
                builds,
                images,
                watches,
                health_check_grace_period: Duration::from_secs(
                    service.health_check_grace_period_seconds.as_ref().map_or(0, |seconds| seconds.value.into()),
                ),
                availability_zone_rebalancing: rebalancing(service, &deployment_configuration, lowering),
                deployment_configuration,
                service_registry,
                service_connect,
            },
        );
    }
    services
}

fn settings(file: &ServiceFile, lowering: &mut Lowering<'_>) {
    if let Some(launch) = file.launch_type.as_ref().filter(|launch| launch.value != "FARGATE") {
        lowering.report(
            Diagnostic::error(format!("a service of launch type `{}`", launch.value), launch.span, "")
                .note("neargate runs only Fargate")
                .help("write `FARGATE`, or leave it out"),
        );
    }
    if let Some(strategy) = &file.scheduling_strategy
        && let Err(violation) = bounds::scheduling_strategy(&strategy.value)
    {
        lowering.report(
            Diagnostic::error(format!("a service with strategy `{}`", strategy.value), strategy.span, "")
                .note(format!("{violation} ({CREATE})"))
                .help("write `REPLICA`, or leave it out"),
        );
    }
    if let Some(count) = file.desired_count.as_ref().filter(|count| count.value > 100) {
        lowering.report(
            Diagnostic::error(format!("{} tasks on one machine", count.value), count.span, "at most 100 here")
                .help("two or three tasks are enough to see a service scale"),
        );
    }
}

/// Whether tasks are moved between zones, which takes room for one more.
fn rebalancing(file: &ServiceFile, deployments: &DeploymentConfiguration, lowering: &mut Lowering<'_>) -> bool {
    let allowed = bounds::rebalancing(deployments);
    let Some(word) = &file.availability_zone_rebalancing else { return allowed.is_ok() };
    let is_enabled = word.value == RebalancingWord::Enabled;
    if let (true, Err(violation)) = (is_enabled, allowed) {
        let diagnostic = Diagnostic::error("there is no room for a task in another zone", word.span, "");
        let diagnostic = match &file.deployment_maximum_percent {
            Some(most) => diagnostic.also(most.span, "the maximum"),
            None => diagnostic,
        };
        lowering.report(diagnostic.aws(&violation.to_string(), CREATE));
    }
    is_enabled
}

fn task_definition(path: &Spanned<String>, file: &File, lowering: &mut Lowering<'_>) -> Option<ReadDefinition> {
    if path.starts_with("arn:") {
        lowering.report(
            Diagnostic::error("a task definition in your account cannot be read here", path.span, "")
                .help("aws ecs describe-task-definition --task-definition FAMILY --query taskDefinition > .aws/task-definition.json"),
        );
        return None;
    }
    let text = match (lowering.source.read_file)(&lowering.source.folder.join(&path.value)) {
        Ok(text) => text,
        Err(error) => {
            let why = if error.kind() == ErrorKind::NotFound {
                "there is no such file".to_owned()
            } else {
                error.to_string()
            };
            lowering.report(
                Diagnostic::error(format!("cannot read the task definition `{}`", path.value), path.span, why)
                    .note("the path is relative to the folder of this file")
                    .help("to get the one that is running: aws ecs describe-task-definition --task-definition FAMILY --query taskDefinition"),
            );
            return None;
        }
    };
    let shown = match lowering.source.path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.join(&path.value),
        _ => Path::new(&path.value).to_owned(),
    };
    let id = lowering.sources.add(&shown, &text);
    let root = syntax::parse_definition(lowering.sources, id, &mut lowering.reader)?;
    // Every service that runs it must have the image.
    let users = file.services.iter().flat_map(|services| services.iter().map(|(_, service)| service));
    let users: Vec<&ServiceFile> =
        users.filter(|user| user.task_definition.as_ref().is_some_and(|other| other.value == path.value)).collect();
    let is_built = |container: &str| {
        let has_image = |user: &&ServiceFile| {
            let builds = user.build.iter().flat_map(|builds| builds.iter()).map(|(name, _)| name);
            let pulls = user.image.iter().flat_map(|images| images.iter()).map(|(name, _)| name);
            builds.chain(pulls).any(|name| name.value == container)
        };
        users.iter().all(has_image)
    };
    task_definition::read(&root, &is_built, &mut lowering.reader)
}

fn bindings<'f>(
    service: &Spanned<String>,
    file: &'f ServiceFile,
    definition: Option<&ReadDefinition>,
    target_groups: &BTreeMap<TargetGroupName, TargetGroup>,
    balancers: Balancers<'_>,
    lowering: &mut Lowering<'_>,
) -> Vec<(LoadBalancerBinding, Span, Option<&'f AdvancedFile>)> {
    let mut bindings: Vec<(LoadBalancerBinding, Span, Option<&'f AdvancedFile>)> = Vec::new();
    let mut spans = Vec::new();
    for binding in file.load_balancers.iter().flatten() {
        let target_group = binding.target_group.as_ref().and_then(|name| lowering.target_group(name));
        if let (Some(name), Some(port), Some(definition)) = (&binding.container, &binding.port, definition) {
            port_exists(name, port, definition, lowering);
        }
        let (Some(target_group), Some(container), Some(port)) = (target_group, &binding.container, &binding.port)
        else {
            continue;
        };
        let given = binding.advanced_configuration.as_ref();
        let advanced = given.and_then(|advanced| strategies::advanced(advanced, balancers, lowering));
        let container = ContainerName::new(&container.value);
        let lowered = LoadBalancerBinding { target_group, container, port: port.value, advanced };
        if bindings.iter().any(|(known, ..)| known.is_same_port(&lowered)) {
            lowering.report(Diagnostic::error("the same container port in the same group twice", binding.span, ""));
        }
        if target_groups.contains_key(&lowered.target_group) {
            spans.push(port.span);
            bindings.push((lowered, binding.span, given));
        }
    }
    lowering.places.bindings.insert(service.value.clone(), spans);
    bindings
}

fn builds(
    file: &ServiceFile,
    definition: Option<&ReadDefinition>,
    lowering: &mut Lowering<'_>,
) -> BTreeMap<ContainerName, Build> {
    let mut builds = BTreeMap::new();
    for (container, build) in file.build.iter().flat_map(|builds| builds.iter()) {
        if let Some(definition) = definition {
            known_container(container, definition, lowering);
        }
        if let Some(build) = self::build(build, lowering) {
            builds.insert(ContainerName::new(&container.value), build);
        }
    }
    builds
}

fn build(file: &BuildFile, lowering: &mut Lowering<'_>) -> Option<Build> {
    let context = file.context.as_ref()?;
    let folder = lowering.source.folder.join(&context.value);
    let dockerfile = file.dockerfile.as_ref().map_or("Dockerfile", |dockerfile| dockerfile.as_str());
    if let Err(error) = (lowering.source.read_file)(&folder.join(dockerfile))
        && error.kind() == ErrorKind::NotFound
    {
        let at = file.dockerfile.as_ref().map_or(context.span, |dockerfile| dockerfile.span);
        let beside = (lowering.source.read_file)(&lowering.source.folder.join(dockerfile)).is_ok();
        lowering.report(
            Diagnostic::error(format!("there is no `{dockerfile}` in the build context"), at, "")
                .also(context.span, "the context")
                .note("the context is relative to this file, the Dockerfile to the context, as in Compose")
                .maybe_help(beside.then(|| {
                    "the path you wrote is relative to this file: make the context `.`, or shorten the path".to_owned()
                })),
        );
    }
    Some(Build {
        context: normal(&folder),
        dockerfile: dockerfile.to_owned(),
        args: file
            .args
            .iter()
            .flat_map(|args| args.iter())
            .map(|(key, value)| (key.value.clone(), value.value.clone()))
            .collect(),
        target: file.target.as_ref().map(|target| target.value.clone()),
    })
}

/// Adds the variables that the pipeline adds when it deploys, as if the task definition had them.
fn environment(
    file: Option<&Named<Named<Spanned<String>>>>,
    mut definition: ReadDefinition,
    lowering: &mut Lowering<'_>,
) -> ReadDefinition {
    for (container, variables) in file.iter().flat_map(|file| file.iter()) {
        known_container(container, &definition, lowering);
        let found = definition.definition.containers.iter_mut().find(|known| known.name.as_str() == container.value);
        let Some(found) = found else { continue };
        for (name, value) in variables.iter() {
            if let Some(at) = found.secrets.iter().position(|secret| secret.name == name.value) {
                lowering.report(
                    Diagnostic::error(format!("`{}` already comes from a secret", name.value), name.span, "")
                        .aws(
                            &DefinitionViolation::SecretNameTaken(name.value.clone()).to_string(),
                            task_definition::context::REGISTER,
                        )
                        .help(format!("give the secret `{}` its value under `secrets`", found.secrets[at].secret)),
                );
            }
            found.environment.insert(name.value.clone(), value.value.clone());
        }
    }
    definition
}

/// For messages about secrets: the help line that names the nearest secret that a container refers to.
pub(super) fn nearest_secret(name: &str, wanted: &[String]) -> Option<String> {
    help_for(name, "the containers ask for", wanted.iter().map(String::as_str))
}
