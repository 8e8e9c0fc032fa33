//! Service deployments, as DescribeServiceDeployments names what has become of them.
//!
//! Source: ECS developer guide, "View service history using Amazon ECS service deployments".

use strum::{Display, EnumString, IntoStaticStr};

use super::progress::{HookState, Lifecycle};
use crate::service::record::{Deployment, Failure, RolloutState, ServiceRecord};
use neargate_model::strategy::HookTarget;

/// `status` of a service deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceDeploymentStatus {
    /// It has begun, and none of its tasks has.
    Pending,
    /// It is under way.
    InProgress,
    /// It has come up.
    Successful,
    /// It was ended, and nothing is restored.
    Stopped,
    /// What ran before is being restored.
    RollbackInProgress,
    /// What ran before is restored.
    RollbackSuccessful,
}

impl ServiceRecord {
    /// The deployment that was begun last: also after it was rolled back, until the next one begins.
    pub fn last_deployment(&self) -> &Deployment {
        self.given_up.as_ref().unwrap_or(&self.primary)
    }

    /// What has become of it.
    pub fn service_deployment_status(&self) -> ServiceDeploymentStatus {
        let is_restored = self.given_up.as_ref().is_some_and(|failed| failed.id != self.primary.id);
        match (&self.given_up, self.primary.rollout) {
            (Some(_), RolloutState::InProgress) if is_restored => ServiceDeploymentStatus::RollbackInProgress,
            (Some(_), _) if is_restored => ServiceDeploymentStatus::RollbackSuccessful,
            (_, RolloutState::Failed) => ServiceDeploymentStatus::Stopped,
            (_, RolloutState::Completed) => ServiceDeploymentStatus::Successful,
            (_, RolloutState::InProgress) if self.is_pending() => ServiceDeploymentStatus::Pending,
            (_, RolloutState::InProgress) => ServiceDeploymentStatus::InProgress,
        }
    }

    /// An earlier one has to be cleared away first.
    fn is_pending(&self) -> bool {
        use neargate_model::strategy::LifecycleStage::ReconcileService;
        self.primary.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.stage == ReconcileService)
    }

    /// `statusReason` of the last deployment, if it failed.
    pub fn service_deployment_status_reason(&self) -> Option<String> {
        let failed = self.given_up.as_ref()?;
        let what = if failed.id == self.primary.id { "stopped" } else { "rolled back" };
        Some(format!("Service deployment {what} because {}", why(failed)))
    }
}

impl Deployment {
    /// Why it does not go on, in a word more than `rolloutStateReason`, if a stage of its lifecycle was the reason.
    pub fn failed_stage_reason(&self) -> Option<String> {
        let is_of_a_stage = !matches!(self.failure?, Failure::CircuitBreaker | Failure::Alarm | Failure::Stopped);
        (self.rollout == RolloutState::Failed && is_of_a_stage).then(|| why(self))
    }
}

/// Where the text is not published, it is said in the guide's words.
fn why(failed: &Deployment) -> String {
    match failed.failure {
        Some(Failure::Hook(stage)) => {
            let detail = failed.lifecycle.as_ref().and_then(hook_that_failed).unwrap_or_default();
            format!("{stage} lifecycle hook(s) failed.{detail}")
        }
        Some(Failure::PauseTimedOut(stage)) => format!("{stage} pause hook timed out."),
        Some(Failure::StageTimedOut(stage)) => format!("{stage} has lasted for 24 hours."),
        Some(Failure::Networking) => {
            "of invalid networking configuration: a listener rule does not forward to its target groups.".to_owned()
        }
        Some(Failure::CircuitBreaker) => "the circuit breaker threshold was exceeded.".to_owned(),
        Some(Failure::Alarm) => "alarm(s) were in ALARM.".to_owned(),
        Some(Failure::Stopped) | None => "it was stopped by a user.".to_owned(),
    }
}

/// ` Lifecycle hook target … returned FAILED status.`
fn hook_that_failed(lifecycle: &Lifecycle) -> Option<String> {
    lifecycle.hooks.iter().find_map(|run| {
        let HookTarget::Lambda { name, .. } = &run.hook.target else { return None };
        match &run.state {
            HookState::Failed(why) if why == "it returned FAILED status" => {
                Some(format!(" Lifecycle hook target {name} returned FAILED status."))
            }
            HookState::Failed(why) => Some(format!(" Lifecycle hook target {name}: {why}.")),
            HookState::TimedOut => Some(format!(" Lifecycle hook target {name} did not decide in time.")),
            _ => None,
        }
    })
}
