//! A definition as it would be registered again, so that one that did not come from a file is judged by the same rules.

use std::collections::BTreeMap;

use neargate_model::registration::{self as input, Registration};
use neargate_model::service_connect::AppProtocol;
use neargate_model::task_definition::{
    ContainerDefinition, CpuArchitecture, DependencyCondition, LogConfiguration, TaskDefinition, Volume, VolumeKind,
};

use super::judgement::refusals;
use super::refusal::Refusal;
use super::violation::Violation;

/// Judges a definition that has no file. A container may lack its image here: the service may say what it runs.
///
/// # Errors
///
/// The first thing that RegisterTaskDefinition would refuse.
pub fn judge(definition: &TaskDefinition) -> Result<(), Violation> {
    let refused = refusals(&registration(definition)).into_iter();
    let mut refused = refused.map(|Refusal { violation, .. }| violation).filter(|one| *one != Violation::ImageMissing);
    refused.next().map_or(Ok(()), Err)
}

/// The input of RegisterTaskDefinition that leads to this definition.
fn registration(definition: &TaskDefinition) -> Registration {
    Registration {
        family: Some(definition.family.clone()),
        container_definitions: definition.containers.iter().map(container).collect(),
        network_mode: Some("awsvpc".to_owned()),
        requires_compatibilities: vec!["FARGATE".to_owned()],
        cpu: Some(definition.cpu.to_string()),
        memory: Some(definition.memory_mib.to_string()),
        execution_role_arn: definition.execution_role_arn.clone(),
        task_role_arn: definition.task_role_arn.clone(),
        runtime_platform: input::RuntimePlatform {
            operating_system_family: None,
            cpu_architecture: definition.cpu_architecture.map(|architecture| match architecture {
                CpuArchitecture::X86_64 => "X86_64".to_owned(),
                CpuArchitecture::Arm64 => "ARM64".to_owned(),
            }),
        },
        ephemeral_storage: definition
            .ephemeral_storage_gib
            .map(|size| input::EphemeralStorage { size_in_gib: size.into() }),
        volumes: definition.volumes.iter().map(volume).collect(),
        pid_mode: definition.shares_processes.then(|| "task".to_owned()),
        ..Registration::default()
    }
}

fn volume(volume: &Volume) -> input::Volume {
    let efs = match &volume.kind {
        VolumeKind::Task => None,
        VolumeKind::Efs { file_system, folder } => Some(input::EfsVolume {
            file_system_id: Some(file_system.clone()),
            root_directory: Some(format!("/{folder}")),
            ..input::EfsVolume::default()
        }),
    };
    input::Volume { name: Some(volume.name.clone()), efs_volume_configuration: efs, ..input::Volume::default() }
}

fn container(container: &ContainerDefinition) -> input::Container {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    input::Container {
        name: Some(container.name.as_str().to_owned()),
        image: Some(container.image.clone()),
        repository_credentials: container
            .repository_credentials
            .clone()
            .map(|parameter| input::RepositoryCredentials { credentials_parameter: Some(parameter) }),
        cpu: container.cpu.into(),
        memory: container.memory_mib.map(i64::from),
        memory_reservation: container.memory_reservation_mib.map(i64::from),
        essential: Some(container.essential),
        port_mappings: container
            .port_mappings
            .iter()
            .map(|mapping| input::PortMapping {
                container_port: Some(mapping.container_port.into()),
                protocol: Some(if mapping.udp { "udp" } else { "tcp" }.to_owned()),
                name: mapping.name.clone(),
                app_protocol: match mapping.app_protocol {
                    AppProtocol::Tcp => None,
                    AppProtocol::Http => Some("http".to_owned()),
                    AppProtocol::Http2 => Some("http2".to_owned()),
                    AppProtocol::Grpc => Some("grpc".to_owned()),
                },
                ..input::PortMapping::default()
            })
            .collect(),
        environment: container
            .environment
            .iter()
            .map(|(name, value)| input::NameValue { name: Some(name.clone()), value: Some(value.clone()) })
            .collect(),
        environment_files: container
            .environment_files
            .iter()
            .map(|arn| input::EnvironmentFile { value: Some(arn.clone()), r#type: Some("s3".to_owned()) })
            .collect(),
        secrets: container
            .secrets
            .iter()
            .map(|secret| input::Secret { name: Some(secret.name.clone()), value_from: Some(secret.secret.clone()) })
            .collect(),
        mount_points: container
            .mount_points
            .iter()
            .map(|mount| input::MountPoint {
                source_volume: Some(mount.source_volume.clone()),
                container_path: Some(mount.container_path.clone()),
                read_only: mount.read_only,
            })
            .collect(),
        volumes_from: container
            .volumes_from
            .iter()
            .map(|from| input::VolumeFrom {
                source_container: Some(from.container.as_str().to_owned()),
                read_only: from.read_only,
            })
            .collect(),
        depends_on: container
            .depends_on
            .iter()
            .map(|dependency| input::Dependency {
                container_name: Some(dependency.container.as_str().to_owned()),
                condition: Some(condition(dependency.condition).to_owned()),
            })
            .collect(),
        start_timeout: container.start_timeout.map(seconds),
        stop_timeout: Some(seconds(container.stop_timeout)),
        health_check: container.health_check.as_ref().map(|check| input::HealthCheck {
            command: check.command.clone(),
            interval: Some(seconds(check.interval)),
            timeout: Some(seconds(check.timeout)),
            retries: Some(check.retries.into()),
            start_period: Some(seconds(check.start_period)),
        }),
        restart_policy: container.restart_policy.as_ref().map(|policy| input::RestartPolicy {
            enabled: Some(true),
            ignored_exit_codes: policy.ignored_exit_codes.iter().map(|code| i64::from(*code)).collect(),
            restart_attempt_period: Some(seconds(policy.restart_attempt_period)),
        }),
        ulimits: container
            .ulimits
            .iter()
            .map(|limit| input::Ulimit {
                name: Some(limit.name.clone()),
                soft_limit: Some(limit.soft_limit),
                hard_limit: Some(limit.hard_limit),
            })
            .collect(),
        log_configuration: container.log_configuration.as_ref().and_then(log),
        linux_parameters: input::LinuxParameters {
            capabilities: input::Capabilities {
                add: container.capabilities_add.clone(),
                drop: container.capabilities_drop.clone(),
            },
            ..input::LinuxParameters::default()
        },
        ..input::Container::default()
    }
}

fn condition(condition: DependencyCondition) -> &'static str {
    match condition {
        DependencyCondition::Start => "START",
        DependencyCondition::Complete => "COMPLETE",
        DependencyCondition::Success => "SUCCESS",
        DependencyCondition::Healthy => "HEALTHY",
    }
}

/// Logs of other drivers have the driver's name as the prefix of their streams.
fn log(log: &LogConfiguration) -> Option<input::LogConfiguration> {
    if ["splunk", "awsfirelens"].contains(&log.stream_prefix.as_str()) {
        return None;
    }
    Some(input::LogConfiguration {
        log_driver: Some("awslogs".to_owned()),
        options: BTreeMap::from([
            ("awslogs-group".to_owned(), log.group.clone()),
            ("awslogs-region".to_owned(), "us-east-1".to_owned()),
            ("awslogs-stream-prefix".to_owned(), log.stream_prefix.clone()),
        ]),
        secret_options: Vec::new(),
    })
}
