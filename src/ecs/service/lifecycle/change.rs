//! Changes of the known state: a stage begins, a hook is asked, answers, or does not.

use super::answer::{self, HookOutcome, Verdict};
use super::begin::hooks_of;
use super::progress::{HookRun, HookState};
use super::stages::End;
use crate::moment::Now;
use crate::service::record::Deployment;
use crate::step::HookCall;
use crate::world::{Failure, World};
use neargate_model::strategy::{LifecycleStage, Share};
use neargate_model::topology::TimeScale;
use neargate_model::{ServiceName, Topology};

/// Seconds until a hook is asked again that has not decided (ECS developer guide, "Lambda hooks for Amazon ECS service
/// deployments").
const CALL_BACK_DELAY: u32 = 30;

/// What becomes of a paused deployment (ECS API, ContinueServiceDeployment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseAction {
    /// `CONTINUE`
    Continue,
    /// `ROLLBACK`
    Rollback,
}

impl World {
    /// The next stage of the PRIMARY deployment begins.
    pub(crate) fn enter_stage(
        &mut self,
        service: &ServiceName,
        stage: LifecycleStage,
        step: usize,
        time_scale: TimeScale,
        now: Now,
    ) {
        let Some(record) = self.services.get_mut(service) else { return };
        let Deployment { service: settings, lifecycle: Some(lifecycle), .. } = &mut record.primary else { return };
        lifecycle.stage = stage;
        lifecycle.step = step;
        lifecycle.reached = lifecycle.reached.max(stage);
        lifecycle.stage_began = now.instant;
        let configuration = &settings.deployment_configuration;
        let wait = match lifecycle.rule().ends {
            _ if lifecycle.is_rollback => None,
            // "This bake time is not applied after reaching 100 percent traffic" (ECS API, LinearConfiguration).
            End::StepBaked if lifecycle.production() < Share::ALL => Some(lifecycle.strategy.step_bake_time()),
            // There is nothing to go back to before the first deployment has come up.
            End::Baked if lifecycle.source.is_some() => Some(configuration.bake_time),
            _ => None,
        };
        lifecycle.waits_until = wait.map(|wait| now.instant + time_scale.apply(wait));
        lifecycle.hooks = hooks_of(configuration, stage, now);
        record.primary.updated_at = now.timestamp;
        if stage == LifecycleStage::CleanUp && !record.primary.is_rollback() {
            // From here on, this is what another deployment is rolled back to.
            record.completed = Some(Deployment { lifecycle: None, ..record.primary.clone() });
        }
    }

    /// A hook is being asked.
    pub(crate) fn hook_called(&mut self, call: &HookCall) {
        self.with_hook(call, |run| {
            run.state = HookState::Running;
            run.asked += 1;
        });
    }

    /// A hook has answered.
    pub fn hook_answered(&mut self, call: &HookCall, outcome: &HookOutcome, time_scale: TimeScale, now: Now) {
        self.with_hook(call, |run| {
            // One that timed out meanwhile is not asked any more.
            if run.state != HookState::Running {
                return;
            }
            let answer = answer::read(outcome, run.details.as_deref());
            run.state = match answer.verdict {
                Verdict::Succeeded => HookState::Succeeded,
                Verdict::Failed(why) => HookState::Failed(why),
                Verdict::InProgress => {
                    let delay = answer.call_back_delay.unwrap_or(CALL_BACK_DELAY);
                    let delay = time_scale.apply(std::time::Duration::from_secs(delay.into()));
                    HookState::Due(Some(now.instant + delay))
                }
            };
            run.details = answer.details.or(run.details.take());
        });
    }

    /// A hook has not decided in time.
    pub(crate) fn hook_timed_out(&mut self, call: &HookCall) {
        self.with_hook(call, |run| run.state = HookState::TimedOut);
    }

    /// Somebody decides about a paused deployment. Returns whether it is paused.
    pub fn continue_deployment(
        &mut self,
        service: &ServiceName,
        action: PauseAction,
        topology: &Topology,
        now: Now,
    ) -> bool {
        let Some(record) = self.services.get_mut(service) else { return false };
        let hooks = record.primary.lifecycle.iter_mut().flat_map(|lifecycle| &mut lifecycle.hooks);
        let mut paused = hooks.filter(|run| run.state == HookState::AwaitingAction).peekable();
        if paused.peek().is_none() {
            return false;
        }
        match action {
            PauseAction::Continue => paused.for_each(|run| run.state = HookState::Succeeded),
            PauseAction::Rollback => {
                drop(paused);
                self.fail_deployment(service, Failure::Stopped, true, topology, now);
            }
        }
        true
    }

    fn with_hook(&mut self, call: &HookCall, change: impl FnOnce(&mut HookRun)) {
        let Some(record) = self.services.get_mut(&call.service) else { return };
        if record.primary.id != call.deployment {
            return;
        }
        let lifecycle = record.primary.lifecycle.as_mut();
        let same = lifecycle.filter(|lifecycle| (lifecycle.stage, lifecycle.step) == (call.stage, call.step));
        if let Some(run) = same.and_then(|lifecycle| lifecycle.hooks.get_mut(call.hook)) {
            change(run);
        }
    }
}
