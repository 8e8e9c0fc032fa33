//! Hooks: which are asked, when they are asked again, and what their answers mean for the deployment.
//!
//! Source: ECS developer guide, "Lambda hooks for Amazon ECS service deployments" and "Pause hooks for Amazon ECS service
//! deployments".

use std::time::Instant;

use super::progress::{HookState, Lifecycle};
use crate::service::record::{Deployment, Failure};
use crate::step::{Change, Effect, HookCall, Plan};
use neargate_model::ServiceName;
use neargate_model::strategy::{HookTarget, TimeoutAction};

/// What the hooks of a stage say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// The deployment may go on.
    All,
    /// Not every one has decided.
    Open,
    /// The deployment must go back.
    Refused(Failure),
}

/// Asks those that are to be asked now.
pub(super) fn plan(
    service: &ServiceName,
    deployment: &Deployment,
    lifecycle: &Lifecycle,
    now: Instant,
    plan: &mut Plan,
) -> Agreement {
    let mut agreement = Agreement::All;
    for (index, run) in lifecycle.hooks.iter().enumerate() {
        let call = || HookCall {
            service: service.clone(),
            deployment: deployment.id.clone(),
            stage: lifecycle.stage,
            step: lifecycle.step,
            hook: index,
        };
        let deadline = run.began + run.hook.timeout;
        let is_late = now >= deadline;
        match &run.state {
            HookState::Succeeded => continue,
            HookState::Failed(_) => return Agreement::Refused(Failure::Hook(lifecycle.stage)),
            HookState::TimedOut => match (run.hook.on_timeout, &run.hook.target) {
                (TimeoutAction::Continue, _) => continue,
                (TimeoutAction::Rollback, HookTarget::Pause) => {
                    return Agreement::Refused(Failure::PauseTimedOut(lifecycle.stage));
                }
                (TimeoutAction::Rollback, HookTarget::Lambda { .. }) => {
                    return Agreement::Refused(Failure::Hook(lifecycle.stage));
                }
            },
            HookState::Due(_) | HookState::Running | HookState::AwaitingAction if is_late => {
                plan.push(Change::HookTimedOut(call()));
            }
            HookState::Due(at) => {
                plan.wake_by(deadline);
                plan.push_after(at.filter(|at| now < *at), Effect::InvokeHook(call()));
            }
            HookState::Running | HookState::AwaitingAction => plan.wake_by(deadline),
        }
        agreement = Agreement::Open;
    }
    agreement
}
