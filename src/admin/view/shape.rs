//! The shapes of the view, with a field for everything that people and programs see.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::scaling::ScalingView;
use super::words::{DeploymentStatus, ImageStatus, Protocol, Word};
use crate::ecs::service::lifecycle::progress::HookStatus;
use crate::ecs::service::lifecycle::status::ServiceDeploymentStatus;
use crate::ecs::world::RolloutState;
use crate::model::LoadBalancerName;
use crate::model::image::ImageOrigin;
use crate::model::rule::ListenerRule;
use crate::model::strategy::LifecycleStage;
use crate::model::target_health::{TargetHealthReason, TargetHealthState};
use crate::model::task::{ContainerStatus, DesiredStatus, HealthStatus, StopCode, TaskStatus};

/// The stack at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// Grows with every change of the state, shown here or not.
    pub generation: u64,
    /// The project's name.
    pub project: String,
    /// The ECS cluster's name.
    pub cluster: String,
    /// Names the certificate covers.
    pub domains: Vec<String>,
    /// Where each name leads: those of the file, and those of Route 53.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub names: Vec<NameView>,
    /// Listeners of the load balancer.
    pub listeners: Vec<ListenerView>,
    /// Images being built or pulled, or there.
    pub images: Vec<ImageView>,
    /// Services with their tasks.
    pub services: Vec<ServiceView>,
    /// Tasks that belong to no service.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tasks: Vec<TaskView>,
    /// Target groups with their targets.
    pub target_groups: Vec<TargetGroupView>,
    /// The listener rules whose weights ECS sets.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub weights: Vec<RuleWeightsView>,
    /// Where the file does not apply, because commands have changed something since; in words.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub left_alone: Vec<String>,
    /// Something is wrong with the engine or with what all tasks share; in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
    /// Why tasks cannot reach their metadata endpoint, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metadata_trouble: Option<String>,
    /// The stack is being taken down.
    pub shutting_down: bool,
    /// Every service runs what it should, every target group in use has only healthy targets, every listener is
    /// bound: what `--wait` waits for.
    pub ready: bool,
    /// No task is alive.
    pub at_rest: bool,
}

impl ClusterView {
    /// The listener of a load balancer with this port.
    pub fn listener(&self, load_balancer: &str, port: u16) -> Option<&ListenerView> {
        let is_of_it =
            |listener: &&ListenerView| listener.load_balancer.as_deref().is_none_or(|name| name == load_balancer);
        self.listeners.iter().filter(is_of_it).find(|listener| listener.port == port)
    }

    /// Whether an image is still to be built or pulled.
    pub fn is_waiting_for_images(&self) -> bool {
        self.images.iter().any(ImageView::is_on_its_way)
    }
}

/// A name and the address that it leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameView {
    /// The name, which may be a wildcard.
    pub name: String,
    /// An address of this machine.
    pub address: IpAddr,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerView {
    /// Whose it is, if there are several load balancers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load_balancer: Option<String>,
    /// The local address that is bound, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bind_address: Option<IpAddr>,
    /// The port of the file.
    pub port: u16,
    /// The port that is really bound.
    pub bind_port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: Word<Protocol>,
    /// Whether clients can connect.
    pub bound: bool,
    /// Why not, with the fix.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

impl ListenerView {
    /// `HTTPS:443`, after the name of its load balancer if there are several.
    pub fn title(&self) -> String {
        let of = self.load_balancer.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
        format!("{of}{}:{}", self.protocol, self.port)
    }
}

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageView {
    /// What it is called on this machine.
    pub image: String,
    /// Who runs it, as `service/container`.
    #[serde(default)]
    pub containers: Vec<String>,
    /// Made here rather than pulled.
    #[serde(default)]
    pub build: bool,
    /// When `READY`: `built`, `cached` (built again, and nothing had changed), `pulled` or `there already`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<Word<ImageOrigin>>,
    /// `WAITING`, `BUILDING`, `PULLING`, `READY` or `FAILED`.
    pub status: Word<ImageStatus>,
    /// The last line of progress, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

impl ImageView {
    /// Whether it is still to be built or pulled.
    pub fn is_on_its_way(&self) -> bool {
        matches!(self.status.known(), Some(ImageStatus::Waiting | ImageStatus::Building | ImageStatus::Pulling))
    }
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceView {
    /// `serviceName`
    pub service_name: String,
    /// `family:revision` of the PRIMARY deployment.
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
    pub rollout_state: Word<RolloutState>,
    /// `failedTasks`
    pub failed_tasks: u32,
    /// `deployments`, newest first: the PRIMARY one, then those whose tasks it replaces.
    #[serde(default)]
    pub deployments: Vec<DeploymentView>,
    /// The last deployment, if it failed: also after it was rolled back, until the next one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_deployment: Option<DeploymentView>,
    /// How it is scaled, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingView>,
    /// The last deployment, as DescribeServiceDeployments describes it.
    #[serde(default)]
    pub service_deployment: ServiceDeploymentView,
    /// Living tasks first, then the last stopped ones.
    pub tasks: Vec<TaskView>,
    /// Newest last.
    pub events: Vec<EventView>,
}

/// A deployment of a service, as DescribeServices describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentView {
    /// `ecs-svc/` and 19 digits.
    pub id: String,
    /// `PRIMARY` or `ACTIVE`.
    pub status: Word<DeploymentStatus>,
    /// `family:revision`
    pub task_definition: String,
    /// `desiredCount`
    pub desired_count: u32,
    /// `pendingCount`
    pub pending_count: u32,
    /// `runningCount`
    pub running_count: u32,
    /// `failedTasks`
    pub failed_tasks: u32,
    /// `rolloutState`
    pub rollout_state: Word<RolloutState>,
    /// `rolloutStateReason`
    pub rollout_state_reason: String,
    /// `createdAt`, RFC 3339.
    pub created_at: String,
    /// `updatedAt`, RFC 3339.
    pub updated_at: String,
    /// Its part of the traffic, where ECS shifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficView>,
}

/// A part of the traffic, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficView {
    /// Of the production listener rule.
    pub production: f64,
    /// Of the test listener rule, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<f64>,
}

/// A deployment of a service from its beginning to its end, with what it is rolled back to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDeploymentView {
    /// `status`
    pub status: Word<ServiceDeploymentStatus>,
    /// `statusReason`, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// `lifecycleStage`, while traffic is shifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle_stage: Option<Word<LifecycleStage>>,
    /// `lifecycleHookDetails`: the hooks that are asked at this stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifecycle_hook_details: Vec<HookView>,
}

impl ServiceDeploymentView {
    /// Whether somebody is to decide about it.
    pub fn is_paused(&self) -> bool {
        self.lifecycle_hook_details.iter().any(|hook| hook.status == HookStatus::AwaitingAction)
    }
}

/// A lifecycle hook that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookView {
    /// `targetType`: `AWS_LAMBDA` or `PAUSE`.
    pub target_type: String,
    /// `targetArn`, or the command where no function is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_arn: Option<String>,
    /// `status`
    pub status: Word<HookStatus>,
}

/// The weights of a listener rule that ECS changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleWeightsView {
    /// Whose listener it is in.
    pub load_balancer: String,
    /// The listener's port.
    pub listener: u16,
    /// Absent for the default rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// Its target groups, as they are now.
    pub target_groups: Vec<WeightView>,
}

impl RuleWeightsView {
    /// Which rule.
    pub fn rule(&self) -> ListenerRule {
        let load_balancer = LoadBalancerName::new(&self.load_balancer);
        ListenerRule { load_balancer, listener: self.listener, priority: self.priority }
    }
}

/// A target group of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightView {
    /// Its name.
    pub target_group: String,
    /// 0 to 999.
    pub weight: u16,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// The last part of its ARN.
    pub task_id: String,
    /// Its ARN.
    pub task_arn: String,
    /// `lastStatus`
    pub last_status: Word<TaskStatus>,
    /// `desiredStatus`
    pub desired_status: Word<DesiredStatus>,
    /// `healthStatus`
    pub health_status: Word<HealthStatus>,
    /// `availabilityZone`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub availability_zone: Option<String>,
    /// The machine that it is on, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub node: Option<String>,
    /// The address of its network interface.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub private_ipv4_address: Option<String>,
    /// `startedBy`: the deployment that started it, or the caller of RunTask.
    #[serde(default)]
    pub started_by: String,
    /// `group`: `service:` and the service's name, or `family:` and the family.
    #[serde(default)]
    pub group: String,
    /// `family:revision`
    #[serde(default)]
    pub task_definition: String,
    /// `createdAt`, RFC 3339.
    pub created_at: String,
    /// `connectivityAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connectivity_at: Option<String>,
    /// `pullStartedAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pull_started_at: Option<String>,
    /// `pullStoppedAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pull_stopped_at: Option<String>,
    /// `startedAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<String>,
    /// `stoppingAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopping_at: Option<String>,
    /// `executionStoppedAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub execution_stopped_at: Option<String>,
    /// `stoppedAt`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped_at: Option<String>,
    /// `stopCode`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stop_code: Option<Word<StopCode>>,
    /// `stoppedReason`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped_reason: Option<String>,
    /// `expirationDate` of its protection from being scaled in, which may be over. RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub protected_until: Option<String>,
    /// The health check that made the load balancer call its target unhealthy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed_health_check: Option<FailedHealthCheckView>,
    /// Its containers, in the order of the task definition.
    pub containers: Vec<ContainerView>,
}

impl TaskView {
    /// Why it stopped; where its own reason says nothing, also the reason of the container that did not start.
    pub fn whole_reason(&self) -> Option<String> {
        let reason = self.stopped_reason.as_ref()?;
        let tells_more = |container: &&ContainerView| {
            container.exit_code.is_none()
                && container.reason.as_ref().is_some_and(|of_container| of_container != reason)
        };
        let container = self.containers.iter().filter(|container| container.essential).find(tells_more);
        Some(match container.and_then(|container| Some((&container.name, container.reason.as_ref()?))) {
            Some((name, of_container)) => format!("{reason}; container {name}: {of_container}"),
            None => reason.clone(),
        })
    }

    /// Until when it is protected from being scaled in.
    pub fn protection(&self, now: Timestamp) -> Option<Timestamp> {
        let until: Timestamp = self.protected_until.as_ref()?.parse().ok()?;
        (now < until && self.stop_code.is_none()).then_some(until)
    }

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

/// Why a target of a task became unhealthy, kept when the target is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedHealthCheckView {
    /// The target group's name.
    pub target_group: String,
    /// The target's port.
    pub port: u16,
    /// The container behind it.
    pub container: String,
    /// `Reason`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Word<TargetHealthReason>>,
    /// `Description`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// What the probe found, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_probe: Option<String>,
}

impl FailedHealthCheckView {
    /// The status code of a `Target.ResponseCodeMismatch`.
    pub fn code(&self) -> Option<u16> {
        self.description.as_deref().and_then(status_code)
    }
}

/// The code in `Health checks failed with these codes: [500]`.
pub fn status_code(description: &str) -> Option<u16> {
    description.split_once('[')?.1.strip_suffix(']')?.parse().ok()
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerView {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// `lastStatus`
    pub last_status: Word<ContainerStatus>,
    /// `healthStatus`
    pub health_status: Word<HealthStatus>,
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
    /// It was told to stop, and has not stopped yet.
    #[serde(skip_serializing_if = "is_false", default)]
    pub stop_requested: bool,
    /// `stopTimeout`, in seconds.
    #[serde(default)]
    pub stop_timeout: u64,
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
fn is_false(value: &bool) -> bool {
    !*value
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
    /// The load balancer that forwards to it, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load_balancer: Option<String>,
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
    pub state: Word<TargetHealthState>,
    /// `Reason`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Word<TargetHealthReason>>,
    /// `Description`
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// What the last probe found, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_probe: Option<String>,
    /// `Reason` that the last probe gives, if it failed; a target that is `initial` has not got it as its own yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_probe_reason: Option<Word<TargetHealthReason>>,
    /// `Description` that goes with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_probe_description: Option<String>,
    /// The task behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_id: Option<String>,
    /// The container behind it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub container: Option<String>,
    /// Whether security groups let the load balancer in.
    pub reachable: bool,
    /// Requests that it left without a word for longer than the idle timeout.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub silence: Option<SilenceView>,
}

/// Requests that were answered 504 because their target said nothing for as long as the idle timeout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SilenceView {
    /// How many.
    pub count: u32,
    /// Method and path of the last one.
    pub last_request: String,
    /// When that was answered, RFC 3339.
    pub last_at: String,
    /// `idle_timeout.timeout_seconds` at that time.
    pub idle_timeout: u64,
}
