//! A deployment begins, or goes back to the one before it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::progress::{HookRun, HookState, Lifecycle, Side};
use crate::moment::Now;
use crate::service::record::{Deployment, RolloutState, ServiceRecord};
use crate::world::World;
use neargate_model::deployment::DeploymentConfiguration;
use neargate_model::strategy::{HookTarget, LifecycleStage};
use neargate_model::{DeploymentId, ServiceName};

impl World {
    /// The PRIMARY deployment of the service has just begun: says with which target groups its tasks are registered, and, if
    /// it shifts traffic, from which deployment it takes it.
    pub(crate) fn begin_lifecycle(&mut self, service: &ServiceName, now: Now) {
        let own = self.tasks.values().filter(|task| task.is_wanted() && task.spec.service() == Some(service));
        let living: BTreeSet<DeploymentId> = own.filter_map(|task| task.spec.deployment().cloned()).collect();
        if let Some(record) = self.services.get_mut(service) {
            record.begin_lifecycle(&living, now);
        }
    }
}

impl ServiceRecord {
    fn begin_lifecycle(&mut self, living: &BTreeSet<DeploymentId>, now: Now) {
        let settings = Arc::clone(&self.primary.service);
        let configuration = &settings.deployment_configuration;
        let strategy = configuration.strategy;
        let last = self.active.first();
        let blue = last.and_then(|last| self.has_traffic(last)).filter(|blue| living.contains(&blue.id));
        let serving = blue.or(last).map_or(Side::Primary, |deployment| deployment.side);
        if !strategy.shifts_traffic() {
            self.primary.side = serving;
            return;
        }
        let source = blue.map(|blue| blue.id.clone());
        let is_one_of_two = |deployment: &Deployment| Some(&deployment.id) == source.as_ref();
        let are_more = self.active.iter().any(|other| !is_one_of_two(other) && living.contains(&other.id));
        let stage = if are_more { LifecycleStage::ReconcileService } else { LifecycleStage::PreScaleUp };
        self.primary.side = if source.is_some() { serving.other() } else { serving };
        self.primary.lifecycle = Some(Lifecycle {
            strategy,
            is_rollback: false,
            target: self.primary.id.clone(),
            source,
            stage,
            step: 0,
            reached: stage,
            stage_began: now.instant,
            waits_until: None,
            hooks: hooks_of(configuration, stage, now),
        });
    }

    /// The deployment that had the production traffic when the one after `last` began. One that has never been healthy has
    /// none worth keeping.
    fn has_traffic<'d>(&'d self, last: &'d Deployment) -> Option<&'d Deployment> {
        let active = |id: &DeploymentId| self.active.iter().find(|known| known.id == *id);
        match &last.lifecycle {
            None if last.rollout == RolloutState::Completed => Some(last),
            None => self.completed.as_ref().and_then(|completed| active(&completed.id)).or(Some(last)),
            Some(lifecycle) if lifecycle.is_rollback || lifecycle.stage == LifecycleStage::CleanUp => Some(last),
            Some(lifecycle) => match &lifecycle.source {
                Some(source) => active(source),
                None => (lifecycle.stage > LifecycleStage::ScaleUp).then_some(last),
            },
        }
    }

    /// The PRIMARY deployment has been restored in place of one that failed: traffic goes back to it at once.
    pub(crate) fn begin_rollback(&mut self, failed: &Deployment, now: Now) {
        let Some(lifecycle) = &failed.lifecycle else { return };
        let reached = lifecycle.stage;
        let stage = match reached >= LifecycleStage::TestTrafficShift {
            true => LifecycleStage::TestTrafficShift,
            false => LifecycleStage::CleanUp,
        };
        let hooks = hooks_of(&failed.service.deployment_configuration, stage, now);
        self.primary.lifecycle = Some(Lifecycle {
            strategy: lifecycle.strategy,
            is_rollback: true,
            target: failed.id.clone(),
            source: None,
            stage,
            step: 0,
            reached,
            stage_began: now.instant,
            waits_until: None,
            hooks,
        });
    }
}

/// Those that are asked at this stage, none of which has been.
pub(super) fn hooks_of(configuration: &DeploymentConfiguration, stage: LifecycleStage, now: Now) -> Vec<HookRun> {
    let asked = configuration.lifecycle_hooks.iter().filter(|hook| hook.stages.contains(&stage));
    let run = |hook: &neargate_model::strategy::LifecycleHook| HookRun {
        hook: hook.clone(),
        state: match hook.target {
            HookTarget::Lambda { .. } => HookState::Due(None),
            HookTarget::Pause => HookState::AwaitingAction,
        },
        details: hook.details.clone(),
        asked: 0,
        began: now.instant,
    };
    asked.map(run).collect()
}
