//! The format of a task definition: ECS JSON with every field (ECS API: RegisterTaskDefinition).
//!
//! Fields that Fargate refuses are also here: their refusal is AWS's own text, not "unknown field".

pub(crate) use super::container_file::*;
use crate::read::reader::Spanned;
use crate::read::{Anything, keywords, record};
use crate::task_definition::container_file::Strings;

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
        proxy_configuration = "proxyConfiguration": ProxyConfigurationFile,
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
        efs_volume_configuration = "efsVolumeConfiguration": EfsVolumeFile,
        /// S3 Files.
        s3files_volume_configuration = "s3filesVolumeConfiguration": Anything,
        /// FSx, refused on Fargate.
        fsx_volume_configuration = "fsxWindowsFileServerVolumeConfiguration": Spanned<Anything>,
        /// Refused on Fargate.
        docker_volume_configuration = "dockerVolumeConfiguration": Spanned<Anything>,
        /// EBS.
        configured_at_launch = "configuredAtLaunch": Spanned<bool>,
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
    /// `volumes[].efsVolumeConfiguration`
    EfsVolumeFile, "EFS volume" {
        /// `fs-…`
        file_system_id = "fileSystemId": Spanned<String> [required],
        /// Default: `/`.
        root_directory = "rootDirectory": Spanned<String>,
        /// `ENABLED` or `DISABLED`.
        transit_encryption = "transitEncryption": Spanned<SwitchWord>,
        /// Port of the encrypted connection.
        transit_encryption_port = "transitEncryptionPort": Spanned<u32>,
        /// Access point and IAM.
        authorization_config = "authorizationConfig": EfsAuthorizationFile,
    }
}

record! {
    /// `volumes[].efsVolumeConfiguration.authorizationConfig`
    EfsAuthorizationFile, "EFS authorization" {
        /// `fsap-…`
        access_point_id = "accessPointId": Spanned<String>,
        /// `ENABLED` or `DISABLED`.
        iam: Spanned<SwitchWord>,
    }
}

keywords! {
    /// On or off, in EFS's words.
    SwitchWord, "one of EFS's words for on and off" {
        /// On.
        Enabled = "ENABLED",
        /// Off.
        Disabled = "DISABLED",
    }
}

record! {
    /// `proxyConfiguration`
    ProxyConfigurationFile, "proxy configuration" {
        /// `APPMESH`
        kind = "type": Spanned<ProxyTypeWord>,
        /// The container that is the proxy.
        container_name = "containerName": Spanned<String> [required],
        /// Ports and users that it takes and leaves alone.
        properties: Vec<ProxyPropertyFile>,
    }
}

record! {
    /// `proxyConfiguration.properties[]`
    ProxyPropertyFile, "proxy property" {
        /// e.g. `AppPorts`.
        name: Spanned<String>,
        /// Its value.
        value: Spanned<String>,
    }
}

keywords! {
    /// `proxyConfiguration.type`
    ProxyTypeWord, "a type of proxy" {
        /// App Mesh.
        AppMesh = "APPMESH",
    }
}
