//! What everyone else may see of the state: one immutable value with a generation number.
//!
//! This is also the documented shape of `--format json`: names are ECS's and ELBv2's, fields are only ever added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::arn;
use crate::engine::targets;
use crate::engine::world::{ImageState, Preparation, ServiceRecord, Task, World};
use crate::model::task_definition::ContainerDefinition;
use crate::model::{ServiceName, Topology};

/// The stack at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// Grows with every view published.
    pub generation: u64,
    /// The project's name.
    pub project: String,
    /// The ECS cluster's name.
    pub cluster: String,
    /// Names the certificate covers.
    pub domains: Vec<String>,
    /// Listeners of the load balancer.
    pub listeners: Vec<ListenerView>,
    /// Images being built or pulled, or there.
    pub images: Vec<ImageView>,
    /// Services with their tasks.
    pub services: Vec<ServiceView>,
    /// Target groups with their targets.
    pub target_groups: Vec<TargetGroupView>,
    /// Something is wrong with the engine or with what all tasks share; in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
    /// The stack is being taken down.
    pub shutting_down: bool,
    /// Every service runs what it should, every target group in use has only healthy targets, every listener is
    /// bound: what `--wait` waits for.
    pub ready: bool,
    /// No task is alive.
    pub at_rest: bool,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerView {
    /// The port of the file.
    pub port: u16,
    /// The port that is really bound.
    pub bind_port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Whether clients can connect.
    pub bound: bool,
    /// Why not, with the fix.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageView {
    /// Its reference.
    pub image: String,
    /// `WAITING`, `BUILDING`, `PULLING`, `READY` or `FAILED`.
    pub status: String,
    /// The last line of progress, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceView {
    /// `serviceName`
    pub service_name: String,
    /// `family:number`; the number counts deployments of this run.
    pub task_definition: String,
    /// `desiredCount`
    pub desired_count: u32,
    /// `runningCount`
    pub running_count: u32,
    /// `pendingCount`
    pub pending_count: u32,
    /// Id of the PRIMARY deployment.
    pub deployment: String,
    /// `rolloutState`
    pub rollout_state: String,
    /// `failedTasks`
    pub failed_tasks: u32,
    /// Living tasks first, then the last stopped ones.
    pub tasks: Vec<TaskView>,
    /// Newest last.
    pub events: Vec<EventView>,
}

/// A service event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// RFC 3339.
    pub created_at: String,
    /// In ECS's words.
    pub message: String,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// The last part of its ARN.
    pub task_id: String,
    /// Its ARN.
    pub task_arn: String,
    /// `lastStatus`
    pub last_status: String,
    /// `desiredStatus`
    pub desired_status: String,
    /// `healthStatus`
    pub health_status: String,
    /// The address of its network interface.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub private_ipv4_address: Option<String>,
    /// `createdAt`, RFC 3339.
    pub created_at: String,
    /// `startedAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<String>,
    /// `stoppedAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped_at: Option<String>,
    /// `stopCode`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stop_code: Option<String>,
    /// `stoppedReason`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped_reason: Option<String>,
    /// Its containers, in the order of the task definition.
    pub containers: Vec<ContainerView>,
}

impl TaskView {
    /// Why it stopped, for people, who see the containers' own reasons beside it and need not read one twice.
    pub fn why_stopped(&self) -> Option<String> {
        let (code, reason) = (self.stop_code.as_ref()?, self.stopped_reason.as_ref()?);
        let told_by = self.containers.iter().find(|container| container.reason.as_ref() == Some(reason));
        Some(match told_by {
            Some(container) => format!("{code}: container {}", container.name),
            None => format!("{code}: {reason}"),
        })
    }
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerView {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// `lastStatus`
    pub last_status: String,
    /// `healthStatus`
    pub health_status: String,
    /// The engine's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub runtime_id: Option<String>,
    /// `exitCode`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i64>,
    /// `reason`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// `RestartCount`: how often its restart policy brought it back.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub restart_count: u32,
    /// Its exit stops the task.
    pub essential: bool,
    /// `awslogs-group` and stream of its output.
    pub log_group: String,
    /// See `log_group`.
    pub log_stream: String,
    /// Declared ports.
    pub ports: Vec<u16>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetGroupView {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Whether a rule forwards to it.
    pub in_use: bool,
    /// `HTTP:8000/health`, for people.
    pub health_check: String,
    /// Its targets.
    pub targets: Vec<TargetView>,
}

/// A target, as `DescribeTargetHealth` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetView {
    /// Its address.
    pub id: String,
    /// Its port.
    pub port: u16,
    /// `State`
    pub state: String,
    /// `Reason`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// `Description`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// What the last probe found, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_probe: Option<String>,
    /// The task behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_id: Option<String>,
    /// The container behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub container: Option<String>,
    /// Whether security groups let the load balancer in.
    pub reachable: bool,
}

/// Whether a listener's port is bound, as the data plane reported it.
pub type Bindings = BTreeMap<u16, Result<(), String>>;

/// Everything that is known, as everyone may see it.
pub fn of(topology: &Topology, world: &World, bindings: &Bindings, generation: u64) -> ClusterView {
    let listeners: Vec<ListenerView> = topology
        .load_balancer
        .listeners
        .iter()
        .map(|listener| ListenerView {
            port: listener.port,
            bind_port: listener.bind_port,
            protocol: match listener.protocol {
                crate::model::listener::ListenerProtocol::Http => "HTTP".to_owned(),
                crate::model::listener::ListenerProtocol::Https(_) => "HTTPS".to_owned(),
            },
            bound: matches!(bindings.get(&listener.port), Some(Ok(()))),
            error: bindings.get(&listener.port).and_then(|result| result.clone().err()),
        })
        .collect();
    let services: Vec<ServiceView> =
        world.services.iter().map(|(name, record)| service(topology, world, name, record)).collect();
    let target_groups = target_groups(topology, world);
    let ready = !world.shutting_down
        && listeners.iter().all(|listener| listener.bound)
        && world.services.values().all(|record| record.steady)
        && target_groups
            .iter()
            .filter(|group| group.in_use)
            .all(|group| group.targets.iter().all(|target| matches!(target.state.as_str(), "healthy" | "draining")));
    ClusterView {
        generation,
        project: topology.name.to_string(),
        cluster: topology.cluster.to_string(),
        domains: topology.domains.iter().map(ToString::to_string).collect(),
        listeners,
        images: images(world),
        services,
        target_groups,
        trouble: world.engine_trouble.clone().or_else(|| match &world.project {
            Preparation::Failed { reason, .. } => Some(reason.clone()),
            _ => None,
        }),
        shutting_down: world.shutting_down,
        ready,
        at_rest: world.is_at_rest(),
    }
}

fn images(world: &World) -> Vec<ImageView> {
    world
        .images
        .iter()
        .map(|(reference, image)| {
            let (status, detail) = match &image.state {
                ImageState::Missing => ("WAITING", None),
                ImageState::Providing if image.built => ("BUILDING", image.progress.clone()),
                ImageState::Providing => ("PULLING", image.progress.clone()),
                ImageState::Ready => ("READY", None),
                ImageState::Failed(reason) => ("FAILED", Some(reason.clone())),
            };
            ImageView { image: reference.clone(), status: status.to_owned(), detail }
        })
        .collect()
}

fn service(topology: &Topology, world: &World, name: &ServiceName, record: &ServiceRecord) -> ServiceView {
    let mut tasks: Vec<&Task> = world.tasks.values().filter(|task| task.spec.service == *name).collect();
    tasks.sort_by_key(|task| (task.is_stopped(), task.sequence));
    let wanted = tasks.iter().filter(|task| task.is_wanted());
    let (running, pending): (Vec<&&Task>, Vec<&&Task>) = wanted.partition(|task| task.running_since.is_some());
    let family = record.wanted.as_ref().map_or("-", |service| service.task_definition.family.as_str());
    ServiceView {
        service_name: name.to_string(),
        task_definition: format!("{family}:{}", record.deployment.number),
        desired_count: record.wanted.as_ref().map_or(0, |service| service.desired_count),
        running_count: running.len() as u32,
        pending_count: pending.len() as u32,
        deployment: record.deployment.id.clone(),
        rollout_state: if record.deployment.completed { "COMPLETED" } else { "IN_PROGRESS" }.to_owned(),
        failed_tasks: record.deployment.failed_tasks,
        tasks: tasks.into_iter().map(|shown| task(topology, shown)).collect(),
        events: record
            .events
            .iter()
            .map(|event| EventView { created_at: event.at.to_string(), message: event.message.clone() })
            .collect(),
    }
}

fn task(topology: &Topology, task: &Task) -> TaskView {
    TaskView {
        task_id: task.spec.id.to_string(),
        task_arn: arn::task(&topology.cluster, &task.spec.id),
        last_status: task.status().to_string(),
        desired_status: if task.is_wanted() { "RUNNING" } else { "STOPPED" }.to_owned(),
        health_status: task.health().to_string(),
        private_ipv4_address: task.address().map(|address| address.to_string()),
        created_at: task.created_at.to_string(),
        started_at: task.running_since.map(|since| since.timestamp.to_string()),
        stopped_at: task.stopped_at.map(|at| at.to_string()),
        stop_code: task.stop.as_ref().map(|stop| stop.code.to_string()),
        stopped_reason: task.stop.as_ref().map(|stop| stop.reason.clone()),
        containers: task.spec.definition.containers.iter().map(|definition| container(task, definition)).collect(),
    }
}

fn container(task: &Task, definition: &ContainerDefinition) -> ContainerView {
    let state = &task.containers[&definition.name];
    let (log_group, log_stream) = log_destination(task, definition);
    ContainerView {
        name: definition.name.to_string(),
        image: definition.image.clone(),
        last_status: state.status().to_string(),
        health_status: state.health.to_string(),
        runtime_id: state.runtime_id.clone(),
        exit_code: state.exit().map(|exit| exit.exit_code),
        reason: state.reason.clone(),
        restart_count: state.restarts,
        essential: definition.essential,
        log_group,
        log_stream,
        ports: definition.port_mappings.iter().map(|mapping| mapping.container_port).collect(),
    }
}

/// Log group and stream of a container: `prefix/container/task-id` (ECS developer guide, "awslogs log driver"). One
/// without log configuration, whose output Fargate would lose, is kept under the family's name.
fn log_destination(task: &Task, definition: &ContainerDefinition) -> (String, String) {
    let (group, prefix) = match &definition.log_configuration {
        Some(configuration) => (configuration.group.clone(), configuration.stream_prefix.as_str()),
        None => (format!("/ecs/{}", task.spec.definition.family), "ecs"),
    };
    (group, format!("{prefix}/{}/{}", definition.name, task.spec.id))
}

fn target_groups(topology: &Topology, world: &World) -> Vec<TargetGroupView> {
    let states = targets::states(topology, world);
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
                arn: arn::target_group(name),
                in_use: topology.is_in_use(name),
                health_check: format!("{port}{}", check.path),
                targets: records
                    .iter()
                    .zip(states)
                    .map(|(record, state)| TargetView {
                        id: state.target.address.to_string(),
                        port: state.target.port,
                        state: state.health.state().to_owned(),
                        reason: state.health.reason().map(str::to_owned),
                        description: state.health.description(),
                        last_probe: record.last_probe.clone(),
                        task_id: record.task.as_ref().map(ToString::to_string),
                        container: record.task.as_ref().and_then(|id| {
                            let service = topology.services.get(&world.tasks.get(id)?.spec.service)?;
                            let binding = service
                                .load_balancers
                                .iter()
                                .find(|binding| binding.target_group == *name && binding.port == state.target.port)?;
                            Some(binding.container.to_string())
                        }),
                        reachable: state.reachable,
                    })
                    .collect(),
            }
        })
        .collect()
}
