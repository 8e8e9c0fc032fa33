//! How a service replaces its tasks (ECS API, DeploymentConfiguration).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alarm::MetricAlarm;
use super::ids::AlarmName;
use super::strategy::{LifecycleHook, Strategy};

/// Settings of deployments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeploymentConfiguration {
    /// `minimumHealthyPercent`: the share of the desired count that stays healthy; at most 100.
    pub minimum_healthy_percent: u32,
    /// `maximumPercent`: the share of the desired count that may run or be about to; at least 100.
    pub maximum_percent: u32,
    /// `deploymentCircuitBreaker`
    pub circuit_breaker: CircuitBreaker,
    /// `alarms`, if they are enabled.
    pub alarms: Option<DeploymentAlarms>,
    /// `strategy`, with its settings.
    pub strategy: Strategy,
    /// `bakeTimeInMinutes`: for how long both revisions run after production traffic has shifted.
    pub bake_time: Duration,
    /// `lifecycleHooks`
    pub lifecycle_hooks: Vec<LifecycleHook>,
}

impl Default for DeploymentConfiguration {
    /// Of a service with strategy REPLICA.
    fn default() -> Self {
        Self {
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: CircuitBreaker::default(),
            alarms: None,
            strategy: Strategy::Rolling,
            bake_time: Duration::ZERO,
            lifecycle_hooks: Vec::new(),
        }
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

/// Alarms that end a deployment when they go off (ECS API, DeploymentAlarms).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentAlarms {
    /// `rollback`
    pub rollback: bool,
    /// `alarmNames`, with what each watches.
    pub alarms: BTreeMap<AlarmName, MetricAlarm>,
}

impl DeploymentAlarms {
    /// For how long a deployment that has come up is watched: ECS "computes this time period based on the alarm
    /// configuration" (ECS developer guide, "How CloudWatch alarms detect Amazon ECS deployment failures"); it does not say
    /// how. This is the time that the slowest alarm needs.
    pub fn bake_time(&self) -> Duration {
        let longest = self.alarms.values().map(|alarm| alarm.period * alarm.evaluation_periods).max();
        longest.unwrap_or_default()
    }
}
