//! What comes next in a lifecycle: which tasks start and stop, whether its hooks agree, when the next stage begins.

use std::time::Duration;

use super::hooks::{self, Agreement};
use super::progress::{HookState, Lifecycle};
use super::stages::End;
use super::traffic;
use crate::service::keeping::{plan_starts, plan_stops, scaling_reason, stop};
use crate::service::tasks::{Situation, Tasks, healthy};
use crate::step::{Change, Plan};
use crate::world::{Deployment, Failure, RolloutState, ServiceRecord, Task};
use neargate_model::ServiceName;
use neargate_model::strategy::LifecycleStage;

/// "Each lifecycle stage can last up to 24 hours" (ECS developer guide, "Amazon ECS blue/green service deployments
/// workflow"). Hooks that pause have limits of their own.
const LONGEST_STAGE: Duration = Duration::from_secs(24 * 3600);

/// How far a lifecycle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Something is left of it.
    Going,
    /// Nothing is.
    Over,
}

/// Whether failed tasks and alarms end the deployment.
pub(crate) fn is_watched(deployment: &Deployment) -> bool {
    let has_all_it_needs = |lifecycle: &Lifecycle| lifecycle.stage == LifecycleStage::CleanUp;
    deployment.rollout == RolloutState::InProgress && !deployment.lifecycle.as_ref().is_some_and(has_all_it_needs)
}

/// The tasks that are planned together with those of the deployment: all, unless it leaves the others alone.
pub(crate) fn tasks_of<'a>(deployment: &Deployment, all: &[&'a Task]) -> Vec<&'a Task> {
    match deployment.lifecycle {
        None => all.to_vec(),
        Some(_) => own(deployment, all),
    }
}

fn own<'a>(deployment: &Deployment, all: &[&'a Task]) -> Vec<&'a Task> {
    all.iter().copied().filter(|task| task.spec.deployment() == Some(&deployment.id)).collect()
}

/// Adds the next steps of the PRIMARY deployment, whose tasks are `tasks`, and of those beside it.
pub(crate) fn plan(
    situation: &Situation<'_>,
    (name, record): (&ServiceName, &ServiceRecord),
    tasks: &Tasks<'_>,
    all: &[&Task],
    plan: &mut Plan,
) -> Progress {
    let deployment = &record.primary;
    let Some(lifecycle) = &deployment.lifecycle else { return Progress::Over };
    if lifecycle.is_rollback || lifecycle.rule().green {
        plan_stops(situation, (name, record), deployment, tasks, plan);
        plan_starts(situation, (name, record), deployment, tasks, plan);
    }
    for other in &record.active {
        plan_other(situation, (name, record), lifecycle, other, &own(other, all), plan);
    }
    if deployment.rollout == RolloutState::Failed {
        return Progress::Going;
    }
    let fail = |failure: Failure| Change::FailDeployment { service: name.clone(), failure, roll_back: true };
    if !lifecycle.is_rollback
        && let Some(failure) = failure(situation, record, lifecycle, plan)
    {
        plan.push(fail(failure));
        return Progress::Going;
    }
    // Hooks are asked once the traffic has been shifted.
    if !traffic::shifts(situation.topology, name, record).is_empty() {
        return Progress::Going;
    }
    match hooks::plan(name, deployment, lifecycle, situation.now, plan) {
        Agreement::Refused(failure) if !lifecycle.is_rollback => {
            plan.push(fail(failure));
            return Progress::Going;
        }
        Agreement::Open => return Progress::Going,
        Agreement::Refused(_) | Agreement::All => {}
    }
    if let Some(until) = lifecycle.waits_until.filter(|until| situation.now < *until) {
        plan.wake_by(until);
        return Progress::Going;
    }
    if !has_ended(record, lifecycle, tasks, all) {
        return Progress::Going;
    }
    match lifecycle.next() {
        Some((stage, step)) => {
            plan.push(Change::EnterStage { service: name.clone(), stage, step });
            Progress::Going
        }
        None => Progress::Over,
    }
}

/// A deployment beside the PRIMARY one.
fn plan_other(
    situation: &Situation<'_>,
    (name, record): (&ServiceName, &ServiceRecord),
    lifecycle: &Lifecycle,
    other: &Deployment,
    own: &[&Task],
    plan: &mut Plan,
) {
    if lifecycle.keeps(&other.id) {
        // It serves, and may have to serve everything again.
        let desired = record.primary.service.desired_count as usize;
        let tasks = Tasks::new(situation, other, desired, own, plan);
        plan_stops(situation, (name, record), other, &tasks, plan);
        plan_starts(situation, (name, record), other, &tasks, plan);
    } else if lifecycle.is_rollback && lifecycle.stage != LifecycleStage::CleanUp {
        // What is rolled back stays until its hooks have seen where the traffic goes.
    } else {
        for task in own.iter().filter(|task| task.is_wanted()) {
            match task.protection(situation.now) {
                Some(protection) => plan.wake_by(protection.until()),
                None => plan.push(stop(task, scaling_reason(record))),
            }
        }
    }
}

/// What ends the deployment, other than its tasks, alarms and hooks.
fn failure(
    situation: &Situation<'_>,
    record: &ServiceRecord,
    lifecycle: &Lifecycle,
    plan: &mut Plan,
) -> Option<Failure> {
    let shifts = (LifecycleStage::TestTrafficShift..LifecycleStage::CleanUp).contains(&lifecycle.stage);
    if shifts && !traffic::is_possible(situation.topology, record) {
        return Some(Failure::Networking);
    }
    let is_paused = lifecycle.hooks.iter().any(|run| run.state == HookState::AwaitingAction);
    let limit = lifecycle.stage_began + LONGEST_STAGE;
    match lifecycle.stage {
        LifecycleStage::BakeTime | LifecycleStage::CleanUp => None,
        _ if is_paused => None,
        stage if limit <= situation.now => Some(Failure::StageTimedOut(stage)),
        _ => {
            plan.wake_by(limit);
            None
        }
    }
}

fn has_ended(record: &ServiceRecord, lifecycle: &Lifecycle, tasks: &Tasks<'_>, all: &[&Task]) -> bool {
    let stays = |task: &&&Task| {
        let of = task.spec.deployment();
        of == Some(&record.primary.id) || (of.is_some() && of == lifecycle.source.as_ref())
    };
    match lifecycle.rule().ends {
        // The waits are over.
        End::Hooks | End::StepBaked | End::Baked => true,
        End::Healthy => tasks.failing.is_empty() && healthy(&tasks.good) >= tasks.desired,
        End::OneRevisionLeft => all.iter().filter(|task| !stays(task)).all(|task| task.is_stopped()),
        End::CleanedUp => {
            let others = all.iter().filter(|task| task.spec.deployment() != Some(&record.primary.id));
            tasks.are_as_desired() && others.into_iter().all(|task| task.is_stopped())
        }
    }
}
