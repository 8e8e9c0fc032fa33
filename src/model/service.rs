//! Services: how many tasks of which task definition, and the target groups that they belong to
//! (ECS API: CreateService).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::deployment::DeploymentConfiguration;
use super::ids::{ContainerName, SecurityGroupName, TargetGroupName};
use super::task_definition::TaskDefinition;

/// A service with scheduling strategy REPLICA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// What its tasks run. Deploy-time `environment` of the file is already merged in.
    pub task_definition: Arc<TaskDefinition>,
    /// How many tasks should run.
    pub desired_count: u32,
    /// Groups of the tasks' network interfaces.
    pub security_groups: Vec<SecurityGroupName>,
    /// Which container port stands in which target group.
    pub load_balancers: Vec<LoadBalancerBinding>,
    /// Where the images come from when they are built here instead of pulled.
    pub builds: BTreeMap<ContainerName, Build>,
    /// Images that are pulled here in place of the task definition's.
    pub images: BTreeMap<ContainerName, String>,
    /// What follows from changed files while `up --watch` runs, by container.
    pub watches: BTreeMap<ContainerName, Vec<Watch>>,
    /// `health_check_grace_period_seconds`.
    pub health_check_grace_period: Duration,
    /// How its tasks are replaced.
    #[serde(default)]
    pub deployment_configuration: DeploymentConfiguration,
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
}

/// How to build one image (compose's `build`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Absolute path of the build context.
    pub context: PathBuf,
    /// Path of the Dockerfile, relative to the context.
    pub dockerfile: String,
    /// Build arguments, in the order of the file.
    pub args: BTreeMap<String, String>,
    /// Stage to stop at.
    pub target: Option<String>,
}

/// An entry of `develop.watch` (Compose specification, "Compose Develop Specification").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// What to watch: the absolute path of a file, or of a folder with its content.
    pub path: PathBuf,
    /// What follows from a change.
    pub action: WatchAction,
    /// Patterns of `.dockerignore`, relative to the path: what changes there is not minded.
    pub ignore: Vec<String>,
    /// Patterns of the same kind: only what they match is minded; none is everything.
    pub include: Vec<String>,
    /// Also copy the existing files, not only changes.
    pub initial_sync: bool,
}

impl Watch {
    /// Whatever changes there builds the image again.
    pub fn to_rebuild(path: PathBuf) -> Self {
        Self { path, action: WatchAction::Rebuild, ignore: Vec::new(), include: Vec::new(), initial_sync: false }
    }
}

/// What follows from a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchAction {
    /// The image is built again and the service gets a new deployment.
    Rebuild,
    /// The container is restarted as it is.
    Restart,
    /// What has changed is copied into the container.
    Sync {
        /// Where the path is in the container.
        target: String,
        /// What to do afterwards.
        then: AfterSync,
    },
}

/// What to do after files have been copied into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterSync {
    /// Its program notices by itself.
    #[default]
    Nothing,
    /// The container is restarted.
    Restart,
    /// A command is run in it.
    Exec(Hook),
}

/// A command in a running container (Compose specification, "Compose Develop Specification", `exec`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hook {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Who runs it; the container's user if it is not given.
    pub user: Option<String>,
    /// With all rights.
    pub privileged: bool,
    /// Where it runs; the container's folder if it is not given.
    pub working_dir: Option<String>,
    /// Beside the container's variables, or in their place.
    pub environment: BTreeMap<String, String>,
}
