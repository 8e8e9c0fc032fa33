//! Builds the view of a snapshot: the state in ECS's and ELBv2's terms.

use std::collections::BTreeMap;

use super::scaling::ScalingView;
use super::service_deployments;
use super::shape::{
    ClusterView, ContainerView, DeploymentView, EventView, FailedHealthCheckView, ImageView, ListenerView, NameView,
    ServiceView, SilenceView, TargetGroupView, TargetView, TaskView,
};
use super::words::{DeploymentStatus, ImageStatus, Protocol, Word};
use crate::control::snapshot::{Bindings, Snapshot};
use crate::ecs::count::Counts;
use crate::ecs::images::naming;
use crate::ecs::log_stream::LogStream;
use crate::ecs::registration;
use crate::ecs::world::{
    Deployment, FailedHealthCheck, ImageState, Phase, Preparation, ServiceRecord, TargetRecord, Task, World,
};
use crate::machine::trust::reach;
use crate::model::arn::Arn;
use crate::model::listener::ListenerProtocol;
use crate::model::service::LoadBalancerBinding;
use crate::model::target_health::TargetHealth;
use crate::model::task::DesiredStatus;
use crate::model::task_definition::ContainerDefinition;
use crate::model::{ServiceName, TargetGroupName, Topology};

impl From<&Snapshot> for ClusterView {
    /// Everything that is wanted and known, as everyone may see it.
    fn from(snapshot: &Snapshot) -> Self {
        let Snapshot { generation, topology, left_alone, world, bindings } = snapshot;
        let mut tasks = by_service(world);
        let standalone = tasks.remove(&None).unwrap_or_default();
        Self {
            generation: *generation,
            project: topology.name.to_string(),
            cluster: topology.cluster.to_string(),
            domains: topology.domains.iter().map(ToString::to_string).collect(),
            names: reach::names(topology)
                .into_iter()
                .map(|(address, name)| NameView { name: name.to_string(), address })
                .collect(),
            listeners: listeners(topology, bindings),
            images: images(topology, world),
            services: world
                .services
                .iter()
                .map(|(name, record)| {
                    service(topology, world, name, record, &tasks.remove(&Some(name)).unwrap_or_default())
                })
                .collect(),
            tasks: standalone.iter().map(|shown| task(topology, world, shown)).collect(),
            target_groups: target_groups(topology, world),
            weights: service_deployments::weights(topology),
            left_alone: left_alone.iter().map(ToString::to_string).collect(),
            trouble: world.nodes.trouble().or_else(|| match &world.project {
                Preparation::Failed { reason, .. } => Some(reason.clone()),
                _ => None,
            }),
            metadata_trouble: world.metadata_trouble.clone(),
            shutting_down: world.shutting_down,
            ready: snapshot.is_ready(),
            at_rest: world.is_at_rest(),
        }
    }
}

fn listeners(topology: &Topology, bindings: &Bindings) -> Vec<ListenerView> {
    let several = topology.has_several_load_balancers();
    topology
        .listeners()
        .map(|(balancer, listener)| (balancer, listener, bindings.get(&(balancer.name.clone(), listener.port))))
        .map(|(balancer, listener, bound)| ListenerView {
            load_balancer: several.then(|| balancer.name.to_string()),
            bind_address: several.then_some(balancer.bind_address),
            port: listener.port,
            bind_port: listener.bind_port,
            protocol: match listener.protocol {
                ListenerProtocol::Http => Protocol::Http.into(),
                ListenerProtocol::Https(_) => Protocol::Https.into(),
            },
            bound: matches!(bound, Some(Ok(()))),
            error: bound.and_then(|result| result.clone().err()),
        })
        .collect()
}

fn images(topology: &Topology, world: &World) -> Vec<ImageView> {
    let mut used_by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, service) in &topology.services {
        for container in &service.task_definition.containers {
            let image = naming::reference(&topology.name, name, service, container);
            used_by.entry(image).or_default().push(format!("{name}/{}", container.name));
        }
    }
    world
        .images
        .iter()
        .map(|(reference, image)| {
            let (status, detail) = match &image.state {
                ImageState::Missing => (ImageStatus::Waiting, None),
                ImageState::Providing if image.built => (ImageStatus::Building, image.progress.clone()),
                ImageState::Providing => (ImageStatus::Pulling, image.progress.clone()),
                ImageState::Ready => (ImageStatus::Ready, None),
                ImageState::Failed(reason) => (ImageStatus::Failed, Some(reason.clone())),
            };
            let origin = image.provided.as_ref().filter(|_| image.state == ImageState::Ready);
            ImageView {
                image: reference.clone(),
                containers: used_by.get(reference).cloned().unwrap_or_default(),
                build: image.built,
                origin: origin.map(|provided| provided.origin.into()),
                status: status.into(),
                detail,
            }
        })
        .collect()
}

/// The tasks of each service, and under `None` those that have none.
fn by_service(world: &World) -> BTreeMap<Option<&ServiceName>, Vec<&Task>> {
    let mut tasks: BTreeMap<Option<&ServiceName>, Vec<&Task>> = BTreeMap::new();
    for task in world.tasks.values() {
        tasks.entry(task.spec.service()).or_default().push(task);
    }
    for tasks in tasks.values_mut() {
        tasks.sort_by_key(|task| (task.is_stopped(), task.sequence));
    }
    tasks
}

fn service(
    topology: &Topology,
    world: &World,
    name: &ServiceName,
    record: &ServiceRecord,
    tasks: &[&Task],
) -> ServiceView {
    let deployments: Vec<DeploymentView> =
        record.deployments().map(|deployment| self::deployment(record, deployment, tasks)).collect();
    let Counts { running, pending } = Counts::of(tasks.iter().copied());
    ServiceView {
        service_name: name.to_string(),
        task_definition: record.primary.task_definition(),
        desired_count: record.wanted().map_or(0, |service| service.desired_count),
        running_count: running,
        pending_count: pending,
        deployment: record.primary.id.to_string(),
        rollout_state: record.primary.rollout.into(),
        failed_tasks: record.primary.failed_tasks,
        deployments,
        failed_deployment: record.given_up.as_ref().map(|failed| deployment(record, failed, tasks)),
        scaling: ScalingView::new(topology, world, name),
        service_deployment: service_deployments::of_service(record),
        tasks: tasks.iter().map(|shown| task(topology, world, shown)).collect(),
        events: record
            .events
            .iter()
            .map(|event| EventView { created_at: event.at.to_string(), message: event.message.clone() })
            .collect(),
    }
}

fn deployment(record: &ServiceRecord, deployment: &Deployment, tasks: &[&Task]) -> DeploymentView {
    let own = tasks.iter().copied().filter(|task| task.spec.deployment() == Some(&deployment.id));
    let Counts { running, pending } = Counts::of(own);
    let is_primary = deployment.id == record.primary.id;
    DeploymentView {
        id: deployment.id.to_string(),
        status: if is_primary { DeploymentStatus::Primary } else { DeploymentStatus::Active }.into(),
        task_definition: deployment.task_definition(),
        desired_count: match (is_primary || record.keeps(&deployment.id), record.wanted()) {
            (true, Some(service)) => service.desired_count,
            (true, None) => 0,
            // What is left of it until the PRIMARY deployment takes over.
            (false, _) => running + pending,
        },
        pending_count: pending,
        running_count: running,
        failed_tasks: deployment.failed_tasks,
        rollout_state: deployment.rollout.into(),
        rollout_state_reason: deployment.failed_stage_reason().unwrap_or_else(|| deployment.rollout_state_reason()),
        created_at: deployment.created_at.to_string(),
        updated_at: deployment.updated_at.to_string(),
        traffic: service_deployments::traffic(record, deployment),
    }
}

fn task(topology: &Topology, world: &World, task: &Task) -> TaskView {
    TaskView {
        task_id: task.spec.id.to_string(),
        task_arn: Arn::task(&topology.cluster, &task.spec.id).to_string(),
        last_status: task.status().into(),
        desired_status: if task.is_wanted() { DesiredStatus::Running } else { DesiredStatus::Stopped }.into(),
        health_status: task.health().into(),
        availability_zone: task.zone().map(ToString::to_string),
        node: task.spec.node.as_ref().map(ToString::to_string),
        private_ipv4_address: task.address().map(|address| address.to_string()),
        started_by: task.spec.started_by().unwrap_or_default().to_owned(),
        group: task.spec.group(),
        task_definition: task.spec.task_definition(),
        created_at: task.created_at.to_string(),
        connectivity_at: task.connected_at.map(|at| at.to_string()),
        pull_started_at: task.pull_started_at.map(|at| at.to_string()),
        pull_stopped_at: task.pull_stopped_at.map(|at| at.to_string()),
        started_at: task.running_since.map(|since| since.timestamp.to_string()),
        stopping_at: task.stop.as_ref().map(|stop| stop.at.timestamp.to_string()),
        execution_stopped_at: task.execution_stopped_at.map(|at| at.to_string()),
        stopped_at: task.stopped_at.map(|at| at.to_string()),
        stop_code: task.stop.as_ref().map(|stop| stop.code.into()),
        stopped_reason: task.stop.as_ref().map(|stop| stop.reason.clone()),
        protected_until: task.protection.as_ref().map(|protection| protection.expires_at.to_string()),
        failed_health_check: task.failed_health_check.as_ref().map(|failed| failed_health_check(world, task, failed)),
        containers: task.spec.definition.containers.iter().map(|definition| container(task, definition)).collect(),
    }
}

fn failed_health_check(world: &World, task: &Task, failed: &FailedHealthCheck) -> FailedHealthCheckView {
    let health = TargetHealth::Unhealthy(failed.reason);
    FailedHealthCheckView {
        target_group: failed.target_group.to_string(),
        port: failed.port,
        container: container_behind(world, task, &failed.target_group, failed.port).unwrap_or_default(),
        reason: health.reason().map(Word::from),
        description: health.description(),
        last_probe: Some(failed.detail.clone()),
    }
}

fn failure(record: &TargetRecord) -> Option<TargetHealth> {
    record.last_failure.map(TargetHealth::Unhealthy)
}

/// The container that a target stands for.
fn container_behind(world: &World, task: &Task, group: &TargetGroupName, port: u16) -> Option<String> {
    let deployment = world.deployment_of(task).or_else(|| world.service_of(task).map(|record| &record.primary));
    let service = &deployment?.service;
    let stands_for = |binding: &&LoadBalancerBinding| binding.target_group == *group && binding.port == port;
    service.load_balancers.iter().find(stands_for).map(|binding| binding.container.to_string())
}

fn container(task: &Task, definition: &ContainerDefinition) -> ContainerView {
    let state = &task.containers[&definition.name];
    let LogStream { group: log_group, name: log_stream } = LogStream::new(&task.spec, definition);
    ContainerView {
        name: definition.name.to_string(),
        image: task.spec.image(definition).to_owned(),
        last_status: state.status().into(),
        health_status: state.health.into(),
        runtime_id: state.runtime_id.clone(),
        exit_code: state.exit().map(|exit| exit.exit_code),
        reason: state.reason.clone(),
        restart_count: state.restarts,
        stop_requested: state.phase == Phase::Stopping,
        stop_timeout: definition.stop_timeout.as_secs(),
        essential: definition.essential,
        log_group,
        log_stream,
        ports: definition.port_mappings.iter().map(|mapping| mapping.container_port).collect(),
    }
}

fn target_groups(topology: &Topology, world: &World) -> Vec<TargetGroupView> {
    let states = registration::states(topology, world);
    let used = topology.in_use();
    let several = topology.has_several_load_balancers();
    topology
        .target_groups
        .iter()
        .map(|(name, settings)| {
            let check = &settings.health_check;
            let port = check.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string());
            let records = world.targets.get(name).map(Vec::as_slice).unwrap_or_default();
            let states = states.get(name).map(Vec::as_slice).unwrap_or_default();
            TargetGroupView {
                name: name.to_string(),
                load_balancer: topology
                    .load_balancer_of(name)
                    .filter(|_| several && used.contains(name))
                    .map(|balancer| balancer.name.to_string()),
                arn: Arn::target_group(name).to_string(),
                in_use: used.contains(name),
                health_check: format!("{port}{}", check.path),
                targets: records
                    .iter()
                    .zip(states)
                    .map(|(record, state)| TargetView {
                        id: state.target.address.to_string(),
                        port: state.target.port,
                        state: state.health.state().into(),
                        reason: state.health.reason().map(Word::from),
                        description: state.health.description(),
                        last_probe: record.last_probe.clone(),
                        last_probe_reason: failure(record).and_then(|failure| failure.reason()).map(Word::from),
                        last_probe_description: failure(record).and_then(|failure| failure.description()),
                        task_id: record.task.as_ref().map(ToString::to_string),
                        container: record
                            .task
                            .as_ref()
                            .and_then(|id| container_behind(world, world.tasks.get(id)?, name, state.target.port)),
                        reachable: state.reachable,
                        silence: record.silence.as_ref().map(|silence| SilenceView {
                            count: silence.count,
                            last_request: silence.last_request.clone(),
                            last_at: silence.last_at.to_string(),
                            idle_timeout: silence.idle_timeout.as_secs(),
                        }),
                    })
                    .collect(),
            }
        })
        .collect()
}
