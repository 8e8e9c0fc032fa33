//! Applies observed facts to the known state. Every function accepts facts that arrive late or repeatedly.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::service_connect::endpoints;
use crate::world::{
    Deployment, FailedHealthCheck, Failing, ImageState, Network, Now, Phase, Preparation, ServiceRecord, Silence,
    TargetRecord, Task, World,
};
use neargate_alb::targets::health::{HealthRecord, Probe, unhealthy_reason};
use neargate_model::alarm::AlarmState;
use neargate_model::image::ProvidedImage;
use neargate_model::service::Service;
use neargate_model::target_group::HealthCheck;
use neargate_model::target_health::{Target, TargetHealth};
use neargate_model::task::{ContainerExit, HealthStatus, Reason, TaskNetwork};
use neargate_model::topology::TimeScale;
use neargate_model::{
    AlarmName, ContainerName, DeploymentId, NodeName, ServiceName, TargetGroupName, TaskId, Topology,
};

/// `reason` of a container that the kernel killed for using too much memory (ECS developer guide, "Stopped task error
/// messages").
pub(crate) const OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";
/// How a container ends that is removed by force.
const KILLED: ContainerExit = ContainerExit { exit_code: 137, out_of_memory: false };
/// The wait after a failed preparation.
const PREPARATION_RETRY: std::time::Duration = std::time::Duration::from_secs(5);

impl World {
    /// The resources shared by all tasks were created, or could not be.
    pub fn project_prepared(&mut self, result: Result<(), Reason>, now: Now) {
        self.project = match result {
            Ok(()) => Preparation::Ready,
            Err(reason) => Preparation::Failed { reason, retry_at: now.instant + PREPARATION_RETRY },
        };
    }

    /// These images must be built or pulled, even if they exist.
    pub fn images_to_renew(&mut self, images: impl IntoIterator<Item = String>) {
        for reference in images {
            if let Some(image) = self.images.get_mut(&reference) {
                match image.state {
                    ImageState::Providing => image.again = true,
                    _ => image.state = ImageState::Missing,
                }
            }
            self.renew.insert(reference);
        }
    }

    /// Forgets images that no service and no task uses.
    pub fn images_wanted(&mut self, wanted: &BTreeSet<String>) {
        let living = self.tasks.values().filter(|task| !task.is_stopped());
        let in_use: BTreeSet<String> = living
            .flat_map(|task| task.spec.definition.containers.iter().map(|container| task.spec.image(container)))
            .map(str::to_owned)
            .collect();
        let is_wanted = |image: &String| wanted.contains(image) || in_use.contains(image);
        self.images.retain(|image, _| is_wanted(image));
        self.renew.retain(is_wanted);
    }

    /// A progress line of a build or pull arrived.
    pub fn image_progressed(&mut self, image: &str, message: String) {
        if let Some(image) = self.images.get_mut(image) {
            image.progress = Some(message);
        }
    }

    /// An image was provided on these nodes, or could not be built or pulled.
    pub fn image_provided(
        &mut self,
        reference: &str,
        on: Vec<NodeName>,
        result: Result<ProvidedImage, Reason>,
        now: Now,
    ) {
        let Some(image) = self.images.get_mut(reference) else { return };
        match result {
            Ok(provided) => {
                image.is_provided(provided, on);
                image.ready_at = Some(now.timestamp);
            }
            // The output of a build is the user's, and told in full.
            Err(reason) => image.state = ImageState::Failed(if image.built { reason } else { trimmed(reason) }),
        }
        if std::mem::take(&mut image.again) {
            image.state = ImageState::Missing;
        } else if image.state == ImageState::Ready {
            self.renew.remove(reference);
        }
    }

    /// The task's network namespace was created, or could not be.
    pub fn task_opened(&mut self, id: &TaskId, result: Result<TaskNetwork, Reason>, now: Now) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        match result {
            Ok(network) if task.network == Network::Opening => {
                task.network = Network::Open(network);
                task.connected_at.get_or_insert(now.timestamp);
            }
            Ok(_) => {}
            Err(reason) => {
                task.network = Network::Missing;
                task.fail_all_pending(&reason);
            }
        }
    }

    /// A container was started, or could not be.
    pub fn container_started(
        &mut self,
        id: &TaskId,
        name: &ContainerName,
        result: Result<(String, Option<String>), Reason>,
        now: Now,
    ) {
        let wanted = self.is_wanted(id);
        let Some(container) = self.tasks.get_mut(id).and_then(|task| task.containers.get_mut(name)) else { return };
        match result {
            Ok((runtime_id, image_digest)) => {
                container.image_digest = image_digest;
                container.started_at = Some(now);
                // Its end may have been reported before its start was confirmed: then the end stands.
                let ended_already = container.runtime_id.as_ref() == Some(&runtime_id) && container.is_stopped();
                container.runtime_id = Some(runtime_id);
                if !ended_already && container.phase == Phase::Starting {
                    container.phase = Phase::Running;
                }
            }
            Err(reason) => {
                container.reason = wanted.then(|| trimmed(reason));
                container.phase = Phase::Stopped(None);
            }
        }
    }

    /// The engine could not stop the container. It counts as running, so a later plan tries again. Returns the number
    /// of consecutive failures.
    pub fn container_not_stopped(&mut self, id: &TaskId, name: &ContainerName, now: Now) -> u32 {
        match self.tasks.get_mut(id).and_then(|task| task.containers.get_mut(name)) {
            Some(container) if container.phase == Phase::Stopping => {
                container.phase = Phase::Running;
                container.stop_retry.failed(now.instant)
            }
            _ => 0,
        }
    }

    /// These containers must be restarted without recreating them.
    pub fn containers_to_restart(&mut self, wanted: &[(ServiceName, ContainerName)]) {
        for (service, name) in wanted {
            let concerned = |task: &Task| task.spec.service() == Some(service) && task.is_wanted();
            self.tasks.change_each(
                |_, task| concerned(task) && task.containers.contains_key(name),
                |task| {
                    if let Some(container) = task.containers.get_mut(name) {
                        let runs = container.phase == Phase::Running || container.phase == Phase::Restarting;
                        container.to_restart = runs;
                    }
                },
            );
        }
    }

    /// A container was restarted and runs, or has ended since. If the restart failed, the engine's next report says
    /// what happened.
    pub fn container_restarted(&mut self, id: &TaskId, name: &ContainerName, ended: Option<ContainerExit>, now: Now) {
        let Some(container) = self.tasks.get_mut(id).and_then(|task| task.containers.get_mut(name)) else { return };
        if container.phase == Phase::Restarting {
            container.started_at = Some(now);
            container.phase = Phase::Running;
            if let Some(exit) = ended {
                container.ended(exit, now);
            }
        }
    }

    /// A container ended.
    pub fn container_exited(
        &mut self,
        id: &TaskId,
        name: &ContainerName,
        runtime_id: &str,
        exit: &ContainerExit,
        now: Now,
    ) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        let Some(container) = task.containers.get_mut(name) else { return };
        // A report about an earlier incarnation (restart policy) says nothing of this one.
        if container.runtime_id.as_deref().is_some_and(|known| known != runtime_id)
            && container.phase != Phase::Starting
        {
            return;
        }
        // That is how a restart begins; how it ends is reported by itself.
        if container.phase == Phase::Restarting {
            return;
        }
        if exit.out_of_memory {
            container.reason = Some(OUT_OF_MEMORY.to_owned());
        }
        container.runtime_id = Some(runtime_id.to_owned());
        container.ended(exit.clone(), now);
        task.has_ended(name, now);
    }

    /// A container was removed by something else.
    pub fn container_removed(&mut self, id: &TaskId, name: &ContainerName, runtime_id: &str, now: Now) {
        let ours = self.tasks.get(id).and_then(|task| task.containers.get(name)).is_some_and(|container| {
            container.runtime_id.as_deref() == Some(runtime_id)
                && matches!(container.phase, Phase::Running | Phase::Stopping)
        });
        if ours {
            self.lose_container(id, name, now);
        }
    }

    fn lose_container(&mut self, id: &TaskId, name: &ContainerName, now: Now) {
        let wanted = self.is_wanted(id);
        let Some(task) = self.tasks.get_mut(id) else { return };
        if let Some(container) = task.containers.get_mut(name) {
            if wanted {
                container.reason = Some("the container was removed outside neargate".to_owned());
            }
            container.ended(KILLED, now);
        }
        task.has_ended(name, now);
    }

    /// Whether the task should still run. For an unwanted task, a missing object is expected.
    fn is_wanted(&self, id: &TaskId) -> bool {
        !self.shutting_down && self.tasks.get(id).is_some_and(Task::is_wanted)
    }

    /// The result of a container's health check changed.
    pub fn container_health(
        &mut self,
        id: &TaskId,
        name: &ContainerName,
        runtime_id: &str,
        health: HealthStatus,
        now: Now,
    ) {
        if let Some(container) = self.tasks.get_mut(id).and_then(|task| task.containers.get_mut(name))
            && container.runtime_id.as_deref().is_none_or(|known| known == runtime_id)
        {
            if container.health != health {
                container.health_since = Some(now.timestamp);
            }
            container.health = health;
        }
    }

    /// The task's namespace is gone, so nothing in it can run any more.
    pub fn network_lost(&mut self, id: &TaskId, now: Now) {
        let reason = self.is_wanted(id).then(|| "the task's network namespace was removed outside neargate".to_owned());
        let Some(task) = self.tasks.get_mut(id) else { return };
        if !matches!(task.network, Network::Open(_)) {
            return;
        }
        for container in task.containers.values_mut().filter(|container| container.is_alive()) {
            container.reason = reason.clone();
            container.ended(KILLED, now);
        }
        if let Some(reason) = reason {
            task.fail_all_pending(&reason);
        }
    }

    /// The engine of a node listed all its containers. A container that ran there before and is not listed is gone.
    pub fn inventory(&mut self, node: &NodeName, listed: &BTreeSet<String>, now: Now) {
        self.nodes.asked(node, None);
        let is_waiting = |task: &Task| {
            task.close_retry.is_waiting() || task.containers.values().any(|one| one.stop_retry.is_waiting())
        };
        // The engine answers again: what it refused while it was away may be asked for at once.
        self.tasks.change_each(
            |_, task| is_waiting(task) && task.is_on(node),
            |task| {
                task.close_retry.hasten();
                task.containers.values_mut().for_each(|container| container.stop_retry.hasten());
            },
        );
        let mut lost = Vec::new();
        for task in self.tasks.values().filter(|task| matches!(task.network, Network::Open(_)) && task.is_on(node)) {
            for (name, container) in &task.containers {
                let missing = matches!(container.phase, Phase::Running | Phase::Stopping)
                    && container.runtime_id.as_ref().is_some_and(|id| !listed.contains(id));
                if missing {
                    lost.push((task.spec.id.clone(), name.clone()));
                }
            }
        }
        for (id, name) in lost {
            self.lose_container(&id, &name, now);
        }
    }

    /// Everything that was left of the task is gone.
    pub fn task_closed(&mut self, id: &TaskId, now: Now) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.network = Network::Closed;
        task.stopped_at = Some(now.timestamp);
        for container in task.containers.values_mut().filter(|container| !container.is_stopped()) {
            container.phase = Phase::Stopped(None);
        }
    }

    /// The engine could not remove the task; a later plan tries again. Returns the number of consecutive failures.
    pub fn task_not_closed(&mut self, id: &TaskId, now: Now) -> u32 {
        match self.tasks.get_mut(id) {
            Some(task) if task.network == Network::Closing => {
                task.network = Network::Missing;
                task.close_retry.failed(now.instant)
            }
            _ => 0,
        }
    }

    /// A probe of a target ended. Returns whether its health changed.
    pub fn target_probed(
        &mut self,
        group: &TargetGroupName,
        target: &Target,
        settings: &HealthCheck,
        probe: Probe,
        detail: String,
        now: Now,
    ) -> bool {
        let Some(record) = self
            .targets
            .get_mut(group)
            .and_then(|records| records.iter_mut().find(|record| record.target == *target))
            .filter(|record| record.draining_until.is_none())
            .map(Arc::make_mut)
        else {
            return false;
        };
        record.last_probe = Some(detail.clone());
        record.last_failure = unhealthy_reason(probe.outcome);
        let Some(change) = record.health.apply(settings, probe) else { return false };
        if let (TargetHealth::Unhealthy(reason), Some(task)) = (&change.to, &record.task) {
            let text = format!(
                "(task {task}) (port {}) is unhealthy in (target-group {}) due to (reason {reason}).",
                target.port,
                neargate_model::arn::Arn::target_group(group)
            );
            let failed = FailedHealthCheck { target_group: group.clone(), port: target.port, reason: *reason, detail };
            let failing = self.tasks.get_mut(task);
            if let Some(task) = failing {
                // Why a task stops that is stopping already is another matter.
                if task.is_wanted() {
                    task.failed_health_check = Some(failed);
                }
                if let Some(service) = task.spec.service()
                    && let Some(record) = self.services.get_mut(service)
                {
                    record.steady = false;
                    record.record_event(service, now.timestamp, text);
                }
            }
        }
        true
    }

    /// Nothing is in flight to a draining target any more, so it may leave before its delay is over.
    ///
    /// On AWS deregistration is then complete as well, but the target is still shown as `draining` until the delay is
    /// over (ALB user guide, "Deregistration delay"). Nothing waits for that, and it makes a deployment look stuck for
    /// five minutes, so neargate only does the same if the time scale is AWS's.
    pub fn target_drained(&mut self, group: &TargetGroupName, target: &Target, time_scale: TimeScale, now: Now) {
        if time_scale == TimeScale::REAL {
            return;
        }
        let records = self.targets.get_mut(group).into_iter().flatten();
        for record in records.filter(|record| record.target == *target && record.draining_until.is_some()) {
            Arc::make_mut(record).draining_until = Some(now.instant);
        }
    }

    /// A request to the target was answered with 504, because the target sent nothing during the idle timeout.
    pub fn target_silent(
        &mut self,
        group: &TargetGroupName,
        target: &Target,
        request: String,
        idle_timeout: Duration,
        now: Now,
    ) {
        let mut records = self.targets.get_mut(group).into_iter().flatten();
        let Some(record) = records.find(|record| record.target == *target).map(Arc::make_mut) else { return };
        let before = record.silence.as_ref().filter(|silence| silence.idle_timeout == idle_timeout);
        record.silence = Some(Silence {
            count: before.map_or(0, |silence| silence.count).saturating_add(1),
            last_request: request,
            last_at: now.timestamp,
            idle_timeout,
        });
    }

    /// A new file was applied: targets listed by address are added and removed, and so are groups.
    pub fn target_groups_wanted(&mut self, topology: &Topology, now: Now) {
        self.targets.retain(|group, _| topology.target_groups.contains_key(group));
        let used = topology.in_use();
        for (group, settings) in &topology.target_groups {
            let in_use = used.contains(group);
            let records = self.targets.get_or_insert_with(group.clone(), Vec::new);
            for record in records.iter_mut().map(Arc::make_mut) {
                record.health.set_in_use(in_use);
                let given = settings
                    .static_targets
                    .iter()
                    .any(|given| given.address == record.target.address && given.port == record.target.port);
                if record.task.is_none() && !given && record.draining_until.is_none() {
                    record.draining_until = Some(now.instant + settings.attributes.deregistration_delay);
                }
            }
            for given in &settings.static_targets {
                let target = Target { address: given.address, port: given.port };
                let known = records.iter().any(|record| record.target == target && record.draining_until.is_none());
                if !known {
                    records.retain(|record| record.target != target);
                    let dial = Some(SocketAddr::new(given.address, given.port));
                    records.push(Arc::new(TargetRecord::new(target, dial, HealthRecord::new(in_use))));
                }
            }
        }
    }

    /// An alarm was evaluated, with another result than before.
    pub fn alarm_changed(&mut self, alarm: AlarmName, state: AlarmState) {
        self.alarms.insert(alarm, state);
    }

    /// Somebody says what the service should run. If it was rolled back, that is compared with what it was rolled back to.
    pub fn rollback_accepted(&mut self, service: &ServiceName) {
        if let Some(record) = self.services.get_mut(service) {
            record.accept_rollback();
        }
    }

    /// A new file was applied: services appear, change or are dropped.
    ///
    /// A change of what the tasks run is a new deployment; a change of the desired count alone is not (ECS API,
    /// UpdateService).
    pub fn services_wanted(
        &mut self,
        wanted: &BTreeMap<ServiceName, Service>,
        new_deployments: &BTreeSet<ServiceName>,
        mut deployment_id: impl FnMut() -> DeploymentId,
        now: Now,
    ) {
        let raised_alarms = self.raised_alarms();
        let mut begun = Vec::new();
        self.services
            .change_each(|name, record| !record.dropped && !wanted.contains_key(name), |record| record.dropped = true);
        for (name, service) in wanted {
            let is_as_it_was = |record: &ServiceRecord| !record.dropped && *record.asked == *service;
            if self.services.get(name).is_some_and(is_as_it_was) && !new_deployments.contains(name) {
                continue;
            }
            let service = Arc::new(service.clone());
            let mut deployment = |service: Arc<Service>| {
                let endpoints = endpoints::of_deployment(&service, wanted.values()).into();
                let deployment = Deployment::new(deployment_id(), service, now);
                Deployment { ignored_alarms: raised_alarms.clone(), endpoints, ..deployment }
            };
            match self.services.get_mut(name) {
                None => {
                    let record = ServiceRecord::new(deployment(service));
                    self.services.insert(name.clone(), record);
                    begun.push(name);
                }
                Some(record) => {
                    let goes_on = record.goes_on_with(&service) && !new_deployments.contains(name);
                    // What failed and was rolled back is not tried again until it is asked for.
                    let settings = match record.goes_on_with(&service) {
                        true => {
                            record.update(Arc::clone(&service), now);
                            record.current_settings()
                        }
                        false => Arc::clone(&service),
                    };
                    record.asked = Arc::clone(&service);
                    record.dropped = false;
                    if !goes_on {
                        record.redeploy(deployment(settings));
                        begun.push(name);
                    }
                }
            }
        }
        begun.into_iter().for_each(|name| self.begin_lifecycle(name, now));
    }
}

/// No reason is longer (Amazon ECS container agent, `ecs-agent/api/ecs/client`, ecsMaxContainerReasonLength).
const LONGEST_REASON: usize = 1024;

fn trimmed(reason: Reason) -> Reason {
    reason.chars().take(LONGEST_REASON).collect()
}

impl Task {
    /// A container of a task that is to stop has ended. That of one that is to run may be restarted.
    fn has_ended(&mut self, name: &ContainerName, now: Now) {
        if self.stop.is_some() && self.spec.definition.container(name).is_some_and(|definition| definition.essential) {
            self.execution_stopped(now);
        }
    }

    fn fail_all_pending(&mut self, reason: &str) {
        for container in self.containers.values_mut() {
            if container.phase == Phase::Pending {
                container.phase = Phase::Stopped(None);
                container.reason = Some(reason.to_owned());
                container.failing = Failing::Task;
            }
        }
    }
}
