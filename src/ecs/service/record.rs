//! The scheduler's memory of a service: its deployments, its failures, when the next task may start.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use strum::{Display, EnumString, IntoStaticStr};

use crate::moment::Now;
use neargate_model::service::Service;
use neargate_model::topology::TimeScale;
use neargate_model::{DeploymentId, ServiceName};

/// The number of service events to keep (ECS API, Service.events).
pub const EVENTS_KEPT: usize = 100;

/// The scheduler's cadence for replacing tasks that had been running. On Fargate, an essential container that exits
/// immediately was observed to be started about every 50 seconds, 20 of which are the start itself.
const REPLACEMENT_CADENCE: Duration = Duration::from_secs(30);

/// The scheduler's memory of a service between plans.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRecord {
    /// The deployment to which every task should belong. Its settings are the service's desired state.
    pub primary: Deployment,
    /// Earlier deployments that still have tasks, newest first.
    pub active: Vec<Deployment>,
    /// Whether the topology has dropped the service.
    pub dropped: bool,
    /// Newest last.
    pub events: VecDeque<ServiceEvent>,
    /// The number of consecutive tasks that never reached RUNNING.
    pub failures_in_a_row: u32,
    /// When the next task may start.
    pub next_start_at: Option<Instant>,
    /// Whether the last event reported a steady state.
    pub steady: bool,
    /// Whether an event reported that the PRIMARY deployment can neither stop nor start tasks.
    pub blocked: bool,
}

/// A deployment of a service (ECS API, Deployment): one version of what its tasks run. The number of its tasks follows
/// from the tasks, each of which names its deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// `id`
    pub id: DeploymentId,
    /// `revision` of the task definition.
    pub revision: u32,
    /// The settings of the service when this was the PRIMARY deployment.
    pub service: Arc<Service>,
    /// `failedTasks`
    pub failed_tasks: u32,
    /// `rolloutState`
    pub rollout: RolloutState,
    /// `createdAt`
    pub created_at: Timestamp,
    /// `updatedAt`
    pub updated_at: Timestamp,
}

/// `rolloutState` of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// The service has not been steady since the deployment began.
    InProgress,
    /// The service reached a steady state with it.
    Completed,
}

/// One of the service's `events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// `createdAt`
    pub at: Timestamp,
    /// In ECS's words.
    pub message: String,
}

impl Deployment {
    /// A deployment that begins now.
    pub(crate) fn new(id: DeploymentId, revision: u32, service: Arc<Service>, now: Now) -> Self {
        Self {
            id,
            revision,
            service,
            failed_tasks: 0,
            rollout: RolloutState::InProgress,
            created_at: now.timestamp,
            updated_at: now.timestamp,
        }
    }

    /// `taskDefinition`, as `family:revision`.
    pub fn task_definition(&self) -> String {
        format!("{}:{}", self.service.task_definition.family, self.revision)
    }

    /// `rolloutStateReason`
    pub fn rollout_state_reason(&self) -> String {
        let what = match self.rollout {
            RolloutState::InProgress => "in progress",
            RolloutState::Completed => "completed",
        };
        format!("ECS deployment {} {what}.", self.id)
    }

    /// Whether these settings run the same tasks, so that no new deployment is needed.
    pub(crate) fn runs(&self, service: &Service) -> bool {
        let own = &*self.service;
        own.task_definition == service.task_definition
            && own.security_groups == service.security_groups
            && own.load_balancers == service.load_balancers
            // How an image is built matters only if the result is another image, which shows when it is built.
            && own.builds.keys().eq(service.builds.keys())
            && own.images == service.images
    }
}

impl ServiceRecord {
    /// The record of a new service.
    pub(crate) fn new(deployment: Deployment) -> Self {
        Self {
            primary: deployment,
            active: Vec::new(),
            dropped: false,
            events: VecDeque::new(),
            failures_in_a_row: 0,
            next_start_at: None,
            steady: false,
            blocked: false,
        }
    }

    /// Its desired state; `None` once the topology has dropped it.
    pub fn wanted(&self) -> Option<&Arc<Service>> {
        (!self.dropped).then_some(&self.primary.service)
    }

    /// Newest first, as in ECS's `deployments`: the PRIMARY one, then those that are ACTIVE.
    pub fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        std::iter::once(&self.primary).chain(&self.active)
    }

    /// The deployment with this id, while it has tasks.
    pub fn deployment(&self, id: &DeploymentId) -> Option<&Deployment> {
        self.deployments().find(|deployment| deployment.id == *id)
    }

    /// Starts a new deployment, immediately and whatever happened before (ECS developer guide, "Service throttle
    /// logic").
    pub(crate) fn redeploy(&mut self, deployment: Deployment) {
        let replaced = std::mem::replace(&mut self.primary, deployment);
        self.active.insert(0, replaced);
        self.failures_in_a_row = 0;
        self.next_start_at = None;
        self.steady = false;
        self.blocked = false;
    }

    /// Continues the PRIMARY deployment with settings that do not affect its tasks, such as the desired count.
    pub(crate) fn update(&mut self, service: Arc<Service>, now: Now) {
        self.primary.service = service;
        self.primary.updated_at = now.timestamp;
        self.steady = false;
        self.blocked = false;
    }

    /// A task of this deployment ended by itself, which delays its replacement: at the scheduler's cadence if it had
    /// been running, with growing delays if it never was. Tasks of earlier deployments are not replaced.
    pub(crate) fn task_failed(&mut self, deployment: &DeploymentId, ran: bool, now: Now, time_scale: TimeScale) {
        let is_primary = self.primary.id == *deployment;
        let mut all = std::iter::once(&mut self.primary).chain(&mut self.active);
        if !ran && let Some(failed) = all.find(|known| known.id == *deployment) {
            failed.failed_tasks += 1;
        }
        if !is_primary {
            return;
        }
        let wait = if ran {
            REPLACEMENT_CADENCE
        } else {
            self.failures_in_a_row += 1;
            start_back_off(self.failures_in_a_row)
        };
        self.next_start_at = Some(now.instant + time_scale.apply(wait));
    }

    /// A replacement of an unhealthy task was started, so the next one waits for the scheduler's cadence.
    pub(crate) fn unhealthy_replaced(&mut self, now: Now, time_scale: TimeScale) {
        self.next_start_at = Some(now.instant + time_scale.apply(REPLACEMENT_CADENCE));
    }

    /// The service has reached its desired state. Returns the deployment that this completes.
    pub(crate) fn has_become_steady(&mut self, now: Now) -> Option<DeploymentId> {
        self.steady = true;
        let before = std::mem::replace(&mut self.primary.rollout, RolloutState::Completed);
        (before == RolloutState::InProgress).then(|| {
            self.primary.updated_at = now.timestamp;
            self.primary.id.clone()
        })
    }

    /// Adds an event, dropping the oldest.
    pub(crate) fn record_event(&mut self, name: &ServiceName, at: Timestamp, text: impl std::fmt::Display) {
        self.events.push_back(ServiceEvent { at, message: format!("(service {name}) {text}") });
        while self.events.len() > EVENTS_KEPT {
            self.events.pop_front();
        }
    }
}

/// The wait after `failures` consecutive tasks that never ran: doubles up to 15 minutes (ECS developer guide, "Amazon
/// ECS service throttle logic"). The first step is not published.
fn start_back_off(failures: u32) -> Duration {
    const FIRST: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_secs(15 * 60);
    FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST)
}
