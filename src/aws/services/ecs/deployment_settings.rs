//! `deploymentConfiguration` of CreateService and UpdateService.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::names::{invalid, refused};
use crate::ecs::violation::Violation;
use crate::model::deployment::{CircuitBreaker, DeploymentConfiguration, Threshold};
use crate::model::strategy::{HookTarget, LifecycleHook, Share, Strategy, TimeoutAction};
use crate::protocols::fault::Fault;

/// Alarms are not here: nothing at this endpoint says what they watch.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Configuration {
    deployment_circuit_breaker: Option<Breaker>,
    maximum_percent: Option<u32>,
    minimum_healthy_percent: Option<u32>,
    strategy: Option<String>,
    bake_time_in_minutes: Option<u64>,
    linear_configuration: Option<Linear>,
    canary_configuration: Option<Canary>,
    lifecycle_hooks: Option<Vec<Hook>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Breaker {
    enable: bool,
    rollback: bool,
    reset_on_healthy_task: Option<bool>,
    threshold_configuration: Option<ThresholdConfiguration>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ThresholdConfiguration {
    r#type: Option<String>,
    value: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Linear {
    step_percent: Option<f64>,
    step_bake_time_in_minutes: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Canary {
    canary_percent: Option<f64>,
    canary_bake_time_in_minutes: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Hook {
    target_type: Option<String>,
    hook_target_arn: Option<String>,
    lifecycle_stages: Vec<String>,
    hook_details: Option<Value>,
    timeout_configuration: Timeout,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Timeout {
    timeout_in_minutes: Option<u64>,
    action: Option<String>,
}

impl Configuration {
    /// What is not said stays as it is.
    pub(super) fn over(self, before: &DeploymentConfiguration) -> Result<DeploymentConfiguration, Fault> {
        let mut configuration = before.clone();
        configuration.maximum_percent = self.maximum_percent.unwrap_or(before.maximum_percent);
        configuration.minimum_healthy_percent = self.minimum_healthy_percent.unwrap_or(before.minimum_healthy_percent);
        if let Some(breaker) = &self.deployment_circuit_breaker {
            configuration.circuit_breaker = breaker.over(before.circuit_breaker);
        }
        configuration.strategy = self.strategy(before.strategy)?;
        configuration.bake_time = self.bake_time_in_minutes.map_or(before.bake_time, minutes);
        if let Some(hooks) = &self.lifecycle_hooks {
            let hooks = hooks.iter().filter_map(|hook| hook.hook(&before.lifecycle_hooks).transpose());
            configuration.lifecycle_hooks = hooks.collect::<Result<_, _>>()?;
        }
        Ok(configuration)
    }

    /// With the defaults of LinearConfiguration and CanaryConfiguration.
    fn strategy(&self, before: Strategy) -> Result<Strategy, Fault> {
        let is_before = |word: &str| before.name() == word;
        let word = self.strategy.as_deref().unwrap_or(before.name());
        for (member, given, of) in [
            ("linearConfiguration", self.linear_configuration.is_some(), "LINEAR"),
            ("canaryConfiguration", self.canary_configuration.is_some(), "CANARY"),
        ] {
            if given && word != of {
                return Err(invalid(format!("{member} is only valid with the deployment strategy {of}.")));
            }
        }
        match (word, &self.linear_configuration, &self.canary_configuration) {
            // Without its settings, it stays as it is.
            (_, None, None) if is_before(word) => Ok(before),
            ("ROLLING", ..) => Ok(Strategy::Rolling),
            ("BLUE_GREEN", ..) => Ok(Strategy::BlueGreen),
            ("LINEAR", linear, _) => Ok(Strategy::Linear {
                step: share(linear.as_ref().and_then(|linear| linear.step_percent), 10.0)
                    .ok_or_else(|| refused(&Violation::StepPercentOutOfRange))?,
                bake_time: minutes(linear.as_ref().and_then(|linear| linear.step_bake_time_in_minutes).unwrap_or(6)),
            }),
            ("CANARY", _, canary) => Ok(Strategy::Canary {
                share: share(canary.as_ref().and_then(|canary| canary.canary_percent), 5.0)
                    .ok_or_else(|| refused(&Violation::CanaryPercentOutOfRange))?,
                bake_time: minutes(canary.as_ref().and_then(|canary| canary.canary_bake_time_in_minutes).unwrap_or(10)),
            }),
            (other, ..) => Err(invalid(format!("Unknown deployment strategy {other}."))),
        }
    }
}

fn share(given: Option<f64>, default: f64) -> Option<Share> {
    Share::from_percent(given.unwrap_or(default))
}

/// More than the longest time is refused where all of it is judged.
fn minutes(given: u64) -> Duration {
    Duration::from_secs(given.saturating_mul(60))
}

impl Breaker {
    fn over(&self, before: CircuitBreaker) -> CircuitBreaker {
        let threshold = self.threshold_configuration.as_ref().and_then(|said| {
            let value = said.value?;
            match said.r#type.as_deref() {
                Some("COUNT") => Some(Threshold::Count(value)),
                Some("UNBOUNDED_PERCENT") => Some(Threshold::UnboundedPercent(value)),
                Some("BOUNDED_PERCENT") => Some(Threshold::BoundedPercent(value)),
                _ => None,
            }
        });
        CircuitBreaker {
            enable: self.enable,
            rollback: self.rollback,
            reset_on_healthy_task: self.reset_on_healthy_task.unwrap_or(before.reset_on_healthy_task),
            threshold: threshold.unwrap_or(before.threshold),
        }
    }
}

impl Hook {
    /// What asks at these stages. A function asks nothing here, unless the file says which command stands for it: it comes back
    /// as it was sent.
    fn hook(&self, before: &[LifecycleHook]) -> Result<Option<LifecycleHook>, Fault> {
        let Some(target) = self.target(before)? else { return Ok(None) };
        let stage = |word: &String| {
            word.parse().map_err(|_| invalid(format!("Unknown lifecycle stage {word} in deploymentConfiguration.")))
        };
        let on_timeout = match self.timeout_configuration.action.as_deref() {
            None => TimeoutAction::default(),
            Some(word) => {
                word.parse().map_err(|_| invalid(format!("Unknown action {word} in timeoutConfiguration.")))?
            }
        };
        Ok(Some(LifecycleHook {
            target,
            stages: self.lifecycle_stages.iter().map(stage).collect::<Result<_, _>>()?,
            details: self.hook_details.as_ref().map(|details| match details {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
            timeout: minutes(self.timeout_configuration.timeout_in_minutes.unwrap_or(1440)),
            on_timeout,
        }))
    }

    fn target(&self, before: &[LifecycleHook]) -> Result<Option<HookTarget>, Fault> {
        match (self.target_type.as_deref().unwrap_or("AWS_LAMBDA"), &self.hook_target_arn) {
            ("PAUSE", None) => Ok(Some(HookTarget::Pause)),
            ("PAUSE", Some(_)) => Err(invalid("hookTargetArn is not applicable for PAUSE hooks.")),
            ("AWS_LAMBDA", None) => Err(invalid("hookTargetArn can not be blank.")),
            ("AWS_LAMBDA", Some(arn)) => {
                Ok(before.iter().map(|hook| &hook.target).find(|known| is(known, arn)).cloned())
            }
            (other, _) => Err(invalid(format!("Unknown target type {other} of a lifecycle hook."))),
        }
    }
}

fn is(target: &HookTarget, arn: &str) -> bool {
    matches!(target, HookTarget::Lambda { name, .. } if name == arn)
}
