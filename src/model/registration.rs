//! The input of RegisterTaskDefinition: every field, whether or not Fargate takes it, and nothing checked yet (ECS API:
//! RegisterTaskDefinition, ContainerDefinition).

#![expect(missing_docs, reason = "the fields are those of the API, which documents them")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A task definition as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Registration {
    pub family: Option<String>,
    pub container_definitions: Vec<Container>,
    pub network_mode: Option<String>,
    pub requires_compatibilities: Vec<String>,
    pub cpu: Option<String>,
    pub memory: Option<String>,
    pub execution_role_arn: Option<String>,
    pub task_role_arn: Option<String>,
    pub runtime_platform: RuntimePlatform,
    pub ephemeral_storage: Option<EphemeralStorage>,
    pub volumes: Vec<Volume>,
    pub pid_mode: Option<String>,
    pub ipc_mode: Option<String>,
    pub placement_constraints: Vec<IgnoredAny>,
    pub proxy_configuration: Option<ProxyConfiguration>,
    pub inference_accelerators: Vec<IgnoredAny>,
    pub enable_fault_injection: bool,
}

/// `runtimePlatform`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuntimePlatform {
    pub operating_system_family: Option<String>,
    pub cpu_architecture: Option<String>,
}

/// `ephemeralStorage`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct EphemeralStorage {
    #[serde(rename = "sizeInGiB")]
    pub size_in_gib: i64,
}

/// `volumes[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Volume {
    pub name: Option<String>,
    pub host: HostVolume,
    pub efs_volume_configuration: Option<EfsVolume>,
    pub s3files_volume_configuration: Option<IgnoredAny>,
    pub fsx_windows_file_server_volume_configuration: Option<IgnoredAny>,
    pub docker_volume_configuration: Option<IgnoredAny>,
    pub configured_at_launch: bool,
}

/// `volumes[].host`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HostVolume {
    pub source_path: Option<String>,
}

/// `volumes[].efsVolumeConfiguration`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EfsVolume {
    pub file_system_id: Option<String>,
    pub root_directory: Option<String>,
    pub transit_encryption: Option<String>,
    pub transit_encryption_port: Option<i64>,
    pub authorization_config: EfsAuthorization,
}

/// `volumes[].efsVolumeConfiguration.authorizationConfig`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EfsAuthorization {
    pub access_point_id: Option<String>,
    pub iam: Option<String>,
}

/// `proxyConfiguration`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProxyConfiguration {
    pub container_name: Option<String>,
}

/// `containerDefinitions[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    pub name: Option<String>,
    pub image: Option<String>,
    pub repository_credentials: Option<RepositoryCredentials>,
    pub cpu: i64,
    pub memory: Option<i64>,
    pub memory_reservation: Option<i64>,
    pub essential: Option<bool>,
    pub port_mappings: Vec<PortMapping>,
    pub entry_point: Vec<String>,
    pub command: Vec<String>,
    pub environment: Vec<NameValue>,
    pub environment_files: Vec<EnvironmentFile>,
    pub secrets: Vec<Secret>,
    pub mount_points: Vec<MountPoint>,
    pub volumes_from: Vec<VolumeFrom>,
    pub depends_on: Vec<Dependency>,
    pub start_timeout: Option<i64>,
    pub stop_timeout: Option<i64>,
    pub health_check: Option<HealthCheck>,
    pub restart_policy: Option<RestartPolicy>,
    pub user: Option<String>,
    pub working_directory: Option<String>,
    pub readonly_root_filesystem: bool,
    pub interactive: bool,
    pub pseudo_terminal: bool,
    pub docker_labels: BTreeMap<String, String>,
    pub ulimits: Vec<Ulimit>,
    pub log_configuration: Option<LogConfiguration>,
    pub linux_parameters: LinuxParameters,
    pub system_controls: Vec<SystemControl>,
    pub resource_requirements: Vec<IgnoredAny>,
    pub firelens_configuration: Option<FirelensConfiguration>,
    pub version_consistency: Option<String>,
    pub hostname: Option<String>,
    pub extra_hosts: Vec<IgnoredAny>,
    pub dns_servers: Vec<String>,
    pub dns_search_domains: Vec<String>,
    pub links: Vec<String>,
    pub disable_networking: Option<bool>,
    pub privileged: bool,
    pub docker_security_options: Vec<String>,
    pub credential_specs: Vec<String>,
}

impl Container {
    /// Whether its end stops the task.
    pub fn is_essential(&self) -> bool {
        self.essential.unwrap_or(true)
    }
}

/// `repositoryCredentials`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RepositoryCredentials {
    pub credentials_parameter: Option<String>,
}

/// `portMappings[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PortMapping {
    pub container_port: Option<i64>,
    pub host_port: Option<i64>,
    pub protocol: Option<String>,
    pub name: Option<String>,
    pub app_protocol: Option<String>,
    pub container_port_range: Option<String>,
}

impl PortMapping {
    /// Whether it is for UDP rather than TCP.
    pub fn is_udp(&self) -> bool {
        self.protocol.as_deref() == Some("udp")
    }

    /// The first and the last port of its range, if it has one that can be read.
    pub fn range(&self) -> Option<(u16, u16)> {
        let (from, to) = self.container_port_range.as_ref()?.split_once('-')?;
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (0 < from && from <= to).then_some((from, to))
    }
}

/// `environment[]`, and options of other kinds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NameValue {
    pub name: Option<String>,
    pub value: Option<String>,
}

/// `environmentFiles[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EnvironmentFile {
    pub value: Option<String>,
    pub r#type: Option<String>,
}

/// `secrets[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Secret {
    pub name: Option<String>,
    pub value_from: Option<String>,
}

/// `mountPoints[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MountPoint {
    pub source_volume: Option<String>,
    pub container_path: Option<String>,
    pub read_only: bool,
}

/// `volumesFrom[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeFrom {
    pub source_container: Option<String>,
    pub read_only: bool,
}

/// `dependsOn[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Dependency {
    pub container_name: Option<String>,
    pub condition: Option<String>,
}

/// `healthCheck`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HealthCheck {
    pub command: Vec<String>,
    pub interval: Option<i64>,
    pub timeout: Option<i64>,
    pub retries: Option<i64>,
    pub start_period: Option<i64>,
}

/// `restartPolicy`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RestartPolicy {
    pub enabled: Option<bool>,
    pub ignored_exit_codes: Vec<i64>,
    pub restart_attempt_period: Option<i64>,
}

/// `ulimits[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ulimit {
    pub name: Option<String>,
    pub soft_limit: Option<i64>,
    pub hard_limit: Option<i64>,
}

/// `logConfiguration`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LogConfiguration {
    pub log_driver: Option<String>,
    pub options: BTreeMap<String, String>,
    pub secret_options: Vec<Secret>,
}

/// `linuxParameters`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LinuxParameters {
    pub capabilities: Capabilities,
    pub init_process_enabled: bool,
    pub devices: Vec<IgnoredAny>,
    pub shared_memory_size: Option<i64>,
    pub max_swap: Option<i64>,
    pub swappiness: Option<i64>,
    pub tmpfs: Vec<Tmpfs>,
}

/// `linuxParameters.capabilities`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Capabilities {
    pub add: Vec<String>,
    pub drop: Vec<String>,
}

/// `linuxParameters.tmpfs[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Tmpfs {
    pub container_path: Option<String>,
    pub size: Option<i64>,
    pub mount_options: Vec<String>,
}

/// `systemControls[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SystemControl {
    pub namespace: Option<String>,
    pub value: Option<String>,
}

/// `firelensConfiguration`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FirelensConfiguration {
    pub r#type: Option<String>,
    pub options: BTreeMap<String, String>,
}
