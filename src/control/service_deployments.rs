//! Deployments that somebody ends, or lets go on: StopServiceDeployment and ContinueServiceDeployment.

use crate::control::command::{PauseAction, Refusal, StopType};
use crate::ecs::violation::Violation;
use crate::ecs::world::{Failure, Now, RolloutState, World};
use crate::model::strategy::LifecycleStage;
use crate::model::{ServiceName, Topology};

/// Ends the deployment in progress.
pub(crate) fn stop(
    world: &mut World,
    topology: &Topology,
    service: &ServiceName,
    stop_type: StopType,
    now: Now,
) -> Result<(), Refusal> {
    check(world, topology, service)?;
    let primary = world.services.get(service).map(|record| &record.primary);
    // One that has all its traffic for good is not ended by clearing up.
    let is_clearing_up = |stage: LifecycleStage| stage == LifecycleStage::CleanUp;
    let is_in_progress = primary.is_some_and(|primary| {
        primary.rollout == RolloutState::InProgress
            && !primary.lifecycle.as_ref().is_some_and(|lifecycle| is_clearing_up(lifecycle.stage))
    });
    if !is_in_progress {
        return Err(Refusal::Violation(Violation::NoDeploymentInProgress(service.clone()).into()));
    }
    world.fail_deployment(service, Failure::Stopped, stop_type == StopType::Rollback, topology, now);
    Ok(())
}

/// Decides about one that a lifecycle hook has paused.
pub(crate) fn resume(
    world: &mut World,
    topology: &Topology,
    service: &ServiceName,
    action: PauseAction,
    now: Now,
) -> Result<(), Refusal> {
    check(world, topology, service)?;
    match world.continue_deployment(service, action, topology, now) {
        true => Ok(()),
        false => Err(Refusal::Violation(Violation::NoPausedDeployment(service.clone()).into())),
    }
}

fn check(world: &World, topology: &Topology, service: &ServiceName) -> Result<(), Refusal> {
    if world.shutting_down {
        return Err(Refusal::ShuttingDown);
    }
    match world.services.contains_key(service) {
        true => Ok(()),
        false => {
            let known = topology.services.keys().cloned().collect();
            Err(Refusal::UnknownService { name: service.clone(), known })
        }
    }
}
