//! Applies decisions to the known state: marks effects as in progress, makes changes, and records the events that
//! report them.

use std::sync::Arc;

use crate::images::naming;
use crate::service::events;
use crate::step::{Change, Effect, ImageUser};
use crate::task::FAILED_TO_START;
use crate::world::{
    Container, Deployment, Failing, Failure, Image, ImageState, Network, Now, Phase, Preparation, Stop, TargetRecord,
    Task, World,
};
use neargate_alb::targets::health::HealthRecord;
use neargate_model::target_health::Target;
use neargate_model::task::{Origin, Reason, StopCode, TaskSpec};
use neargate_model::{DeploymentId, NodeName, ServiceName, TaskId, Topology};

/// The input of [`World::apply`] besides the change itself.
pub struct Context<'a> {
    /// The desired state.
    pub topology: &'a Topology,
    /// Now.
    pub now: Now,
    /// Creates the specification of a new task: its id and the values of its secrets, or why they are missing.
    pub new_task: &'a mut NewTask<'a>,
    /// Creates the id of a new deployment.
    pub deployment_id: &'a mut dyn FnMut() -> DeploymentId,
}

/// Creates a task's specification, and says whether the values of its secrets are known.
pub type NewTask<'a> = dyn FnMut(&ServiceName, &Deployment) -> (TaskSpec, Result<(), Reason>) + 'a;

impl World {
    /// Marks the effect as in progress, before the executor carries it out.
    pub fn begin(&mut self, effect: &Effect, topology: &Topology, now: Now) {
        match effect {
            Effect::PrepareProject => self.project = Preparation::Working,
            Effect::ProvideImage { image, user, container, .. } => {
                let built = match user {
                    ImageUser::Task(_) => false,
                    ImageUser::Service(name) => topology.services.get(name).is_some_and(|service| {
                        let definition = service.task_definition.container(container);
                        definition.is_some_and(|definition| {
                            matches!(naming::source(service, definition), naming::Source::Build { .. })
                        })
                    }),
                };
                let entry = self.images.get_or_insert_with(image.clone(), || Image::missing(built));
                entry.state = ImageState::Providing;
                entry.built = built;
                entry.progress = None;
                entry.began_at = Some(now.timestamp);
            }
            Effect::OpenTask(id) => self.with_task(id, |task| task.network = Network::Opening),
            Effect::CloseTask(id) => self.with_task(id, |task| task.network = Network::Closing),
            Effect::StartContainer(id, name) => {
                let image_id = self.image_id(id, name);
                self.with_container(id, name, |container| {
                    if container.is_stopped() {
                        container.restarts += 1;
                    }
                    container.phase = Phase::Starting;
                    container.created_at = Some(now.timestamp);
                    container.health = neargate_model::task::HealthStatus::Unknown;
                    container.health_since = None;
                    container.image_id = container.image_id.take().or(image_id);
                });
            }
            Effect::StopContainer(id, name, _) => {
                self.with_container(id, name, |container| container.phase = Phase::Stopping)
            }
            Effect::InvokeHook(call) => self.hook_called(call),
            Effect::RestartContainer(id, name, _) => self.with_container(id, name, |container| {
                container.phase = Phase::Restarting;
                container.to_restart = false;
                container.restarts += 1;
                container.health = neargate_model::task::HealthStatus::Unknown;
                container.health_since = None;
            }),
        }
    }

    /// Applies the change.
    pub fn apply(&mut self, change: &Change, context: &mut Context<'_>) {
        let now = context.now;
        match change {
            Change::GiveUpContainer { task, container, reason, failing } => {
                self.with_container(task, container, |container| {
                    container.phase = Phase::Stopped(None);
                    container.reason = Some(reason.clone());
                    container.failing = *failing;
                })
            }
            Change::CreateTask { service, deployment, replaces_unhealthy, node } => {
                self.create_task((service, deployment), *replaces_unhealthy, node.clone(), context)
            }
            Change::StopTask { task, code, reason } => self.stop_task(task, *code, reason, context),
            Change::StopUnhealthyTask { task, reason, is_replaced } => {
                let origin = self.tasks.get(task).map(|task| task.spec.origin.clone());
                if let Some(Origin::Service { service, deployment }) = origin
                    && let Some(record) = self.services.get_mut(&service)
                {
                    record.task_unhealthy(&deployment, *is_replaced);
                }
                self.stop_task(task, StopCode::ServiceSchedulerInitiated, reason, context);
            }
            Change::RegisterTargets(id) => self.register_targets(id, context.topology, now),
            Change::DeregisterTargets(id) => self.deregister_targets(id, context.topology, now),
            Change::BeginPull(id) => self.with_task(id, |task| task.pull_started_at = Some(now.timestamp)),
            Change::EndPull(id) => self.with_task(id, |task| task.pull_stopped_at = Some(now.timestamp)),
            Change::MarkRunning(id) => {
                self.with_task(id, |task| task.running_since = Some(now));
                if let Some(service) = self.service_name(id)
                    && let Some(record) = self.services.get_mut(&service)
                {
                    record.failures_in_a_row = 0;
                }
            }
            Change::ForgetTask(id) => {
                self.tasks.remove(id);
            }
            Change::Redeploy(service) => {
                let ignored_alarms = self.raised_alarms();
                let endpoints = self.endpoints_of(service);
                if let Some(record) = self.services.get_mut(service) {
                    let (id, service) = ((context.deployment_id)(), Arc::clone(&record.primary.service));
                    let deployment = Deployment::new(id, service, now);
                    record.redeploy(Deployment { ignored_alarms, endpoints, ..deployment });
                }
                self.begin_lifecycle(service, now);
            }
            Change::EndDeployment { service, deployment } => {
                if let Some(record) = self.services.get_mut(service) {
                    record.active.retain(|known| known.id != *deployment);
                }
            }
            Change::MarkSteady(service) => self.mark_steady(service, now),
            Change::ReportTally(service) => {
                if let Some(record) = self.services.get_mut(service) {
                    record.report_tally(service, now.timestamp);
                }
            }
            Change::MarkProven { service, task } => {
                if let Some(record) = self.services.get_mut(service) {
                    record.task_proven(task.clone());
                }
            }
            Change::FailDeployment { service, failure, roll_back } => {
                self.fail_deployment(service, *failure, *roll_back, context.topology, now);
            }
            Change::Bake(service) => {
                if let Some(record) = self.services.get_mut(service) {
                    record.bake(now, context.topology.time_scale);
                }
            }
            Change::BeginRebalancing { service, spread } => {
                if let Some(record) = self.services.get_mut(service) {
                    record.begin_rebalancing(service, spread, now.timestamp);
                }
            }
            Change::EndRebalancing { service, spread } => {
                if let Some(record) = self.services.get_mut(service) {
                    record.end_rebalancing(service, spread.as_deref(), now.timestamp);
                }
            }
            Change::ReportHeldBack { service, tasks } => {
                if let Some(record) = self.services.get_mut(service) {
                    record.report_held_back(service, tasks, now.timestamp);
                }
            }
            Change::EndScalingActivity(service) => self.scaling_fulfilled(service, context.topology, now),
            Change::EnterStage { service, stage, step } => {
                self.enter_stage(service, *stage, *step, context.topology.time_scale, now);
            }
            Change::HookTimedOut(call) => self.hook_timed_out(call),
            Change::ReportBlocked(service) => {
                if let Some(record) = self.services.get_mut(service) {
                    record.blocked = true;
                    record.record_event(service, now.timestamp, events::BLOCKED);
                }
            }
            Change::ForgetService(service) => {
                self.tasks.retain(|_, task| task.spec.service() != Some(service));
                self.services.remove(service);
            }
            Change::RemoveDrainedTargets => {
                let stays = |record: &TargetRecord| record.draining_until.is_none_or(|at| at > now.instant);
                self.targets.change_each(
                    |_, records| !records.iter().all(|record| stays(record)),
                    |records| records.retain(|record| stays(record)),
                );
            }
        }
    }

    fn create_task(
        &mut self,
        (service, deployment): (&ServiceName, &DeploymentId),
        replaces_unhealthy: bool,
        node: Option<NodeName>,
        context: &mut Context<'_>,
    ) {
        let Some(record) = self.services.get(service) else { return };
        let Some(deployment) = record.deployment(deployment) else { return };
        let (spec, secrets) = (context.new_task)(service, deployment);
        // One that serves beside the PRIMARY one has come up: its tasks run what they ran.
        let pinned = match deployment.id == record.primary.id {
            true => record.pinned_images().cloned().unwrap_or_default(),
            false => deployment.images.clone(),
        };
        let zone = node.as_ref().and_then(|node| self.nodes.zone(node)).cloned();
        let id = self.add_task(TaskSpec { node, ..spec }, secrets, context.now);
        for (container, image) in pinned {
            self.with_container(&id, &container, |container| container.image_id = Some(image));
        }
        if let Some(record) = self.services.get_mut(service) {
            if replaces_unhealthy {
                record.unhealthy_replaced(context.now, context.topology.time_scale);
            }
            match zone.filter(|_| record.rebalancing.is_some()) {
                Some(zone) => record.tally.started_in(zone, id),
                None => record.tally.started(id, replaces_unhealthy),
            }
        }
    }

    /// Adds a new task, whoever wants it. Without its secrets it only fails.
    pub fn add_task(&mut self, spec: TaskSpec, secrets: Result<(), Reason>, now: Now) -> TaskId {
        self.tasks_created += 1;
        let mut task = Task::new(spec, self.tasks_created, now.timestamp);
        if let Err(reason) = secrets {
            for container in task.containers.values_mut() {
                container.phase = Phase::Stopped(None);
                container.reason = Some(reason.clone());
                container.failing = Failing::Task;
            }
        }
        // An image that could not be pulled is asked for again with every new task. A build that failed is not: it would
        // fail again.
        for definition in &task.spec.definition.containers {
            if let Some(image) = self.images.get_mut(task.spec.image(definition))
                && matches!(image.state, ImageState::Failed(_))
                && !image.built
            {
                image.state = ImageState::Missing;
            }
        }
        let id = task.spec.id.clone();
        self.tasks.insert(id.clone(), task);
        id
    }

    fn stop_task(&mut self, id: &TaskId, code: StopCode, reason: &str, context: &Context<'_>) {
        let now = context.now;
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.stop = Some(Stop { code, reason: reason.to_owned(), at: now });
        if matches!(code, StopCode::TaskFailedToStart | StopCode::EssentialContainerExited) {
            task.execution_stopped(now);
        }
        let ran = task.running_since.map(|since| now.instant.saturating_duration_since(since.instant));
        let zone = task.zone().cloned();
        let Origin::Service { service, deployment } = task.spec.origin.clone() else { return };
        let Some(record) = self.services.get_mut(&service) else { return };
        record.steady = false;
        match code {
            StopCode::TaskFailedToStart => {
                record.task_failed(&deployment, ran, now, context.topology.time_scale);
                // A container's own reason is told by the task only.
                if reason != FAILED_TO_START {
                    record.record_event(&service, now.timestamp, events::not_placed(reason));
                }
                if record.primary.id == deployment && record.failures_in_a_row == events::IMPAIRED_AFTER {
                    record.record_event(&service, now.timestamp, events::IMPAIRED);
                }
            }
            // ECS says nothing of these in the service's events; the task itself does.
            StopCode::EssentialContainerExited => {
                record.task_failed(&deployment, ran, now, context.topology.time_scale);
            }
            StopCode::UserInitiated => {}
            StopCode::ServiceSchedulerInitiated => match zone.filter(|_| record.rebalancing.is_some()) {
                Some(zone) => record.tally.stopped_in(zone, id.clone()),
                None => record.tally.stopped(id.clone(), ran.is_some()),
            },
        }
    }

    /// The PRIMARY deployment of the service fails, and the last completed one is restored if that is wanted.
    pub fn fail_deployment(
        &mut self,
        service: &ServiceName,
        failure: Failure,
        roll_back: bool,
        topology: &Topology,
        now: Now,
    ) {
        let Some(record) = self.services.get(service) else { return };
        let failed = record.primary.clone();
        let definitions = failed.service.task_definition.containers.iter();
        let ran = definitions.filter_map(|definition| {
            let image = self.images.get(&naming::reference(&topology.name, service, &failed.service, definition))?;
            Some(image.provided.as_ref()?.id.clone())
        });
        let ran: Vec<String> = ran.collect();
        let Some(record) = self.services.get_mut(service) else { return };
        let restored = record.fail(failure, roll_back, now);
        record.record_event(service, now.timestamp, events::failed(&failed.id, &failure.cause()));
        if let Some(restored) = restored {
            record.begin_rollback(&failed, now);
            record.rejected_images.extend(ran);
            record.record_event(service, now.timestamp, events::rolling_back(&restored));
        }
    }

    fn register_targets(&mut self, id: &TaskId, topology: &Topology, now: Now) {
        let deployment = self.tasks.get(id).and_then(|task| self.deployment_of(task));
        let settings = deployment.map(|deployment| (Arc::clone(&deployment.service), deployment.side));
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.registered_at = Some(now.instant);
        let (Some((settings, side)), Some(service)) = (settings, task.spec.service().cloned()) else { return };
        let Network::Open(network) = task.network.clone() else { return };
        // A target group that the file has dropped since is gone.
        let bound = settings.load_balancers.iter().map(|binding| (side.target_group(binding), binding.port));
        for (group, port) in bound.filter(|(group, _)| topology.target_groups.contains_key(*group)) {
            let target = Target { address: network.address, port };
            task.registered.push((group.clone(), target));
            let records = self.targets.get_or_insert_with(group.clone(), Vec::new);
            // An address that comes back while its last holder still drains is a new target.
            records.retain(|record| record.target != target);
            let health = HealthRecord::new(topology.is_in_use(group));
            let dial = network.dial(port);
            let record = TargetRecord::new(target, dial, health);
            records.push(Arc::new(TargetRecord {
                task: Some(id.clone()),
                service: Some(service.clone()),
                security_groups: settings.security_groups.clone(),
                ..record
            }));
        }
        let groups: Vec<_> = task.registered.iter().map(|(group, _)| group.clone()).collect();
        if let Some(record) = self.services.get_mut(&service) {
            groups.into_iter().for_each(|group| record.tally.registered(group));
        }
    }

    fn deregister_targets(&mut self, id: &TaskId, topology: &Topology, now: Now) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        // Only a service's tasks are targets.
        let Some(service) = task.spec.service().cloned() else { return };
        let mut groups = Vec::new();
        for (group, target) in std::mem::take(&mut task.registered) {
            let delay = topology
                .target_groups
                .get(&group)
                .map(|settings| settings.attributes.deregistration_delay)
                .unwrap_or_default();
            for record in self.targets.get_or_insert_with(group.clone(), Vec::new) {
                if record.target == target && record.task.as_ref() == Some(id) {
                    Arc::make_mut(record).draining_until = Some(now.instant + delay);
                }
            }
            groups.push(group);
        }
        let deployment = task.spec.deployment().cloned();
        if let Some(record) = self.services.get_mut(&service) {
            record.tally.draining(deployment.filter(|id| record.primary.id != *id));
            groups.into_iter().for_each(|group| record.tally.deregistered(group));
        }
    }

    fn mark_steady(&mut self, service: &ServiceName, now: Now) {
        let Some(record) = self.services.get_mut(service) else { return };
        let own =
            self.tasks.values().filter(|task| task.is_wanted() && task.spec.deployment() == Some(&record.primary.id));
        let started_from = own.flat_map(|task| &task.containers);
        let images = started_from.filter_map(|(name, container)| Some((name.clone(), container.image_id.clone()?)));
        let images = images.collect();
        if let Some(id) = record.has_become_steady(images, now) {
            record.record_event(service, now.timestamp, events::completed(&id));
        }
        record.record_event(service, now.timestamp, events::STEADY);
    }

    /// The engine's id of the image from which the container will be started.
    fn image_id(&self, id: &TaskId, name: &neargate_model::ContainerName) -> Option<String> {
        let spec = &self.tasks.get(id)?.spec;
        let image = self.images.get(spec.image(spec.definition.container(name)?))?;
        image.provided.as_ref().map(|provided| provided.id.clone())
    }

    fn service_name(&self, id: &TaskId) -> Option<ServiceName> {
        self.tasks.get(id)?.spec.service().cloned()
    }

    fn with_task(&mut self, id: &TaskId, change: impl FnOnce(&mut Task)) {
        if let Some(task) = self.tasks.get_mut(id) {
            change(task);
        }
    }

    fn with_container(
        &mut self,
        id: &TaskId,
        name: &neargate_model::ContainerName,
        change: impl FnOnce(&mut Container),
    ) {
        if let Some(container) = self.tasks.get_mut(id).and_then(|task| task.containers.get_mut(name)) {
            change(container);
        }
    }
}
