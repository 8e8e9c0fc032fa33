//! Services: how many tasks of which task definition, and which target groups they stand behind
//! (ECS API: CreateService).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::task_definition::TaskDefinition;
use super::{ContainerName, SecurityGroupName, TargetGroupName};

/// A service with scheduling strategy REPLICA.
#[derive(Clone, Debug, PartialEq)]
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
    /// `health_check_grace_period_seconds`.
    pub health_check_grace_period: Duration,
}

/// One entry of the service's `loadBalancers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerBinding {
    /// Key of the topology's target groups.
    pub target_group: TargetGroupName,
    /// A container of the task definition.
    pub container: ContainerName,
    /// A port of that container.
    pub port: u16,
}

/// How to build one image (compose's `build`).
#[derive(Clone, Debug, PartialEq, Eq)]
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
