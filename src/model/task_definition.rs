//! Task definitions as Fargate understands them (ECS API: RegisterTaskDefinition, ContainerDefinition).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::ContainerName;
use super::service_connect::AppProtocol;

/// A task definition and the number that it was registered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// `revision`: counted in its family from 1.
    pub number: u32,
    /// What was registered.
    pub definition: Arc<TaskDefinition>,
}

impl Revision {
    /// The first revision of a family.
    pub fn first(definition: TaskDefinition) -> Self {
        Self { number: 1, definition: Arc::new(definition) }
    }

    /// `family:revision`
    pub fn name(&self) -> RevisionName {
        RevisionName { family: self.family.as_str().into(), number: self.number }
    }
}

impl Deref for Revision {
    type Target = TaskDefinition;

    fn deref(&self) -> &TaskDefinition {
        &self.definition
    }
}

/// `family:revision`, as services and tasks name what they run (ECS API, CreateService, `taskDefinition`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RevisionName {
    /// Before the colon.
    pub family: Arc<str>,
    /// After it.
    pub number: u32,
}

impl fmt::Display for RevisionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.family, self.number)
    }
}

/// Text that names no revision, refused in the words of DeregisterTaskDefinition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotARevision {
    /// Only a family, or nothing.
    Missing,
    /// What follows the colon is no number from 1 on.
    Invalid(String),
}

impl fmt::Display for NotARevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Revision is missing."),
            Self::Invalid(number) => write!(f, "Invalid revision number. Number: {number}"),
        }
    }
}

impl std::error::Error for NotARevision {}

impl FromStr for RevisionName {
    type Err = NotARevision;

    fn from_str(text: &str) -> Result<Self, NotARevision> {
        let (family, number) = text.split_once(':').ok_or(NotARevision::Missing)?;
        let is_number = !number.starts_with('+');
        match number.parse() {
            Ok(revision @ 1..) if is_number => Ok(Self { family: family.into(), number: revision }),
            _ => Err(NotARevision::Invalid(number.to_owned())),
        }
    }
}

impl TryFrom<String> for RevisionName {
    type Error = NotARevision;

    fn try_from(text: String) -> Result<Self, NotARevision> {
        text.parse()
    }
}

impl From<RevisionName> for String {
    fn from(name: RevisionName) -> Self {
        name.to_string()
    }
}

/// What a task runs (ECS API, RegisterTaskDefinition).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// Name of the family.
    pub family: String,
    /// 1–10 containers, in the order of the file.
    pub containers: Vec<ContainerDefinition>,
    /// CPU units: 256 is a quarter of a vCPU.
    pub cpu: u32,
    /// Memory of the whole task, in MiB.
    pub memory_mib: u32,
    /// `X86_64` or `ARM64`, if the file says.
    pub cpu_architecture: Option<CpuArchitecture>,
    /// Whether there is a role that may pull, log and read secrets.
    pub execution_role_arn: Option<String>,
    /// The application's own role.
    pub task_role_arn: Option<String>,
    /// Volumes that its containers mount.
    pub volumes: Vec<Volume>,
    /// `pidMode` is `task`: its containers see each other's processes.
    pub shares_processes: bool,
    /// `ephemeralStorage.sizeInGiB`: 21–200; `None` is Fargate's 20.
    pub ephemeral_storage_gib: Option<u32>,
}

impl TaskDefinition {
    /// A task definition of the smallest size that Fargate offers: 256 CPU units and 512 MiB.
    pub fn new(family: impl Into<String>, containers: Vec<ContainerDefinition>) -> Self {
        Self {
            family: family.into(),
            containers,
            cpu: 256,
            memory_mib: 512,
            cpu_architecture: None,
            execution_role_arn: None,
            task_role_arn: None,
            volumes: Vec::new(),
            shares_processes: false,
            ephemeral_storage_gib: None,
        }
    }

    /// The container of that name.
    pub fn container(&self, name: &ContainerName) -> Option<&ContainerDefinition> {
        self.containers.iter().find(|container| container.name == *name)
    }
}

/// `volumes[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Unique in the task.
    pub name: String,
    /// What it is.
    pub kind: VolumeKind,
}

impl Volume {
    /// One that is empty at first and ends with the task.
    pub fn of_task(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: VolumeKind::Task }
    }
}

/// What a volume is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeKind {
    /// Empty at first; it ends with the task. What EBS and S3 Files would hold is of this kind here.
    Task,
    /// A folder of a file system that outlives tasks and is the same for all of them.
    Efs {
        /// `fileSystemId`
        file_system: String,
        /// The folder below its root, without slashes at the ends; empty for all of it. An access point stands for a
        /// folder that is named after it.
        folder: String,
    },
}

/// `runtimePlatform.cpuArchitecture`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CpuArchitecture {
    /// `X86_64`
    X86_64,
    /// `ARM64`
    Arm64,
}

/// One container of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerDefinition {
    /// Unique in the task.
    pub name: ContainerName,
    /// As the file gives it; empty if the pipeline fills it in and another setting says which image runs here.
    pub image: String,
    /// ARN of the secret with `{"username":…,"password":…}` for a private registry.
    pub repository_credentials: Option<String>,
    /// Relative CPU weight.
    pub cpu: u32,
    /// Hard limit, MiB.
    pub memory_mib: Option<u32>,
    /// Soft limit, MiB.
    pub memory_reservation_mib: Option<u32>,
    /// Its exit stops the task.
    pub essential: bool,
    /// Declared ports; `hostPort` equals `containerPort` under `awsvpc`.
    pub port_mappings: Vec<PortMapping>,
    /// Replaces the image's ENTRYPOINT.
    pub entry_point: Option<Vec<String>>,
    /// Replaces the image's CMD.
    pub command: Option<Vec<String>>,
    /// Name and value; later entries win.
    pub environment: BTreeMap<String, String>,
    /// ARNs of files in S3 with more variables. Those of `environment` win, then those of the first file.
    pub environment_files: Vec<String>,
    /// Environment variables whose values come from a secret.
    pub secrets: Vec<SecretReference>,
    /// Conditions that other containers must meet before this one starts.
    pub depends_on: Vec<Dependency>,
    /// `startTimeout`: how long dependents wait for this container to meet their condition.
    pub start_timeout: Option<Duration>,
    /// `stopTimeout`: how long after SIGTERM the container gets SIGKILL.
    pub stop_timeout: Duration,
    /// The only health check that counts: the image's HEALTHCHECK is ignored (ECS developer guide, "Container health
    /// checks").
    pub health_check: Option<ContainerHealthCheck>,
    /// Restarts the container in place.
    pub restart_policy: Option<RestartPolicy>,
    /// `user`, `user:group`, `uid`, …
    pub user: Option<String>,
    /// Replaces the image's WORKDIR.
    pub working_directory: Option<String>,
    /// Root file system read-only.
    pub readonly_root_filesystem: bool,
    /// Keeps stdin open.
    pub interactive: bool,
    /// Allocates a terminal.
    pub pseudo_terminal: bool,
    /// Labels for the Docker object.
    pub docker_labels: BTreeMap<String, String>,
    /// Fargate's default of 65535 open files is already among them.
    pub ulimits: Vec<Ulimit>,
    /// Volumes of the task, mounted.
    pub mount_points: Vec<MountPoint>,
    /// Mounts of other containers, mounted here as well.
    pub volumes_from: Vec<VolumeFrom>,
    /// `linuxParameters.tmpfs`.
    pub tmpfs: Vec<Tmpfs>,
    /// Namespaced kernel parameters.
    pub system_controls: Vec<(String, String)>,
    /// `linuxParameters.initProcessEnabled`.
    pub init_process_enabled: bool,
    /// `linuxParameters.capabilities.add`: only `SYS_PTRACE` on Fargate.
    pub capabilities_add: Vec<String>,
    /// `linuxParameters.capabilities.drop`.
    pub capabilities_drop: Vec<String>,
    /// Where output goes. Without it, Fargate discards the output, and a warning says so.
    pub log_configuration: Option<LogConfiguration>,
    /// `firelensConfiguration`, if it is the task's log router.
    #[serde(default)]
    pub log_router: Option<LogRouter>,
    /// The options of a `logConfiguration` with driver `awsfirelens`: what the router does with the output.
    #[serde(default)]
    pub router_options: Option<BTreeMap<String, String>>,
}

impl ContainerDefinition {
    /// A container with this name and image, and ECS's defaults for everything else.
    pub fn new(name: impl AsRef<str>, image: impl Into<String>) -> Self {
        Self {
            name: ContainerName::new(name),
            image: image.into(),
            repository_credentials: None,
            cpu: 0,
            memory_mib: None,
            memory_reservation_mib: None,
            essential: true,
            port_mappings: Vec::new(),
            entry_point: None,
            command: None,
            environment: BTreeMap::new(),
            environment_files: Vec::new(),
            secrets: Vec::new(),
            depends_on: Vec::new(),
            start_timeout: None,
            stop_timeout: Duration::from_secs(30),
            health_check: None,
            restart_policy: None,
            user: None,
            working_directory: None,
            readonly_root_filesystem: false,
            interactive: false,
            pseudo_terminal: false,
            docker_labels: BTreeMap::new(),
            ulimits: Vec::new(),
            mount_points: Vec::new(),
            volumes_from: Vec::new(),
            tmpfs: Vec::new(),
            system_controls: Vec::new(),
            init_process_enabled: false,
            capabilities_add: Vec::new(),
            capabilities_drop: Vec::new(),
            log_configuration: None,
            log_router: None,
            router_options: None,
        }
    }
}

/// One port mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// 1–65535.
    pub container_port: u16,
    /// `tcp` unless the file says `udp`.
    pub udp: bool,
    /// What Service Connect calls it.
    #[serde(default)]
    pub name: Option<String>,
    /// What Service Connect passes on.
    #[serde(default)]
    pub app_protocol: AppProtocol,
}

impl PortMapping {
    /// A TCP port without a name.
    pub fn tcp(container_port: u16) -> Self {
        Self { container_port, udp: false, name: None, app_protocol: AppProtocol::Tcp }
    }
}

/// `secrets[]`: an environment variable from a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretReference {
    /// Name of the environment variable.
    pub name: String,
    /// What names its value: the ARN or name without the JSON key, with the version if one is requested. The key of
    /// [`super::topology::Topology::secrets`].
    pub secret: String,
    /// The key to read, if the secret is a JSON object.
    pub json_key: Option<String>,
}

/// `dependsOn[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The other container.
    pub container: ContainerName,
    /// The condition that it must meet.
    pub condition: DependencyCondition,
}

/// `dependsOn[].condition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DependencyCondition {
    /// It runs, or has run.
    Start,
    /// It has stopped, whatever the exit code.
    Complete,
    /// It has stopped with exit code 0.
    Success,
    /// Its health check passes.
    Healthy,
}

/// `healthCheck` of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerHealthCheck {
    /// First element `CMD` or `CMD-SHELL`.
    pub command: Vec<String>,
    /// 5–300 s.
    pub interval: Duration,
    /// 2–60 s.
    pub timeout: Duration,
    /// 1–10.
    pub retries: u32,
    /// 0–300 s.
    pub start_period: Duration,
}

/// `restartPolicy`, when enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// Exit codes that are left alone.
    pub ignored_exit_codes: Vec<i32>,
    /// Least time between restarts: 60–1800 s.
    pub restart_attempt_period: Duration,
}

/// `ulimits[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// e.g. `nofile`.
    pub name: String,
    /// Soft limit.
    pub soft_limit: i64,
    /// Hard limit.
    pub hard_limit: i64,
}

/// `mountPoints[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountPoint {
    /// One of the task's volumes.
    pub source_volume: String,
    /// Its path in the container.
    pub container_path: String,
    /// Mounted read-only.
    pub read_only: bool,
}

/// `volumesFrom[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeFrom {
    /// The container whose mounts these are.
    pub container: ContainerName,
    /// Mounted read-only, whatever they are there.
    pub read_only: bool,
}

/// `linuxParameters.tmpfs[]`: a file system in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tmpfs {
    /// Where it appears.
    pub container_path: String,
    /// At most this much, in MiB.
    pub size_mib: u32,
    /// Of mount(8), e.g. `noexec`.
    pub mount_options: Vec<String>,
}

/// `logConfiguration` with driver `awslogs`: other drivers are reported and treated as this one with the family's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfiguration {
    /// `awslogs-group`.
    pub group: String,
    /// `awslogs-stream-prefix`: the stream is `prefix/container/task-id`.
    pub stream_prefix: String,
}

/// `firelensConfiguration`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRouter {
    /// `type`
    pub kind: RouterKind,
    /// `enable-ecs-log-metadata`: the router adds cluster, task and task definition to each message.
    pub adds_metadata: bool,
    /// `config-file-value`: a file in its image that its configuration includes.
    pub configuration_file: Option<String>,
}

/// What a log router runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouterKind {
    /// `fluentd`
    Fluentd,
    /// `fluentbit`
    Fluentbit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_a_family_and_a_number() {
        let read = |text: &str| text.parse::<RevisionName>().map_err(|error| error.to_string());
        assert_eq!(read("web:12").map(|name| name.to_string()), Ok("web:12".to_owned()));
        assert_eq!(read("web"), Err("Revision is missing.".to_owned()));
        for number in ["", "0", "-1", "+1", "latest", "1:2", "99999999999"] {
            let refused = format!("Invalid revision number. Number: {number}");
            assert_eq!(read(&format!("web:{number}")), Err(refused), "{number}");
        }
    }
}
