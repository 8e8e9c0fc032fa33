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
    /// `deploymentCircuitBreaker`
    pub circuit_breaker: CircuitBreaker,
}

impl Default for DeploymentConfiguration {
    /// Of a service with strategy REPLICA.
    fn default() -> Self {
        Self { minimum_healthy_percent: 100, maximum_percent: 200, circuit_breaker: CircuitBreaker::default() }
    }
}

/// What ends a deployment that does not come up (ECS API, DeploymentCircuitBreaker).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreaker {
    /// `enable`
    pub enable: bool,
    /// `rollback`: whether the last completed deployment is restored.
    pub rollback: bool,
    /// `resetOnHealthyTask`: whether a task that becomes healthy makes up for all failures before.
    pub reset_on_healthy_task: bool,
    /// `thresholdConfiguration`
    pub threshold: Threshold,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { enable: false, rollback: false, reset_on_healthy_task: true, threshold: Threshold::BoundedPercent(50) }
    }
}

/// How many tasks may fail (ECS API, ThresholdConfiguration).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Threshold {
    /// So many.
    Count(u32),
    /// A share of the desired count in percent, within bounds that ECS sets.
    BoundedPercent(u32),
    /// A share of the desired count in percent.
    UnboundedPercent(u32),
}
