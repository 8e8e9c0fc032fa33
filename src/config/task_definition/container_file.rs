//! The format of a container definition (ECS API: ContainerDefinition).

use crate::read::reader::Spanned;
use crate::read::{Anything, keywords, record};

record! {
    /// `containerDefinitions[]`
    ContainerFile, "container definition" {
        /// Unique in the task.
        name: Spanned<String>,
        /// Image reference.
        image: Spanned<String>,
        /// Credentials of a private registry.
        repository_credentials = "repositoryCredentials": RepositoryCredentialsFile,
        /// Relative weight.
        cpu: Spanned<u32>,
        /// Hard limit in MiB.
        memory: Spanned<u32>,
        /// Soft limit in MiB.
        memory_reservation = "memoryReservation": Spanned<u32>,
        /// Default: true.
        essential: bool,
        /// Ports.
        port_mappings = "portMappings": Vec<PortMappingFile>,
        /// Replaces ENTRYPOINT.
        entry_point = "entryPoint": Vec<String>,
        /// Replaces CMD.
        command: Vec<String>,
        /// Variables.
        environment: Vec<NameValueFile>,
        /// Variables from S3.
        environment_files = "environmentFiles": Vec<EnvironmentFileFile>,
        /// Variables from secrets.
        secrets: Vec<SecretFile>,
        /// Volumes, mounted.
        mount_points = "mountPoints": Vec<MountPointFile>,
        /// Volumes of another container.
        volumes_from = "volumesFrom": Vec<VolumeFromFile>,
        /// Order.
        depends_on = "dependsOn": Vec<DependencyFile>,
        /// 2–120 seconds.
        start_timeout = "startTimeout": Spanned<u32>,
        /// 2–120 seconds.
        stop_timeout = "stopTimeout": Spanned<u32>,
        /// Health check.
        health_check = "healthCheck": ContainerHealthCheckFile,
        /// Restart in place.
        restart_policy = "restartPolicy": RestartPolicyFile,
        /// User.
        user: Spanned<String>,
        /// Replaces WORKDIR.
        working_directory = "workingDirectory": Spanned<String>,
        /// Read-only root.
        readonly_root_filesystem = "readonlyRootFilesystem": bool,
        /// Keeps stdin open.
        interactive: bool,
        /// Allocates a terminal.
        pseudo_terminal = "pseudoTerminal": bool,
        /// Labels.
        docker_labels = "dockerLabels": crate::read::Named<String>,
        /// Limits.
        ulimits: Vec<UlimitFile>,
        /// Log driver.
        log_configuration = "logConfiguration": LogConfigurationFile,
        /// Kernel features.
        linux_parameters = "linuxParameters": LinuxParametersFile,
        /// Kernel parameters.
        system_controls = "systemControls": Vec<SystemControlFile>,
        /// GPUs: refused.
        resource_requirements = "resourceRequirements": Vec<Spanned<Anything>>,
        /// Log router.
        firelens_configuration = "firelensConfiguration": FirelensConfigurationFile,
        /// Tag to digest.
        version_consistency = "versionConsistency": String,
        /// Refused.
        hostname: Spanned<String>,
        /// Refused.
        extra_hosts = "extraHosts": Vec<Spanned<Anything>>,
        /// Refused.
        dns_servers = "dnsServers": Strings,
        /// Refused.
        dns_search_domains = "dnsSearchDomains": Strings,
        /// Refused.
        links: Strings,
        /// Refused.
        disable_networking = "disableNetworking": Spanned<bool>,
        /// Refused when true.
        privileged: Spanned<bool>,
        /// Refused.
        docker_security_options = "dockerSecurityOptions": Strings,
        /// Windows.
        credential_specs = "credentialSpecs": Strings,
    }
}

record! {
    /// `repositoryCredentials`
    RepositoryCredentialsFile, "repository credentials" {
        /// ARN of the secret.
        credentials_parameter = "credentialsParameter": Spanned<String> [required],
    }
}

record! {
    /// `portMappings[]`
    PortMappingFile, "port mapping" {
        /// 1–65535.
        container_port = "containerPort": Spanned<u16>,
        /// Absent, or the same.
        host_port = "hostPort": Spanned<u16>,
        /// `tcp` or `udp`.
        protocol: Spanned<PortProtocolWord>,
        /// For Service Connect.
        name: Spanned<String>,
        /// For Service Connect.
        app_protocol = "appProtocol": Spanned<AppProtocolWord>,
        /// `8000-8010`.
        container_port_range = "containerPortRange": Spanned<String>,
    }
}

keywords! {
    /// `protocol` of a port mapping.
    PortProtocolWord, "a transport protocol" {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

keywords! {
    /// `appProtocol` of a port mapping.
    AppProtocolWord, "an application protocol of Service Connect" {
        /// HTTP/1.1.
        Http = "http",
        /// HTTP/2.
        Http2 = "http2",
        /// gRPC.
        Grpc = "grpc",
    }
}

record! {
    /// `environment[]`
    NameValueFile, "environment variable" {
        /// Name.
        name: Spanned<String> [required],
        /// Value.
        value: Spanned<String>,
    }
}

record! {
    /// `environmentFiles[]`
    EnvironmentFileFile, "environment file" {
        /// ARN of an object in S3.
        value: Spanned<String> [required],
        /// `s3`
        kind = "type": Spanned<EnvironmentFileTypeWord> [required],
    }
}

keywords! {
    /// `environmentFiles[].type`
    EnvironmentFileTypeWord, "a type of environment file" {
        /// An object in S3.
        S3 = "s3",
    }
}

record! {
    /// `volumesFrom[]`
    VolumeFromFile, "volumesFrom entry" {
        /// The other container.
        source_container = "sourceContainer": Spanned<String> [required],
        /// Default: false.
        read_only = "readOnly": bool,
    }
}

record! {
    /// `firelensConfiguration`
    FirelensConfigurationFile, "firelens configuration" {
        /// `fluentd` or `fluentbit`.
        kind = "type": Spanned<FirelensTypeWord> [required],
        /// Options of the router.
        options: crate::read::Named<Spanned<String>>,
    }
}

keywords! {
    /// `firelensConfiguration.type`
    FirelensTypeWord, "a log router" {
        /// Fluentd.
        Fluentd = "fluentd",
        /// Fluent Bit.
        Fluentbit = "fluentbit",
    }
}

record! {
    /// `secrets[]`
    SecretFile, "secret" {
        /// Name of the variable.
        name: Spanned<String> [required],
        /// ARN or name, possibly with a JSON key.
        value_from = "valueFrom": Spanned<String> [required],
    }
}

record! {
    /// `mountPoints[]`
    MountPointFile, "mount point" {
        /// Name of a volume.
        source_volume = "sourceVolume": Spanned<String> [required],
        /// Where it appears.
        container_path = "containerPath": Spanned<String> [required],
        /// Default: false.
        read_only = "readOnly": bool,
    }
}

record! {
    /// `dependsOn[]`
    DependencyFile, "dependency" {
        /// The other container.
        container_name = "containerName": Spanned<String> [required],
        /// What must have happened to it.
        condition: Spanned<DependencyConditionWord> [required],
    }
}

keywords! {
    /// `dependsOn[].condition`
    DependencyConditionWord, "a condition of dependsOn" {
        /// Runs, or has run.
        Start = "START",
        /// Has stopped.
        Complete = "COMPLETE",
        /// Has stopped with 0.
        Success = "SUCCESS",
        /// Is healthy.
        Healthy = "HEALTHY",
    }
}

record! {
    /// `healthCheck`
    ContainerHealthCheckFile, "container health check" {
        /// `CMD` or `CMD-SHELL` first.
        command: Strings,
        /// 5–300 seconds.
        interval: Spanned<u32>,
        /// 2–60 seconds.
        timeout: Spanned<u32>,
        /// 1–10.
        retries: Spanned<u32>,
        /// 0–300 seconds.
        start_period = "startPeriod": Spanned<u32>,
    }
}

record! {
    /// `restartPolicy`
    RestartPolicyFile, "restart policy" {
        /// Whether it is on.
        enabled: Spanned<bool> [required],
        /// Exit codes that are left alone.
        ignored_exit_codes = "ignoredExitCodes": Vec<Spanned<i64>>,
        /// 60–1800 seconds.
        restart_attempt_period = "restartAttemptPeriod": Spanned<u32>,
    }
}

record! {
    /// `ulimits[]`
    UlimitFile, "ulimit" {
        /// Name.
        name: Spanned<String> [required],
        /// Soft limit.
        soft_limit = "softLimit": Spanned<i64> [required],
        /// Hard limit.
        hard_limit = "hardLimit": Spanned<i64> [required],
    }
}

record! {
    /// `logConfiguration`
    LogConfigurationFile, "log configuration" {
        /// Driver.
        log_driver = "logDriver": Spanned<String> [required],
        /// Options.
        options: crate::read::Named<Spanned<String>>,
        /// Options from secrets.
        secret_options = "secretOptions": Vec<SecretOptionFile>,
    }
}

record! {
    /// `logConfiguration.secretOptions[]`
    SecretOptionFile, "secret option" {
        /// Name of the option.
        name: Spanned<String> [required],
        /// ARN or name of the secret.
        value_from = "valueFrom": Spanned<String> [required],
    }
}

record! {
    /// `linuxParameters`
    LinuxParametersFile, "linux parameters" {
        /// Capabilities.
        capabilities: CapabilitiesFile,
        /// An init process.
        init_process_enabled = "initProcessEnabled": bool,
        /// Refused.
        devices: Vec<Spanned<Anything>>,
        /// Refused.
        shared_memory_size = "sharedMemorySize": Spanned<u32>,
        /// Refused.
        max_swap = "maxSwap": Spanned<u32>,
        /// Ignored.
        swappiness: Spanned<u32>,
        /// In-memory file systems.
        tmpfs: Vec<TmpfsFile>,
    }
}

record! {
    /// `tmpfs[]`
    TmpfsFile, "tmpfs" {
        /// Where it appears.
        container_path = "containerPath": Spanned<String> [required],
        /// MiB.
        size: Spanned<u32> [required],
        /// Of mount(8).
        mount_options = "mountOptions": Strings,
    }
}

record! {
    /// `capabilities`
    CapabilitiesFile, "capabilities" {
        /// Only `SYS_PTRACE`.
        add: Strings,
        /// Any.
        drop: Strings,
    }
}

record! {
    /// `systemControls[]`
    SystemControlFile, "system control" {
        /// e.g. `net.ipv4.tcp_keepalive_time`.
        namespace: Spanned<String> [required],
        /// Its value.
        value: Spanned<String> [required],
    }
}

/// A list of these as ECS writes them.
pub(crate) type Strings = Vec<Spanned<String>>;
