//! What became of a task during a rehearsal, and the phase that it was in at any time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// A task of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskLife {
    /// The last part of its ARN.
    pub id: String,
    /// `family:revision`
    pub revision: String,
    /// Whether it belongs to the deployment that is rehearsed.
    pub is_new: bool,
    /// When it was seen first.
    pub created: Duration,
    /// When it was told to stop, or began to.
    pub stopping: Option<Duration>,
    /// `stoppedReason`
    pub reason: Option<String>,
    /// When it was STOPPED.
    pub stopped: Option<Duration>,
    /// Its targets.
    pub targets: BTreeMap<SocketAddr, TargetLife>,
    /// Its containers, by name.
    pub containers: BTreeMap<String, ContainerLife>,
}

/// A target of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetLife {
    /// The container behind it.
    pub container: String,
    /// When it was registered.
    pub registered: Duration,
    /// When it became healthy, for the first time.
    pub healthy: Option<Duration>,
    /// When it became unhealthy, if it still was at last.
    pub unhealthy: Option<Duration>,
    /// When it was deregistered, and so began to drain.
    pub draining: Option<Duration>,
    /// When it was gone from the target group.
    pub gone: Option<Duration>,
}

/// A container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerLife {
    /// When it was sent its stop signal.
    pub signalled: Option<Duration>,
    /// When it had ended.
    pub exited: Option<Duration>,
    /// `exitCode`
    pub exit_code: Option<i64>,
    /// `stopTimeout`: how long it may take to end before it is killed.
    pub stop_timeout: Duration,
}

/// Where a task was in its life, as the load balancer and ECS see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It is not registered.
    Starting,
    /// Registered; no health check has decided.
    Registered,
    /// In service.
    Healthy,
    /// Its health checks fail.
    Unhealthy,
    /// Deregistered; what is in flight may end.
    Draining,
    /// Its containers were sent their stop signal.
    Stopping,
    /// The container has ended.
    Stopped,
}

impl Phase {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Registered => "registered",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

impl TaskLife {
    /// The first digits of its id, by which people tell tasks apart.
    pub fn short(&self) -> &str {
        self.id.get(..8).unwrap_or(&self.id)
    }

    /// The container behind a target.
    pub fn behind(&self, target: SocketAddr) -> Option<&ContainerLife> {
        self.containers.get(&self.targets.get(&target)?.container)
    }

    /// Its phase, as far as this target is concerned.
    pub fn phase_at(&self, target: SocketAddr, time: Duration) -> Phase {
        let is_over = |moment: Option<Duration>| moment.is_some_and(|moment| moment <= time);
        let Some(life) = self.targets.get(&target) else { return Phase::Starting };
        let container = self.behind(target);
        if is_over(self.stopped) || container.is_some_and(|container| is_over(container.exited)) {
            Phase::Stopped
        } else if container.is_some_and(|container| is_over(container.signalled)) {
            Phase::Stopping
        } else if is_over(life.draining) {
            Phase::Draining
        } else if is_over(life.unhealthy) {
            Phase::Unhealthy
        } else if is_over(life.healthy) {
            Phase::Healthy
        } else if life.registered <= time {
            Phase::Registered
        } else {
            Phase::Starting
        }
    }

    /// Its phases as far as this target is concerned, each with its beginning, in order.
    pub fn phases(&self, target: SocketAddr) -> Vec<(Duration, Phase)> {
        let Some(life) = self.targets.get(&target) else { return vec![(self.created, Phase::Starting)] };
        let container = self.behind(target);
        let moments = [
            Some(self.created),
            Some(life.registered),
            life.healthy,
            life.unhealthy,
            life.draining,
            container.and_then(|container| container.signalled),
            container.and_then(|container| container.exited),
            self.stopped,
        ];
        let mut moments: Vec<Duration> = moments.into_iter().flatten().collect();
        moments.sort_unstable();
        let mut phases: Vec<(Duration, Phase)> = Vec::new();
        for moment in moments {
            let phase = self.phase_at(target, moment);
            if phases.last().is_none_or(|(_, last)| *last != phase) {
                phases.push((moment, phase));
            }
        }
        phases
    }
}
