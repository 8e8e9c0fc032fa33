//! What RegisterTaskDefinition makes of its input: AWS's defaults filled in, the rest as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use neargate_model::ContainerName;
use neargate_model::registration::{self as input, Registration};
use neargate_model::service_connect::AppProtocol;
use neargate_model::task_definition::{
    ContainerDefinition, ContainerHealthCheck, CpuArchitecture, Dependency, DependencyCondition, LogConfiguration,
    LogRouter, MountPoint, PortMapping, RestartPolicy, RouterKind, SecretReference, TaskDefinition, Tmpfs, Ulimit,
    Volume, VolumeFrom, VolumeKind,
};

use super::{sizes, value_from};

/// Open files of a container without a ulimit for them (ECS developer guide, "Amazon ECS task definition differences for
/// Fargate", Resource limits).
const OPEN_FILES: i64 = 65535;

/// Time between SIGTERM and SIGKILL, in seconds.
const STOP_TIMEOUT: u64 = 30;

/// Least time between restarts of a container, in seconds.
const RESTART_ATTEMPT_PERIOD: u64 = 300;

/// The definition; `None` if it lacks what it cannot be without, which has been refused.
pub fn definition(registration: &Registration) -> Option<TaskDefinition> {
    let (cpu, memory_mib) = sizes::size(registration)?;
    let family = registration.family.clone().unwrap_or_default();
    let containers = registration.container_definitions.iter().map(|one| container(one, &family));
    let mut containers = containers.collect::<Option<Vec<_>>>().filter(|containers| !containers.is_empty())?;
    after_router(&mut containers);
    Some(TaskDefinition {
        containers,
        cpu,
        memory_mib,
        cpu_architecture: match registration.runtime_platform.cpu_architecture.as_deref() {
            Some("X86_64") => Some(CpuArchitecture::X86_64),
            Some("ARM64") => Some(CpuArchitecture::Arm64),
            _ => None,
        },
        execution_role_arn: registration.execution_role_arn.clone(),
        task_role_arn: registration.task_role_arn.clone(),
        volumes: registration.volumes.iter().filter_map(volume).collect(),
        shares_processes: registration.pid_mode.as_deref() == Some("task"),
        ephemeral_storage_gib: registration
            .ephemeral_storage
            .as_ref()
            .and_then(|storage| u32::try_from(storage.size_in_gib).ok()),
        family,
    })
}

fn volume(volume: &input::Volume) -> Option<Volume> {
    let name = volume.name.clone()?;
    let Some(efs) = &volume.efs_volume_configuration else { return Some(Volume::of_task(name)) };
    let root = efs.root_directory.as_deref().unwrap_or_default().trim_matches('/');
    let folder = match &efs.authorization_config.access_point_id {
        Some(point) => point.clone(),
        None => root.to_owned(),
    };
    Some(Volume { name, kind: VolumeKind::Efs { file_system: efs.file_system_id.clone()?, folder } })
}

fn container(container: &input::Container, family: &str) -> Option<ContainerDefinition> {
    let linux = &container.linux_parameters;
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mib = |value: Option<i64>| value.and_then(|mib| u32::try_from(mib).ok());
    // Where there is no image, the service says what runs here, or it has been refused.
    let image = container.image.clone().unwrap_or_default();
    Some(ContainerDefinition {
        name: ContainerName::new(some(&container.name)?),
        image,
        repository_credentials: container
            .repository_credentials
            .as_ref()
            .and_then(|credentials| credentials.credentials_parameter.clone()),
        cpu: u32::try_from(container.cpu).unwrap_or(0),
        memory_mib: mib(container.memory),
        memory_reservation_mib: mib(container.memory_reservation),
        essential: container.is_essential(),
        port_mappings: container.port_mappings.iter().flat_map(ports).collect(),
        // Empty lists are dropped by the action that deploys the file, so they mean what absence means.
        entry_point: Some(container.entry_point.clone()).filter(|words| !words.is_empty()),
        command: Some(container.command.clone()).filter(|words| !words.is_empty()),
        environment: environment(container),
        environment_files: container.environment_files.iter().filter_map(|file| file.value.clone()).collect(),
        secrets: container.secrets.iter().filter_map(secret).collect(),
        depends_on: container.depends_on.iter().filter_map(dependency).collect(),
        start_timeout: container.start_timeout.map(seconds),
        stop_timeout: container.stop_timeout.map_or(Duration::from_secs(STOP_TIMEOUT), seconds),
        health_check: container.health_check.as_ref().and_then(health_check),
        restart_policy: container.restart_policy.as_ref().and_then(restart_policy),
        user: some(&container.user),
        working_directory: some(&container.working_directory),
        readonly_root_filesystem: container.readonly_root_filesystem,
        interactive: container.interactive,
        pseudo_terminal: container.pseudo_terminal,
        docker_labels: container.docker_labels.clone(),
        ulimits: ulimits(container),
        mount_points: container.mount_points.iter().filter_map(mount).collect(),
        volumes_from: container.volumes_from.iter().filter_map(volume_from).collect(),
        tmpfs: linux.tmpfs.iter().filter_map(tmpfs).collect(),
        system_controls: container
            .system_controls
            .iter()
            .filter_map(|control| Some((control.namespace.clone()?, control.value.clone()?)))
            .collect(),
        init_process_enabled: linux.init_process_enabled,
        capabilities_add: linux.capabilities.add.clone(),
        capabilities_drop: linux.capabilities.drop.clone(),
        log_configuration: container.log_configuration.as_ref().and_then(|log| self::log(log, family)),
        log_router: container.firelens_configuration.as_ref().and_then(log_router),
        router_options: router_options(container),
    })
}

fn seconds(value: i64) -> Duration {
    Duration::from_secs(u64::try_from(value).unwrap_or(0))
}

fn ports(mapping: &input::PortMapping) -> Vec<PortMapping> {
    let udp = mapping.is_udp();
    let port = mapping.container_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    let ports = mapping.container_port_range.as_ref().map_or_else(
        || port.map(|port| (port, port)), //
        |_| mapping.range(),
    );
    let app_protocol = match mapping.app_protocol.as_deref() {
        Some("http") => AppProtocol::Http,
        Some("http2") => AppProtocol::Http2,
        Some("grpc") => AppProtocol::Grpc,
        _ => AppProtocol::Tcp,
    };
    ports
        .into_iter()
        .flat_map(|(from, to)| from..=to)
        .map(|container_port| PortMapping { container_port, udp, name: mapping.name.clone(), app_protocol })
        .collect()
}

/// The last value of a name counts.
fn environment(container: &input::Container) -> BTreeMap<String, String> {
    let variables = container.environment.iter();
    variables.filter_map(|one| Some((one.name.clone()?, one.value.clone().unwrap_or_default()))).collect()
}

fn secret(secret: &input::Secret) -> Option<SecretReference> {
    let from = value_from::parse(secret.value_from.as_ref()?).ok()?;
    Some(SecretReference { name: secret.name.clone()?, secret: from.value(), json_key: from.json_key })
}

fn dependency(dependency: &input::Dependency) -> Option<Dependency> {
    Some(Dependency {
        container: ContainerName::new(dependency.container_name.as_ref()?),
        condition: match dependency.condition.as_deref()? {
            "START" => DependencyCondition::Start,
            "COMPLETE" => DependencyCondition::Complete,
            "SUCCESS" => DependencyCondition::Success,
            "HEALTHY" => DependencyCondition::Healthy,
            _ => return None,
        },
    })
}

fn health_check(check: &input::HealthCheck) -> Option<ContainerHealthCheck> {
    let mut command = check.command.clone();
    match command.first().map(String::as_str) {
        Some("NONE") => return None,
        Some("CMD" | "CMD-SHELL") => {}
        // A program by itself is registered, and run.
        _ => command.insert(0, "CMD".to_owned()),
    }
    Some(ContainerHealthCheck {
        command,
        interval: check.interval.map_or(Duration::from_secs(30), seconds),
        timeout: check.timeout.map_or(Duration::from_secs(5), seconds),
        retries: check.retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(3),
        start_period: check.start_period.map_or(Duration::ZERO, seconds),
    })
}

fn restart_policy(policy: &input::RestartPolicy) -> Option<RestartPolicy> {
    policy.enabled.unwrap_or(false).then(|| RestartPolicy {
        ignored_exit_codes: policy.ignored_exit_codes.iter().filter_map(|code| i32::try_from(*code).ok()).collect(),
        restart_attempt_period: policy
            .restart_attempt_period
            .map_or(Duration::from_secs(RESTART_ATTEMPT_PERIOD), seconds),
    })
}

fn ulimits(container: &input::Container) -> Vec<Ulimit> {
    let given = container.ulimits.iter();
    let mut ulimits: Vec<Ulimit> = given
        .filter_map(|limit| {
            Some(Ulimit { name: limit.name.clone()?, soft_limit: limit.soft_limit?, hard_limit: limit.hard_limit? })
        })
        .collect();
    if !ulimits.iter().any(|limit| limit.name == "nofile") {
        ulimits.push(Ulimit { name: "nofile".to_owned(), soft_limit: OPEN_FILES, hard_limit: OPEN_FILES });
    }
    ulimits
}

fn mount(mount: &input::MountPoint) -> Option<MountPoint> {
    Some(MountPoint {
        source_volume: mount.source_volume.clone()?,
        container_path: mount.container_path.clone()?,
        read_only: mount.read_only,
    })
}

fn volume_from(from: &input::VolumeFrom) -> Option<VolumeFrom> {
    Some(VolumeFrom { container: ContainerName::new(from.source_container.as_ref()?), read_only: from.read_only })
}

fn tmpfs(tmpfs: &input::Tmpfs) -> Option<Tmpfs> {
    Some(Tmpfs {
        container_path: tmpfs.container_path.clone()?,
        size_mib: u32::try_from(tmpfs.size?).ok()?,
        mount_options: tmpfs.mount_options.clone(),
    })
}

fn log_router(router: &input::FirelensConfiguration) -> Option<LogRouter> {
    let kind = match router.r#type.as_deref()? {
        "fluentd" => RouterKind::Fluentd,
        "fluentbit" => RouterKind::Fluentbit,
        _ => return None,
    };
    let adds_metadata = router.options.get("enable-ecs-log-metadata").is_none_or(|value| value != "false");
    Some(LogRouter { kind, adds_metadata, configuration_file: router.options.get("config-file-value").cloned() })
}

fn router_options(container: &input::Container) -> Option<BTreeMap<String, String>> {
    let log = container.log_configuration.as_ref()?;
    (log.log_driver.as_deref() == Some("awsfirelens")).then(|| log.options.clone())
}

/// The router starts before the containers whose output it gets, and stops after them (Amazon ECS container agent,
/// `addFirelensContainerDependency`).
fn after_router(containers: &mut [ContainerDefinition]) {
    let Some(router) = containers.iter().find(|container| container.log_router.is_some()) else { return };
    let waits_for: Vec<ContainerName> = router.depends_on.iter().map(|one| one.container.clone()).collect();
    let router = router.name.clone();
    for container in containers.iter_mut().filter(|container| container.router_options.is_some()) {
        let depends = container.depends_on.iter().any(|dependency| dependency.container == router);
        if !depends && !waits_for.contains(&container.name) && container.name != router {
            container.depends_on.push(Dependency { container: router.clone(), condition: DependencyCondition::Start });
        }
    }
}

/// Output of other drivers than `awslogs` is kept as if the family were the group.
fn log(log: &input::LogConfiguration, family: &str) -> Option<LogConfiguration> {
    let driver = log.log_driver.as_ref()?;
    let option = |key: &str| log.options.get(key).cloned();
    match driver.as_str() {
        "awslogs" => {
            Some(LogConfiguration { group: option("awslogs-group")?, stream_prefix: option("awslogs-stream-prefix")? })
        }
        "splunk" | "awsfirelens" => Some(LogConfiguration { group: family.to_owned(), stream_prefix: driver.clone() }),
        _ => None,
    }
}
