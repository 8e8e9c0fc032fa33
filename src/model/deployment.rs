//! How a service replaces its tasks (ECS API, DeploymentConfiguration).

use serde::{Deserialize, Serialize};

/// Settings of rolling updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeploymentConfiguration {
    /// `minimumHealthyPercent`: the share of the desired count that stays healthy; at most 100.
    pub minimum_healthy_percent: u32,
    /// `maximumPercent`: the share of the desired count that may run or be about to; at least 100.
    pub maximum_percent: u32,
}

impl Default for DeploymentConfiguration {
    /// Of a service with strategy REPLICA.
    fn default() -> Self {
        Self { minimum_healthy_percent: 100, maximum_percent: 200 }
    }
}
