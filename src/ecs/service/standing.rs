//! What its checks say of a task that its service wants.
//!
//! Source: ECS API, DeploymentConfiguration.minimumHealthyPercent.

use std::time::{Duration, Instant};

use crate::census::Census;
use crate::world::Task;
use neargate_model::TargetGroupName;
use neargate_model::service::Service;
use neargate_model::target_health::TargetHealth;
use neargate_model::task::HealthStatus;
use neargate_model::topology::TimeScale;

/// How long a task without any check runs until it counts as healthy (ECS API, DeploymentConfiguration: "a task is
/// considered healthy 40 seconds after it reached RUNNING").
const HEALTHY_WITHOUT_CHECKS: Duration = Duration::from_secs(40);

/// The standing of a task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It counts for the service's minimum.
    Healthy,
    /// It is on its way, or its checks have not decided; time alone makes it healthy then.
    Coming { until: Option<Instant> },
    /// A check fails, but the grace period is not over.
    InGrace { until: Instant },
    /// It must be replaced.
    Failing { reason: String },
}

impl Standing {
    /// What is known of the task now. `settings` are those of its service.
    pub(crate) fn new(census: &Census, settings: &Service, task: &Task, now: Instant, time_scale: TimeScale) -> Self {
        let Some(since) = task.running_since else { return Self::Coming { until: None } };
        if let Some(reason) = failure(census, task) {
            let until = since.instant + settings.health_check_grace_period;
            return if now < until { Self::InGrace { until } } else { Self::Failing { reason } };
        }
        let containers = &task.spec.definition.containers;
        let is_checked =
            !task.registered.is_empty() || containers.iter().any(|one| one.essential && one.health_check.is_some());
        let until = since.instant + time_scale.apply(HEALTHY_WITHOUT_CHECKS);
        match is_checked {
            true if task.containers_with_checks_pass() && targets_are_healthy(census, task) => Self::Healthy,
            true => Self::Coming { until: None },
            false if now < until => Self::Coming { until: Some(until) },
            false => Self::Healthy,
        }
    }

    /// When time alone makes another standing of it.
    pub(crate) fn changes_at(&self) -> Option<Instant> {
        match self {
            Self::Coming { until } => *until,
            Self::InGrace { until } => Some(*until),
            Self::Healthy | Self::Failing { .. } => None,
        }
    }
}

/// The check of an essential container or the load balancer's that fails, as the task's `stoppedReason`.
fn failure(census: &Census, task: &Task) -> Option<String> {
    if task.health() == HealthStatus::Unhealthy {
        return Some("Task failed container health checks".to_owned());
    }
    let group = failing_target_group(census, task)?;
    Some(format!("Task failed ELB health checks in (target-group {})", neargate_model::arn::Arn::target_group(group)))
}

fn failing_target_group<'a>(census: &Census, task: &'a Task) -> Option<&'a TargetGroupName> {
    task.registered
        .iter()
        .find(|(group, target)| {
            census
                .target(group, *target)
                .is_some_and(|record| matches!(record.health.health(), TargetHealth::Unhealthy(_)))
        })
        .map(|(group, _)| group)
}

/// A group that no rule forwards to never probes; it cannot hold a task back.
fn targets_are_healthy(census: &Census, task: &Task) -> bool {
    task.registered.iter().all(|(group, target)| {
        census
            .target(group, *target)
            .is_some_and(|record| matches!(record.health.health(), TargetHealth::Healthy | TargetHealth::Unused))
    })
}
