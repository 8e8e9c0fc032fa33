//! A task definition as it is written: ECS JSON, every field of it (ECS API: RegisterTaskDefinition).
//!
//! Fields that Fargate refuses are here, too: their refusal is AWS's own text, not "unknown field".

use crate::config::read::{Anything, Spanned, keywords, record};

/// A list of these as ECS writes them.
pub(crate) type Strings = Vec<Spanned<String>>;

record! {
    /// The whole file.
    TaskDefinitionFile, "task definition" {
        /// Name of the family.
        family: Spanned<String>,
        /// The containers.
        container_definitions = "containerDefinitions": Vec<ContainerFile>,
        /// Must be `awsvpc`.
        network_mode = "networkMode": Spanned<String>,
        /// Should contain `FARGATE`.
        requires_compatibilities = "requiresCompatibilities": Strings,
        /// CPU units or vCPU.
        cpu: Spanned<String>,
        /// MiB or GB.
        memory: Spanned<String>,
        /// Role that pulls images, writes logs and reads secrets.
        execution_role_arn = "executionRoleArn": Spanned<String>,
        /// Role of the application.
        task_role_arn = "taskRoleArn": Spanned<String>,
        /// Operating system and architecture.
        runtime_platform = "runtimePlatform": RuntimePlatformFile,
        /// Size of the scratch disk.
        ephemeral_storage = "ephemeralStorage": EphemeralStorageFile,
        /// Volumes.
        volumes: Vec<VolumeFile>,
        /// `task` only.
        pid_mode = "pidMode": Spanned<String>,
        /// Refused.
        ipc_mode = "ipcMode": Spanned<String>,
        /// Refused.
        placement_constraints = "placementConstraints": Vec<Spanned<Anything>>,
        /// App Mesh.
        proxy_configuration = "proxyConfiguration": Anything,
        /// Refused.
        inference_accelerators = "inferenceAccelerators": Vec<Spanned<Anything>>,
        /// Fault injection endpoints.
        enable_fault_injection = "enableFaultInjection": bool,
        /// Managed instances only.
        trusted_execution_configuration = "trustedExecutionConfiguration": Anything,
        /// Tags.
        tags: Anything,
        /// In answers only.
        compatibilities: Anything,
        /// In answers only.
        task_definition_arn = "taskDefinitionArn": Anything,
        /// In answers only.
        requires_attributes = "requiresAttributes": Anything,
        /// In answers only.
        revision: Anything,
        /// In answers only.
        status: Anything,
        /// In answers only.
        registered_at = "registeredAt": Anything,
        /// In answers only.
        deregistered_at = "deregisteredAt": Anything,
        /// In answers only.
        registered_by = "registeredBy": Anything,
        /// In answers only.
        delete_requested_at = "deleteRequestedAt": Anything,
    }
}

record! {
    /// `runtimePlatform`
    RuntimePlatformFile, "runtime platform" {
        /// `LINUX` or a Windows family.
        operating_system_family = "operatingSystemFamily": Spanned<String>,
        /// `X86_64` or `ARM64`.
        cpu_architecture = "cpuArchitecture": Spanned<CpuArchitectureWord>,
    }
}

keywords! {
    /// `cpuArchitecture`
    CpuArchitectureWord, "a CPU architecture" {
        /// Intel and AMD.
        X86 = "X86_64",
        /// Graviton.
        Arm = "ARM64",
    }
}

record! {
    /// `ephemeralStorage`
    EphemeralStorageFile, "ephemeral storage" {
        /// 21–200.
        size_in_gib = "sizeInGiB": Spanned<u32> [required],
    }
}

record! {
    /// `volumes[]`
    VolumeFile, "volume" {
        /// Its name.
        name: Spanned<String> [required],
        /// Empty on Fargate.
        host: HostVolumeFile,
        /// EFS.
        efs_volume_configuration = "efsVolumeConfiguration": Anything,
        /// S3 Files.
        s3files_volume_configuration = "s3filesVolumeConfiguration": Anything,
        /// FSx, refused on Fargate.
        fsx_volume_configuration = "fsxWindowsFileServerVolumeConfiguration": Spanned<Anything>,
        /// Refused on Fargate.
        docker_volume_configuration = "dockerVolumeConfiguration": Spanned<Anything>,
        /// EBS.
        configured_at_launch = "configuredAtLaunch": bool,
    }
}

record! {
    /// `volumes[].host`
    HostVolumeFile, "volume host" {
        /// Refused on Fargate.
        source_path = "sourcePath": Spanned<String>,
    }
}

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
        environment_files = "environmentFiles": Vec<Spanned<Anything>>,
        /// Variables from secrets.
        secrets: Vec<SecretFile>,
        /// Volumes, mounted.
        mount_points = "mountPoints": Vec<MountPointFile>,
        /// Volumes of another container.
        volumes_from = "volumesFrom": Vec<Spanned<Anything>>,
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
        docker_labels = "dockerLabels": crate::config::read::Named<String>,
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
        firelens_configuration = "firelensConfiguration": Anything,
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
        app_protocol = "appProtocol": String,
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
        options: crate::config::read::Named<Spanned<String>>,
        /// Options from secrets.
        secret_options = "secretOptions": Vec<Spanned<Anything>>,
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
        tmpfs: Vec<Spanned<Anything>>,
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
