//! Where a deployment is in its lifecycle.

use std::time::Instant;

use strum::{Display, EnumString, IntoStaticStr};

use super::stages::{self, Part, Stage};
use neargate_model::service::LoadBalancerBinding;
use neargate_model::strategy::{LifecycleHook, LifecycleStage, Share, Strategy};
use neargate_model::{DeploymentId, TargetGroupName};

/// With which of the two target groups of each `loadBalancers` entry the tasks of a deployment are registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// `targetGroupArn`
    #[default]
    Primary,
    /// `alternateTargetGroupArn`
    Alternate,
}

impl Side {
    /// The one that the deployment before it does not use.
    #[must_use]
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Primary => Self::Alternate,
            Self::Alternate => Self::Primary,
        }
    }

    /// The target group of an entry. One without an alternate has only one.
    pub(crate) fn target_group(self, binding: &LoadBalancerBinding) -> &TargetGroupName {
        match (self, &binding.advanced) {
            (Self::Alternate, Some(advanced)) => &advanced.alternate_target_group,
            _ => &binding.target_group,
        }
    }
}

/// The lifecycle of a deployment that is not over.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    /// As it was when the deployment began.
    pub strategy: Strategy,
    /// Whether traffic goes back to what ran before a deployment that failed.
    pub is_rollback: bool,
    /// The deployment that gets the traffic, or in a rollback the one that loses it: `targetServiceRevisionArn`.
    pub target: DeploymentId,
    /// The deployment that has the traffic in the beginning. There is none before the first one, nor in a rollback.
    pub source: Option<DeploymentId>,
    /// `lifecycleStage`
    pub stage: LifecycleStage,
    /// How many steps of the production traffic have been taken before this one.
    pub step: usize,
    /// How far the deployment came that is rolled back.
    pub(crate) reached: LifecycleStage,
    pub(crate) stage_began: Instant,
    /// Until when the stage lasts, if that is known.
    pub(crate) waits_until: Option<Instant>,
    /// Those of this stage.
    pub hooks: Vec<HookRun>,
}

/// A hook that is asked at this stage.
#[derive(Clone, Debug, PartialEq)]
pub struct HookRun {
    /// Its settings.
    pub hook: LifecycleHook,
    /// What has come of it.
    pub state: HookState,
    /// `hookDetails`, as its last answer has left them: a JSON object.
    pub details: Option<String>,
    /// How often it was asked.
    pub asked: u32,
    pub(crate) began: Instant,
}

/// What has come of a hook.
#[derive(Clone, Debug, PartialEq)]
pub enum HookState {
    /// It is to be asked, now or then.
    Due(Option<Instant>),
    /// It is being asked.
    Running,
    /// Somebody is to decide.
    AwaitingAction,
    /// The deployment may go on.
    Succeeded,
    /// It may not, for this reason.
    Failed(String),
    /// It did not decide in time.
    TimedOut,
}

/// `status` of a hook (ECS API, DeploymentLifecycleHookDetail).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum HookStatus {
    /// Somebody is to decide.
    AwaitingAction,
    /// It is asked, and perhaps asked again.
    InProgress,
    /// The deployment may go on.
    Succeeded,
    /// It may not.
    Failed,
    /// It did not decide in time.
    TimedOut,
}

impl HookRun {
    /// As the API names it.
    pub fn status(&self) -> HookStatus {
        match self.state {
            HookState::Due(_) | HookState::Running => HookStatus::InProgress,
            HookState::AwaitingAction => HookStatus::AwaitingAction,
            HookState::Succeeded => HookStatus::Succeeded,
            HookState::Failed(_) => HookStatus::Failed,
            HookState::TimedOut => HookStatus::TimedOut,
        }
    }
}

impl Lifecycle {
    /// Whether this earlier deployment keeps its number of tasks.
    pub(crate) fn keeps(&self, deployment: &DeploymentId) -> bool {
        self.rule().blue && self.source.as_ref() == Some(deployment)
    }

    /// What its stage is.
    pub(crate) fn rule(&self) -> &'static Stage {
        stages::of(self.stage)
    }

    /// What green's production traffic is after each step.
    pub(crate) fn steps(&self) -> Vec<Share> {
        stages::steps(self.strategy, self.source.is_some())
    }

    /// The production traffic of the deployment whose lifecycle this is.
    pub fn production(&self) -> Share {
        if self.is_rollback || self.source.is_none() {
            return Share::ALL;
        }
        let after = |step: usize| self.steps().get(step).copied().unwrap_or(Share::ALL);
        match self.rule().production {
            Part::Nothing => Share::NONE,
            Part::LastStep => self.step.checked_sub(1).map_or(Share::NONE, after),
            Part::Step => after(self.step),
            Part::All => Share::ALL,
        }
    }

    /// Its test traffic.
    pub fn test(&self) -> Share {
        let has_it = self.is_rollback || self.source.is_none() || self.rule().test;
        if has_it { Share::ALL } else { Share::NONE }
    }

    /// The stage after this one, with its step; `None` after the last.
    pub(crate) fn next(&self) -> Option<(LifecycleStage, usize)> {
        use LifecycleStage::*;
        // Hooks of these stages are asked again (ECS developer guide, "Lambda hooks for Amazon ECS service deployments").
        if self.is_rollback {
            return match self.stage {
                TestTrafficShift if self.reached >= ProductionTrafficShift => Some((ProductionTrafficShift, 0)),
                CleanUp => None,
                _ => Some((CleanUp, 0)),
            };
        }
        let (step, is_last) = (self.step, self.step + 1 >= self.steps().len());
        Some(match self.stage {
            ReconcileService => (PreScaleUp, 0),
            PreScaleUp => (ScaleUp, 0),
            ScaleUp => (PostScaleUp, 0),
            PostScaleUp => (TestTrafficShift, 0),
            TestTrafficShift => (PostTestTrafficShift, 0),
            PostTestTrafficShift => (PreProductionTrafficShift, 0),
            PreProductionTrafficShift => (ProductionTrafficShift, step),
            ProductionTrafficShift if is_last => (PostProductionTrafficShift, step),
            ProductionTrafficShift => (PreProductionTrafficShift, step + 1),
            PostProductionTrafficShift => (BakeTime, step),
            BakeTime => (CleanUp, step),
            CleanUp => return None,
        })
    }
}
