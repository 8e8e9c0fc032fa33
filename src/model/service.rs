//! Services: how many tasks to run, from which task definition, and in which target groups to register them
//! (ECS API: CreateService).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::deployment::DeploymentConfiguration;
use super::discovery::ServiceRegistry;
use super::ids::{ContainerName, SecurityGroupName, TargetGroupName};
use super::rule::ListenerRule;
use super::service_connect::ServiceConnect;
use super::task_definition::Revision;

/// A service with scheduling strategy REPLICA. Where task definitions are kept apart from it, it only names its own
/// (`Service<RevisionName>`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service<D = Revision> {
    /// The task definition of its tasks, with the file's deploy-time `environment` merged in.
    pub task_definition: D,
    /// How many tasks should run.
    pub desired_count: u32,
    /// Security groups of the tasks' network interfaces.
    pub security_groups: Vec<SecurityGroupName>,
    /// Which container port is registered with which target group.
    pub load_balancers: Vec<LoadBalancerBinding>,
    /// How to build the images that are built here instead of pulled, by container.
    pub builds: BTreeMap<ContainerName, Build>,
    /// Images that are pulled here in place of the task definition's, by container.
    pub images: BTreeMap<ContainerName, String>,
    /// What to do about changed files under `up --watch`, by container.
    pub watches: BTreeMap<ContainerName, Vec<Watch>>,
    /// `health_check_grace_period_seconds`.
    pub health_check_grace_period: Duration,
    /// How its tasks are replaced.
    #[serde(default)]
    pub deployment_configuration: DeploymentConfiguration,
    /// `availabilityZoneRebalancing`: whether tasks that are spread unevenly over the zones are moved.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub availability_zone_rebalancing: bool,
    /// `serviceRegistries`, of which ECS takes one.
    #[serde(default)]
    pub service_registry: Option<ServiceRegistry>,
    /// `serviceConnectConfiguration`, if it is enabled.
    #[serde(default)]
    pub service_connect: Option<ServiceConnect>,
}

fn enabled() -> bool {
    true
}

fn is_enabled(value: &bool) -> bool {
    *value
}

impl<D> Service<D> {
    /// A service with the defaults of CreateService.
    pub fn new(task_definition: D, desired_count: u32) -> Self {
        Self {
            task_definition,
            desired_count,
            security_groups: Vec::new(),
            load_balancers: Vec::new(),
            builds: BTreeMap::new(),
            images: BTreeMap::new(),
            watches: BTreeMap::new(),
            health_check_grace_period: Duration::ZERO,
            deployment_configuration: DeploymentConfiguration::default(),
            availability_zone_rebalancing: true,
            service_registry: None,
            service_connect: None,
        }
    }

    /// The same service with its task definition in another form.
    pub fn with<E>(self, task_definition: E) -> Service<E> {
        let Self {
            task_definition: _,
            desired_count,
            security_groups,
            load_balancers,
            builds,
            images,
            watches,
            health_check_grace_period,
            deployment_configuration,
            availability_zone_rebalancing,
            service_registry,
            service_connect,
        } = self;
        Service {
            task_definition,
            desired_count,
            security_groups,
            load_balancers,
            builds,
            images,
            watches,
            health_check_grace_period,
            deployment_configuration,
            availability_zone_rebalancing,
            service_registry,
            service_connect,
        }
    }
}

/// One entry of the service's `loadBalancers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerBinding {
    /// Key of the topology's target groups.
    pub target_group: TargetGroupName,
    /// A container of the task definition.
    pub container: ContainerName,
    /// A port of that container.
    pub port: u16,
    /// `advancedConfiguration`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advanced: Option<AdvancedConfiguration>,
}

impl LoadBalancerBinding {
    /// Whether both register the same port with the same group.
    pub fn is_same_port(&self, other: &Self) -> bool {
        (&self.target_group, &self.container, self.port) == (&other.target_group, &other.container, other.port)
    }

    /// The groups that its tasks may be in.
    pub fn target_groups(&self) -> impl Iterator<Item = &TargetGroupName> {
        let alternate = self.advanced.as_ref().map(|advanced| &advanced.alternate_target_group);
        std::iter::once(&self.target_group).chain(alternate)
    }
}

/// What ECS needs to shift traffic between two revisions of a service (ECS API, AdvancedConfiguration).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvancedConfiguration {
    /// `alternateTargetGroupArn`: every other revision is registered with it.
    pub alternate_target_group: TargetGroupName,
    /// `productionListenerRule`: forwards to both groups, by weights that ECS sets.
    pub production_listener_rule: ListenerRule,
    /// `testListenerRule`: leads to the new revision first.
    pub test_listener_rule: Option<ListenerRule>,
}

impl AdvancedConfiguration {
    /// The rules that ECS changes.
    pub fn rules(&self) -> impl Iterator<Item = &ListenerRule> {
        std::iter::once(&self.production_listener_rule).chain(&self.test_listener_rule)
    }
}

/// How to build one image (compose's `build`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Absolute path of the build context.
    pub context: PathBuf,
    /// Path of the Dockerfile, relative to the context.
    pub dockerfile: String,
    /// Build arguments, by name.
    pub args: BTreeMap<String, String>,
    /// Stage to stop at.
    pub target: Option<String>,
}

/// An entry of `develop.watch` (Compose specification, "Compose Develop Specification").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// What to watch: the absolute path of a file, or of a folder with its content.
    pub path: PathBuf,
    /// What to do after a change.
    pub action: WatchAction,
    /// Patterns in the syntax of `.dockerignore`, relative to the path: files that match are ignored.
    pub ignore: Vec<String>,
    /// Patterns in the same syntax: if there are any, only files that match count.
    pub include: Vec<String>,
    /// Also copy the existing files, not only changes.
    pub initial_sync: bool,
}

impl Watch {
    /// An entry that rebuilds the image after any change.
    pub fn to_rebuild(path: PathBuf) -> Self {
        Self { path, action: WatchAction::Rebuild, ignore: Vec::new(), include: Vec::new(), initial_sync: false }
    }
}

/// What to do after a watched file changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchAction {
    /// The image is built again and the service gets a new deployment.
    Rebuild,
    /// The container is restarted as it is.
    Restart,
    /// The changed files are copied into the container.
    Sync {
        /// Destination of the path inside the container.
        target: String,
        /// What to do afterwards.
        then: AfterSync,
    },
}

/// What to do after files have been copied into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterSync {
    /// Nothing: the program notices by itself.
    #[default]
    Nothing,
    /// The container is restarted.
    Restart,
    /// A command runs in it.
    Exec(Hook),
}

/// A command in a running container (Compose specification, "Compose Develop Specification", `exec`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hook {
    /// Program and arguments.
    pub command: Vec<String>,
    /// The user that runs it; the container's user if not given.
    pub user: Option<String>,
    /// Whether it runs privileged.
    pub privileged: bool,
    /// The folder that it runs in; the container's folder if not given.
    pub working_dir: Option<String>,
    /// Added to the container's variables; one of the same name replaces the container's.
    pub environment: BTreeMap<String, String>,
}
