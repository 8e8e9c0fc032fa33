//! The file as RegisterTaskDefinition's input, without positions. What could not be read has been reported, and is absent.

use neargate_model::registration as input;
use neargate_model::registration::Registration;
use serde::de::IgnoredAny;

use super::file::{
    ContainerFile, ContainerHealthCheckFile, EfsVolumeFile, LinuxParametersFile, LogConfigurationFile, PortMappingFile,
    SecretFile, SecretOptionFile, TaskDefinitionFile, VolumeFile,
};
use crate::read::Named;
use crate::read::reader::Spanned;

/// All of it.
pub(super) fn registration(file: &TaskDefinitionFile) -> Registration {
    let platform = file.runtime_platform.as_ref();
    Registration {
        family: value(&file.family),
        container_definitions: file.container_definitions.iter().flatten().map(container).collect(),
        network_mode: value(&file.network_mode),
        requires_compatibilities: values(&file.requires_compatibilities),
        cpu: value(&file.cpu),
        memory: value(&file.memory),
        execution_role_arn: value(&file.execution_role_arn),
        task_role_arn: value(&file.task_role_arn),
        runtime_platform: input::RuntimePlatform {
            operating_system_family: platform.and_then(|platform| value(&platform.operating_system_family)),
            cpu_architecture: platform
                .and_then(|platform| platform.cpu_architecture.as_ref())
                .map(|word| word.value.word().to_owned()),
        },
        ephemeral_storage: file.ephemeral_storage.as_ref().and_then(|storage| {
            Some(input::EphemeralStorage { size_in_gib: storage.size_in_gib.as_ref()?.value.into() })
        }),
        volumes: file.volumes.iter().flatten().map(volume).collect(),
        pid_mode: value(&file.pid_mode),
        ipc_mode: value(&file.ipc_mode),
        placement_constraints: anything(&file.placement_constraints),
        proxy_configuration: file
            .proxy_configuration
            .as_ref()
            .map(|proxy| input::ProxyConfiguration { container_name: value(&proxy.container_name) }),
        inference_accelerators: anything(&file.inference_accelerators),
        enable_fault_injection: file.enable_fault_injection.unwrap_or(false),
    }
}

fn value<T: Clone>(field: &Option<Spanned<T>>) -> Option<T> {
    field.as_ref().map(|field| field.value.clone())
}

fn number<T: Copy + Into<i64>>(field: &Option<Spanned<T>>) -> Option<i64> {
    field.as_ref().map(|field| field.value.into())
}

fn values(list: &Option<Vec<Spanned<String>>>) -> Vec<String> {
    list.iter().flatten().map(|text| text.value.clone()).collect()
}

fn anything<T>(list: &Option<Vec<T>>) -> Vec<IgnoredAny> {
    list.iter().flatten().map(|_| IgnoredAny).collect()
}

fn named(map: &Option<Named<Spanned<String>>>) -> std::collections::BTreeMap<String, String> {
    let entries = map.iter().flat_map(|map| map.iter());
    entries.map(|(key, value)| (key.value.clone(), value.value.clone())).collect()
}

fn volume(file: &VolumeFile) -> input::Volume {
    input::Volume {
        name: value(&file.name),
        host: input::HostVolume { source_path: file.host.as_ref().and_then(|host| value(&host.source_path)) },
        efs_volume_configuration: file.efs_volume_configuration.as_ref().map(efs),
        s3files_volume_configuration: file.s3files_volume_configuration.as_ref().map(|_| IgnoredAny),
        fsx_windows_file_server_volume_configuration: file.fsx_volume_configuration.as_ref().map(|_| IgnoredAny),
        docker_volume_configuration: file.docker_volume_configuration.as_ref().map(|_| IgnoredAny),
        configured_at_launch: file.configured_at_launch.as_ref().is_some_and(|at_launch| at_launch.value),
    }
}

fn efs(file: &EfsVolumeFile) -> input::EfsVolume {
    let authorization = file.authorization_config.as_ref();
    let iam = authorization.and_then(|authorization| authorization.iam.as_ref());
    input::EfsVolume {
        file_system_id: value(&file.file_system_id),
        root_directory: value(&file.root_directory),
        transit_encryption: file.transit_encryption.as_ref().map(|word| word.value.word().to_owned()),
        transit_encryption_port: number(&file.transit_encryption_port),
        authorization_config: input::EfsAuthorization {
            access_point_id: authorization.and_then(|authorization| value(&authorization.access_point_id)),
            iam: iam.map(|word| word.value.word().to_owned()),
        },
    }
}

fn container(file: &ContainerFile) -> input::Container {
    input::Container {
        name: value(&file.name),
        image: value(&file.image),
        repository_credentials: file.repository_credentials.as_ref().map(|credentials| input::RepositoryCredentials {
            credentials_parameter: value(&credentials.credentials_parameter),
        }),
        cpu: number(&file.cpu).unwrap_or(0),
        memory: number(&file.memory),
        memory_reservation: number(&file.memory_reservation),
        essential: file.essential,
        port_mappings: file.port_mappings.iter().flatten().map(port_mapping).collect(),
        entry_point: file.entry_point.clone().unwrap_or_default(),
        command: file.command.clone().unwrap_or_default(),
        environment: file
            .environment
            .iter()
            .flatten()
            .map(|variable| input::NameValue { name: value(&variable.name), value: value(&variable.value) })
            .collect(),
        environment_files: file
            .environment_files
            .iter()
            .flatten()
            .map(|file| input::EnvironmentFile {
                value: value(&file.value),
                r#type: file.kind.as_ref().map(|kind| kind.value.word().to_owned()),
            })
            .collect(),
        secrets: file.secrets.iter().flatten().map(secret).collect(),
        mount_points: file
            .mount_points
            .iter()
            .flatten()
            .map(|mount| input::MountPoint {
                source_volume: value(&mount.source_volume),
                container_path: value(&mount.container_path),
                read_only: mount.read_only.unwrap_or(false),
            })
            .collect(),
        volumes_from: file
            .volumes_from
            .iter()
            .flatten()
            .map(|from| input::VolumeFrom {
                source_container: value(&from.source_container),
                read_only: from.read_only.unwrap_or(false),
            })
            .collect(),
        depends_on: file
            .depends_on
            .iter()
            .flatten()
            .map(|dependency| input::Dependency {
                container_name: value(&dependency.container_name),
                condition: dependency.condition.as_ref().map(|word| word.value.word().to_owned()),
            })
            .collect(),
        start_timeout: number(&file.start_timeout),
        stop_timeout: number(&file.stop_timeout),
        health_check: file.health_check.as_ref().map(health_check),
        restart_policy: file.restart_policy.as_ref().map(|policy| input::RestartPolicy {
            enabled: value(&policy.enabled),
            ignored_exit_codes: policy.ignored_exit_codes.iter().flatten().map(|code| code.value).collect(),
            restart_attempt_period: number(&policy.restart_attempt_period),
        }),
        user: value(&file.user),
        working_directory: value(&file.working_directory),
        readonly_root_filesystem: file.readonly_root_filesystem.unwrap_or(false),
        interactive: file.interactive.unwrap_or(false),
        pseudo_terminal: file.pseudo_terminal.unwrap_or(false),
        docker_labels: file
            .docker_labels
            .iter()
            .flat_map(|labels| labels.iter())
            .map(|(key, value)| (key.value.clone(), value.clone()))
            .collect(),
        ulimits: file
            .ulimits
            .iter()
            .flatten()
            .map(|limit| input::Ulimit {
                name: value(&limit.name),
                soft_limit: number(&limit.soft_limit),
                hard_limit: number(&limit.hard_limit),
            })
            .collect(),
        log_configuration: file.log_configuration.as_ref().map(log_configuration),
        linux_parameters: file.linux_parameters.as_ref().map(linux_parameters).unwrap_or_default(),
        system_controls: file
            .system_controls
            .iter()
            .flatten()
            .map(|control| input::SystemControl { namespace: value(&control.namespace), value: value(&control.value) })
            .collect(),
        resource_requirements: anything(&file.resource_requirements),
        firelens_configuration: file.firelens_configuration.as_ref().map(|router| input::FirelensConfiguration {
            r#type: router.kind.as_ref().map(|kind| kind.value.word().to_owned()),
            options: named(&router.options),
        }),
        version_consistency: file.version_consistency.clone(),
        hostname: value(&file.hostname),
        extra_hosts: anything(&file.extra_hosts),
        dns_servers: values(&file.dns_servers),
        dns_search_domains: values(&file.dns_search_domains),
        links: values(&file.links),
        disable_networking: value(&file.disable_networking),
        privileged: file.privileged.as_ref().is_some_and(|privileged| privileged.value),
        docker_security_options: values(&file.docker_security_options),
        credential_specs: values(&file.credential_specs),
    }
}

fn port_mapping(file: &PortMappingFile) -> input::PortMapping {
    input::PortMapping {
        container_port: number(&file.container_port),
        host_port: number(&file.host_port),
        protocol: file.protocol.as_ref().map(|word| word.value.word().to_owned()),
        name: value(&file.name),
        app_protocol: file.app_protocol.as_ref().map(|word| word.value.word().to_owned()),
        container_port_range: value(&file.container_port_range),
    }
}

fn secret(file: &SecretFile) -> input::Secret {
    input::Secret { name: value(&file.name), value_from: value(&file.value_from) }
}

fn secret_option(file: &SecretOptionFile) -> input::Secret {
    input::Secret { name: value(&file.name), value_from: value(&file.value_from) }
}

fn health_check(file: &ContainerHealthCheckFile) -> input::HealthCheck {
    input::HealthCheck {
        command: values(&file.command),
        interval: number(&file.interval),
        timeout: number(&file.timeout),
        retries: number(&file.retries),
        start_period: number(&file.start_period),
    }
}

fn log_configuration(file: &LogConfigurationFile) -> input::LogConfiguration {
    input::LogConfiguration {
        log_driver: value(&file.log_driver),
        options: named(&file.options),
        secret_options: file.secret_options.iter().flatten().map(secret_option).collect(),
    }
}

fn linux_parameters(file: &LinuxParametersFile) -> input::LinuxParameters {
    let capabilities = file.capabilities.as_ref();
    input::LinuxParameters {
        capabilities: input::Capabilities {
            add: capabilities.map(|capabilities| values(&capabilities.add)).unwrap_or_default(),
            drop: capabilities.map(|capabilities| values(&capabilities.drop)).unwrap_or_default(),
        },
        init_process_enabled: file.init_process_enabled.unwrap_or(false),
        devices: anything(&file.devices),
        shared_memory_size: number(&file.shared_memory_size),
        max_swap: number(&file.max_swap),
        swappiness: number(&file.swappiness),
        tmpfs: file
            .tmpfs
            .iter()
            .flatten()
            .map(|tmpfs| input::Tmpfs {
                container_path: value(&tmpfs.container_path),
                size: number(&tmpfs.size),
                mount_options: values(&tmpfs.mount_options),
            })
            .collect(),
    }
}
