//! Why RegisterTaskDefinition refuses a definition on Fargate, in the API's words (ECS API, RegisterTaskDefinition). Where
//! AWS's own message is not known from its documentation or from a report, the message says the rule in the form of those
//! that are.

use std::fmt;

/// A refused definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// `family` is missing or empty.
    FamilyMissing,
    /// Not the name of a family.
    InvalidFamily(String),
    /// There are no containers.
    NoContainers,
    /// More containers than a task takes.
    TooManyContainers {
        /// How many there are.
        count: usize,
    },
    /// The network mode is not `awsvpc`.
    NetworkMode,
    /// A field that Fargate does not take, by the name that the message gives it.
    NotSupported(&'static str),
    /// A field that goes with other network modes only.
    NotUnderAwsvpc(&'static str),
    /// A `pidMode` other than `task`.
    PidMode(String),
    /// A size of the scratch disk that does not exist.
    EphemeralStorage {
        /// In GiB.
        size: i64,
    },
    /// `cpu` or `memory` of the task is missing.
    SizeMissing(&'static str),
    /// `cpu` or `memory` of the task cannot be read.
    InvalidSize(&'static str),
    /// Fargate has no such pair.
    NoConfiguration {
        /// CPU units.
        cpu: u32,
        /// MiB; `None` if it could not be read.
        memory: Option<u32>,
    },
    /// Neither the task nor the container says how much memory there is.
    ContainerMemoryMissing {
        /// The container.
        container: String,
    },
    /// GPUs and other resources.
    ResourceRequirements,
    /// A privileged container.
    Privileged,
    /// A capability that Fargate does not grant.
    Capability(String),
    /// A container without a name.
    ContainerNameMissing,
    /// Not the name of a container.
    InvalidContainerName(String),
    /// Two containers with one name.
    ContainerTwice(String),
    /// A container without an image.
    ImageMissing,
    /// No container is essential.
    NoEssentialContainer,
    /// The soft limit is above the hard one.
    ReservationAboveMemory {
        /// The container.
        container: String,
    },
    /// A container may use more than the task has.
    MemoryAboveTask {
        /// The container.
        container: String,
        /// Its limit, in MiB.
        memory: i64,
        /// The task's, in MiB.
        task: u32,
    },
    /// Less than the engine starts a container with.
    MemoryTooSmall {
        /// The container.
        container: String,
    },
    /// The containers reserve more memory than the task has.
    ReservationSum {
        /// In MiB.
        sum: i64,
        /// The task's, in MiB.
        task: u32,
    },
    /// The containers request more CPU than the task has.
    CpuSum {
        /// In units.
        sum: i64,
        /// The task's, in units.
        task: u32,
    },
    /// `stopTimeout` outside of 2 to 120 seconds.
    StopTimeout {
        /// The container.
        container: String,
        /// Its value.
        seconds: i64,
    },
    /// `startTimeout` outside of 2 to 120 seconds.
    StartTimeout {
        /// The container.
        container: String,
    },
    /// More than ten environment files.
    TooManyEnvironmentFiles,
    /// An environment file that is not named by its ARN.
    InvalidArn(String),
    /// A secret with the name of another variable.
    SecretNameTaken(String),
    /// A `valueFrom` that does not name a secret.
    ValueFrom {
        /// What it says.
        text: String,
        /// Why not.
        why: &'static str,
    },
    /// The ARN of a parameter in another account than the task's.
    ParameterOfOtherAccount {
        /// The account of the execution role.
        own: String,
    },
    /// A number of a health check outside of its range.
    HealthCheckRange {
        /// The container.
        container: String,
        /// The field.
        field: &'static str,
        /// The value that is the limit.
        limit: i64,
        /// Whether the value is below rather than above it.
        below: bool,
    },
    /// A health check without a command.
    HealthCheckCommand {
        /// The container.
        container: String,
    },
    /// `restartAttemptPeriod` outside of 60 to 1800 seconds.
    RestartAttemptPeriod {
        /// The container.
        container: String,
    },
    /// More than 50 ignored exit codes.
    TooManyExitCodes {
        /// The container.
        container: String,
    },
    /// A ulimit that does not exist.
    UnknownUlimit(String),
    /// The soft limit of a ulimit is above the hard one.
    UlimitAboveHardLimit {
        /// Its name.
        name: String,
    },
    /// A port mapping without a port.
    ContainerPort {
        /// The container.
        container: String,
    },
    /// The port of the host is not that of the container.
    HostPort {
        /// The host's.
        host: i64,
        /// The container's.
        container: i64,
    },
    /// A port and a range in one mapping.
    PortAndRange,
    /// Not a range of ports.
    InvalidPortRange(String),
    /// More ranges in one container than it takes.
    TooManyPortRanges,
    /// Mappings of one container that overlap.
    PortsOverlap,
    /// A port that is mapped twice in the task.
    PortTwice {
        /// The port.
        port: i64,
        /// Whether of UDP.
        udp: bool,
        /// The container that maps it first.
        first: String,
        /// The container that maps it again.
        second: String,
    },
    /// A port of one container for TCP and UDP.
    PortOfBothProtocols {
        /// The port.
        port: i64,
        /// The container.
        container: String,
    },
    /// Two mappings with one name.
    PortNameTwice(String),
    /// Not a name of a port mapping.
    InvalidPortName(String),
    /// `dependsOn` names a container that the task does not have.
    UnknownDependency(String),
    /// Waiting for the end of an essential container.
    EssentialDependency(String),
    /// Waiting for the health of a container without a health check.
    DependencyWithoutHealthCheck(String),
    /// Containers that wait for each other, in order; the first is also the last.
    DependencyCycle(Vec<String>),
    /// `volumesFrom` names a container that the task does not have.
    UnknownVolumesFrom(String),
    /// The proxy is a container that the task does not have.
    UnknownProxy(String),
    /// Two volumes with one name.
    VolumeTwice(String),
    /// A volume of several kinds.
    VolumeKinds(Vec<&'static str>),
    /// A second volume that is configured at launch.
    SecondVolumeAtLaunch,
    /// An access point or IAM without encryption in transit.
    EfsWithoutEncryption,
    /// A root directory beside an access point, which has its own.
    EfsRootDirectory,
    /// A mount of a volume that the task does not have.
    UnknownVolume(String),
    /// A mount at a path that is not absolute.
    MountPath(String),
    /// A log driver that Fargate does not have.
    LogDriver(String),
    /// An option that awslogs does not have.
    UnknownLogOption(String),
    /// Options that awslogs needs.
    LogOptionsMissing(Vec<&'static str>),
    /// awslogs without a prefix of its streams.
    StreamPrefixMissing,
    /// `awslogs-create-group` with another value than `true`.
    CreateGroup(String),
    /// Logs for a router that is not there.
    RouterMissing,
    /// A router without logs.
    RouterUnused,
    /// The configuration of a router that is not in its image.
    RouterConfiguration(String),
    /// Something that needs the execution role, which is missing.
    ExecutionRole(RoleNeed),
}

/// What the execution role is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleNeed {
    /// An image in a private repository of ECR.
    Ecr,
    /// Credentials of another registry.
    Credentials,
    /// Variables from secrets.
    Secrets,
    /// Logs to CloudWatch.
    Awslogs,
}

impl Violation {
    /// The error's name.
    pub fn code(&self) -> &'static str {
        "ClientException"
    }
}

/// The error's message.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FamilyMissing => f.write_str("Family should not be null or empty."),
            Self::InvalidFamily(_) => f.write_str("Family contains invalid characters."),
            Self::NoContainers => f.write_str("Container list cannot be empty"),
            Self::TooManyContainers { .. } => f.write_str("Too many containers."),
            Self::NetworkMode => f.write_str("Fargate only supports network mode ‘awsvpc’."),
            Self::NotSupported(field) => {
                write!(f, "Fargate compatible task definitions do not support {field}")
            }
            Self::NotUnderAwsvpc(field) => f.write_str(match *field {
                "links" => "Links are not supported when networkMode=awsvpc.",
                "hostname" => "hostname is not supported on container when networkMode=awsvpc.",
                "extraHosts" => "Extra hosts are not supported on container when networkMode=awsvpc.",
                "dnsServers" => "DNS servers are not supported on container when networkMode=awsvpc.",
                "dnsSearchDomains" => "DNS search domains are not supported on container when networkMode=awsvpc.",
                _ => "Disable Networking is not supported on container when networkMode=awsvpc",
            }),
            Self::PidMode(mode) => write!(
                f,
                "Tasks using the Fargate launch type do not support pidMode '{mode}'. The supported value for pidMode is \
                 'task'."
            ),
            Self::EphemeralStorage { size } if *size > 200 => {
                f.write_str("EphemeralStorage size should be at most 200")
            }
            Self::EphemeralStorage { .. } => f.write_str("EphemeralStorage size should be at least 21"),
            Self::SizeMissing(field) => write!(f, "Fargate requires that '{field}' be defined at the task level"),
            Self::InvalidSize(field) => write!(f, "Invalid '{field}' setting for task."),
            Self::NoConfiguration { .. } => f.write_str("No Fargate configuration exists for given values."),
            Self::ContainerMemoryMissing { container } => write!(
                f,
                "Invalid setting for container '{container}'. At least one of 'memory' or 'memoryReservation' must be \
                 specified."
            ),
            Self::ResourceRequirements => {
                f.write_str("Tasks using the Fargate launch type do not support GPU resource requirements")
            }
            Self::Privileged => f.write_str(
                "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.",
            ),
            Self::Capability(name) => write!(f, "{name} is not allowed on Fargate."),
            Self::ContainerNameMissing => f.write_str("Container.name should not be null or empty."),
            Self::InvalidContainerName(_) => f.write_str("Container.name contains invalid characters."),
            Self::ContainerTwice(_) => f.write_str("Container names must be unique within a task definition"),
            Self::ImageMissing => f.write_str("Container.image should not be null or empty."),
            Self::NoEssentialContainer => f.write_str("Task definition doesn't have any essential container"),
            Self::ReservationAboveMemory { container } => write!(
                f,
                "Invalid setting for container '{container}'. 'memory' must be greater than or equal to \
                 'memoryReservation'"
            ),
            Self::MemoryAboveTask { container, .. } => {
                write!(f, "The 'memory' setting for container '{container}' is greater than for the task")
            }
            Self::MemoryTooSmall { container } => {
                write!(f, "Invalid setting for container '{container}'. 'memory' must be at least 6.")
            }
            Self::ReservationSum { .. } => f.write_str(
                "The sum of all container 'memoryReservation' values cannot be greater than the value of the task \
                 'memory'.",
            ),
            Self::CpuSum { .. } => f.write_str(
                "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
            ),
            Self::StopTimeout { container, seconds } if *seconds < 2 => {
                write!(f, "Granular stop timeout on container '{container}' must be at least 2 seconds.")
            }
            Self::StopTimeout { .. } => f.write_str(
                "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.",
            ),
            Self::StartTimeout { container } => {
                write!(f, "Granular start timeout on container '{container}' must be between 2 and 120 seconds.")
            }
            Self::TooManyEnvironmentFiles => f.write_str(
                "The maximum number of environment files was exceeded. Specify ten or less and try again.",
            ),
            Self::InvalidArn(_) => f.write_str("Invalid arn syntax."),
            Self::SecretNameTaken(name) => write!(
                f,
                "The secret name must be unique and not shared with any new or existing environment variables set on the \
                 container, such as '{name}'."
            ),
            Self::ValueFrom { text, .. } => write!(f, "Invalid 'valueFrom' setting for secret: '{text}'."),
            // The text goes on; the rest of it is not known.
            Self::ParameterOfOtherAccount { .. } => f.write_str(
                "The Systems Manager parameter ARN has a different account ID than the current account.",
            ),
            Self::HealthCheckRange { container, field, limit, below } => {
                let bound = match below {
                    true => "greater than or equal to the minimum",
                    false => "less than or equal to the maximum",
                };
                write!(f, "Health check {field} must be {bound} allowed value {limit} for container '{container}'")
            }
            Self::HealthCheckCommand { container } => {
                write!(f, "Health check command must be specified for container '{container}'")
            }
            Self::RestartAttemptPeriod { container } => write!(
                f,
                "The 'restartAttemptPeriod' setting for container '{container}' must be between 60 and 1800."
            ),
            Self::TooManyExitCodes { container } => {
                write!(f, "The 'ignoredExitCodes' setting for container '{container}' must have at most 50 exit codes.")
            }
            Self::UnknownUlimit(name) => write!(f, "Invalid 'ulimits' setting: '{name}' is not a ulimit."),
            Self::UlimitAboveHardLimit { name } => {
                write!(f, "Invalid 'ulimits' setting: the soft limit of '{name}' is greater than its hard limit.")
            }
            Self::ContainerPort { container } => {
                write!(f, "Invalid 'containerPort' setting for container '{container}'.")
            }
            Self::HostPort { .. } => f.write_str(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            ),
            Self::PortAndRange => f.write_str("cannot specify both single port and port range"),
            Self::InvalidPortRange(range) => write!(f, "Invalid 'containerPortRange' setting: '{range}'."),
            Self::TooManyPortRanges => f.write_str("A container can have at most 100 port ranges."),
            Self::PortsOverlap => f.write_str("The port ranges of a container must not overlap."),
            Self::PortTwice { port, udp, .. } => {
                let transport = if *udp { "UDP" } else { "TCP" };
                write!(f, "{transport} host port '{port}' is mapped multiple times in task.")
            }
            Self::PortOfBothProtocols { port, container } => {
                write!(f, "Container port {port} is used in more than one port mapping for container {container}")
            }
            Self::PortNameTwice(_) => f.write_str("When networkMode=awsvpc, port mapping name is already used"),
            Self::InvalidPortName(name) => write!(f, "Invalid 'name' setting for port mapping: '{name}'."),
            // The stray `+` is AWS's.
            Self::UnknownDependency(name) => {
                write!(f, "Cannot depend on container + '{name}' because it does not exist")
            }
            Self::EssentialDependency(_) => f.write_str(
                "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
            ),
            Self::DependencyWithoutHealthCheck(_) => f.write_str(
                "A dependency container with HEALTHY condition must have health check configured",
            ),
            Self::DependencyCycle(_) => f.write_str("Container dependsOn contains a cycle"),
            Self::UnknownVolumesFrom(name) => {
                write!(f, "Invalid 'volumesFrom' setting. Unknown container: '{name}'.")
            }
            Self::UnknownProxy(name) => {
                write!(f, "Invalid 'proxyConfiguration' setting. Unknown container: '{name}'.")
            }
            Self::VolumeTwice(name) => write!(f, "Volume '{name}' is declared more than once."),
            Self::VolumeKinds(_) => f.write_str("A volume can have only one configuration."),
            Self::SecondVolumeAtLaunch => {
                f.write_str("Only one volume can be configured at launch in a task definition.")
            }
            Self::EfsWithoutEncryption => f.write_str(
                "Transit encryption must be enabled if an access point or IAM authorization is used.",
            ),
            Self::EfsRootDirectory => {
                f.write_str("The root directory must be omitted or set to '/' if an access point is used.")
            }
            Self::UnknownVolume(name) => write!(f, "Unknown volume '{name}'."),
            Self::MountPath(path) => write!(f, "Invalid 'containerPath' setting: '{path}' is not an absolute path."),
            Self::LogDriver(name) => {
                write!(f, "{name} is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]")
            }
            Self::UnknownLogOption(name) => write!(f, "Log driver awslogs disallows options: {name}"),
            Self::LogOptionsMissing(names) => write!(f, "Log driver awslogs requires options: {}", names.join(", ")),
            Self::StreamPrefixMissing => f.write_str(
                "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver \
                 awslogs.",
            ),
            Self::CreateGroup(_) => f.write_str(
                "Log driver awslogs option 'awslogs-create-group' should only be set to 'true', else omit option.",
            ),
            Self::RouterMissing => f.write_str(
                "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be \
                 configured in one of the containers.",
            ),
            Self::RouterUnused => f.write_str(
                "When a firelensConfiguration object is specified, at least one container has to be configured with the \
                 awsfirelens log driver.",
            ),
            Self::RouterConfiguration(kind) => {
                write!(f, "Fargate launch type does not support FirelensConfiguration config file from '{kind}'")
            }
            Self::ExecutionRole(RoleNeed::Ecr) => {
                f.write_str("Fargate requires task definition to have execution role ARN to support ECR images.")
            }
            Self::ExecutionRole(RoleNeed::Credentials) => f.write_str(
                "Private repository authentication requires that the task definition specify a value for \
                 executionRoleArn.",
            ),
            Self::ExecutionRole(RoleNeed::Secrets) => f.write_str(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            ),
            Self::ExecutionRole(RoleNeed::Awslogs) => f.write_str(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            ),
        }
    }
}

impl std::error::Error for Violation {}
