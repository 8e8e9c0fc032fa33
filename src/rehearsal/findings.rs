//! Classifies failures: each lost request has one cause, and requests with the same cause at the same task are one finding.
//!
//! Sources: ALB user guide, "Troubleshoot your Application Load Balancers" (what 502, 503 and 504 stand for) and "Edit target
//! group attributes" (deregistration delay); ECS API, ContainerDefinition.stopTimeout.

use std::net::SocketAddr;
use std::time::Duration;

use neargate_model::settled_request::{SettledRequest, TargetFault};

use crate::life::{ContainerLife, Phase, TaskLife};
use crate::recording::{Outcome, Recording, Sample, Way};

/// What is known of tasks is seen a moment after it happened: a client has its 502 before the engine reports the exit.
const LATE: Duration = Duration::from_millis(500);
/// The exit of a container that nobody stopped is reported by the engine, which takes longer on a busy machine.
const EXIT_LATE: Duration = Duration::from_secs(2);
/// A container that ends this little before its stop timeout was killed: timers are not exact.
const AT_TIMEOUT: Duration = Duration::from_millis(300);

/// What the rehearsal has shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// How many requests were sent.
    pub sent: usize,
    /// WebSockets that were closed in good order, and so opened again.
    pub reopened: usize,
    /// Every request that failed, in the order of their ends.
    pub lost: Vec<Lost>,
    /// Why, in the order of their first.
    pub findings: Vec<Finding>,
    /// What lost nothing this time and is not right either.
    pub remarks: Vec<Remark>,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The request.
    pub sample: Sample,
    /// Its target, if one was chosen.
    pub target: Option<SocketAddr>,
    /// The task behind that.
    pub task: Option<String>,
    /// The phase that the task was in.
    pub phase: Option<Phase>,
    /// Why it failed.
    pub cause: Cause,
}

/// Requests that failed for one reason at one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Why.
    pub cause: Cause,
    /// Whose target they were sent to.
    pub task: Option<String>,
    /// The container behind it.
    pub container: Option<String>,
    /// What became of each of them, as indices of `Verdict::lost`.
    pub lost: Vec<usize>,
}

/// Why requests failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The container ended after its stop signal, and did not answer what was in flight.
    EndedOnSignal {
        /// From the signal to its end.
        after: Duration,
    },
    /// The container was killed when its stop timeout had run out.
    Killed {
        /// `stopTimeout`
        stop_timeout: Duration,
    },
    /// The container ended without having been told to.
    Crashed {
        /// `exitCode`
        exit_code: Option<i64>,
    },
    /// The deregistration delay was over.
    DelayOver,
    /// No target was registered, or none that could be used.
    NoTargets,
    /// Nothing listened on the port of a task that was never healthy: with no healthy target, requests go to all.
    NotListening,
    /// A healthy task refused the connection.
    Refused,
    /// The target closed a connection with a request in flight, although it had not been stopped.
    ClosedByTarget,
    /// No connection to the target could be established in time.
    ConnectTimeout,
    /// The target did not answer within the idle timeout, or not before the client gave up.
    Silent,
    /// TLS with the target failed.
    Tls,
    /// The target's response was not HTTP that can be passed on.
    Malformed,
    /// The application itself answered so.
    Answered {
        /// Its status.
        status: u16,
    },
    /// A WebSocket broke off: the container ended without closing it.
    SocketCut,
    /// The load balancer itself could not be reached.
    LoadBalancer,
    /// Nothing is known but that it failed.
    Unknown,
}

/// What is not right although nothing was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A container ignored its stop signal until it was killed.
    IgnoresSignal {
        /// Its task.
        task: String,
        /// Its name.
        container: String,
        /// `stopTimeout`
        stop_timeout: Duration,
    },
}

/// Draws the conclusions.
pub fn judge(recording: &Recording) -> Verdict {
    let mut lost: Vec<Lost> = recording
        .samples
        .iter()
        .filter(|sample| sample.outcome.is_lost())
        .map(|sample| explain(recording, sample))
        .collect();
    lost.sort_by_key(|one| (one.sample.settled, one.sample.sent));
    let mut findings: Vec<Finding> = Vec::new();
    for (index, one) in lost.iter().enumerate() {
        let same = |finding: &&mut Finding| finding.task == one.task && is_same(finding.cause, one.cause);
        match findings.iter_mut().find(same) {
            Some(finding) => finding.lost.push(index),
            None => {
                let task = recording.tasks.iter().find(|task| Some(&task.id) == one.task.as_ref());
                let life = task.zip(one.target).and_then(|(task, target)| task.targets.get(&target));
                findings.push(Finding {
                    cause: one.cause,
                    task: one.task.clone(),
                    container: life.map(|life| life.container.clone()),
                    lost: vec![index],
                });
            }
        }
    }
    let samples = &recording.samples;
    Verdict {
        sent: samples.len(),
        reopened: samples.iter().filter(|sample| sample.outcome == Outcome::Closed).count(),
        remarks: remarks(recording, &findings),
        lost,
        findings,
    }
}

/// Whether two requests of one task failed for the same reason: the first of them tells the numbers.
fn is_same(one: Cause, other: Cause) -> bool {
    match (one, other) {
        (Cause::Answered { status }, Cause::Answered { status: other }) => status == other,
        _ => std::mem::discriminant(&one) == std::mem::discriminant(&other),
    }
}

fn explain(recording: &Recording, sample: &Sample) -> Lost {
    let entry = recording.entry(sample);
    let target = entry.and_then(|entry| entry.target);
    let task = target.and_then(|target| recording.task_at(target, sample.settled));
    let cause = cause(sample, entry, task.zip(target));
    let phase = task.zip(target).map(|(task, target)| match cause {
        // It is known by its consequences before it is seen.
        Cause::EndedOnSignal { .. } | Cause::Killed { .. } => Phase::Stopping,
        Cause::Crashed { .. } => Phase::Stopped,
        _ => task.phase_at(target, sample.settled),
    });
    Lost { sample: sample.clone(), target, task: task.map(|task| task.id.clone()), phase, cause }
}

fn cause(sample: &Sample, entry: Option<&SettledRequest>, place: Option<(&TaskLife, SocketAddr)>) -> Cause {
    let Some(entry) = entry else {
        return match &sample.outcome {
            Outcome::NoConnection(_) => Cause::LoadBalancer,
            Outcome::GaveUp => Cause::Silent,
            Outcome::Answered(_) | Outcome::Closed | Outcome::Cut(_) => Cause::Unknown,
        };
    };
    let end = place.and_then(|(task, target)| end_of(task.behind(target)?, sample.settled));
    if sample.way == Way::WebSocket && entry.status == 101 {
        return match end {
            Some(Cause::Crashed { exit_code }) => Cause::Crashed { exit_code },
            _ if entry.fault == Some(TargetFault::Deregistered) => Cause::DelayOver,
            _ => Cause::SocketCut,
        };
    }
    match entry.fault {
        Some(TargetFault::NoTargets) => Cause::NoTargets,
        Some(TargetFault::Deregistered) => Cause::DelayOver,
        Some(fault @ (TargetFault::Closed | TargetFault::Refused | TargetFault::Malformed | TargetFault::Tls)) => {
            end.unwrap_or_else(|| alive(fault, sample, place))
        }
        Some(TargetFault::ConnectTimeout) => end.unwrap_or(Cause::ConnectTimeout),
        Some(TargetFault::Silent) => Cause::Silent,
        None if sample.outcome == Outcome::GaveUp => Cause::Silent,
        None => match entry.target_status {
            Some(status) if status >= 500 => Cause::Answered { status },
            _ => Cause::Unknown,
        },
    }
}

/// Why a target fails that has not ended.
fn alive(fault: TargetFault, sample: &Sample, place: Option<(&TaskLife, SocketAddr)>) -> Cause {
    let was_healthy = place.is_some_and(|(task, target)| {
        task.targets.get(&target).and_then(|life| life.healthy).is_some_and(|healthy| healthy <= sample.settled)
    });
    match fault {
        TargetFault::Refused if !was_healthy => Cause::NotListening,
        TargetFault::Refused => Cause::Refused,
        TargetFault::Tls => Cause::Tls,
        TargetFault::Malformed => Cause::Malformed,
        _ => Cause::ClosedByTarget,
    }
}

/// How the container had ended when a request failed at `settled`, if that is why.
fn end_of(container: &ContainerLife, settled: Duration) -> Option<Cause> {
    if let Some(signalled) = container.signalled.filter(|signalled| *signalled <= settled + LATE) {
        // Before its exit is reported, the first request that it left behind shows it.
        let after = container.exited.map_or(settled, |exited| exited.min(settled)).saturating_sub(signalled);
        let stop_timeout = container.stop_timeout;
        return Some(match after + AT_TIMEOUT >= stop_timeout {
            true => Cause::Killed { stop_timeout },
            false => Cause::EndedOnSignal { after },
        });
    }
    let exited = container.exited.filter(|exited| *exited <= settled + EXIT_LATE)?;
    // What was told to stop only afterwards had ended by itself.
    container
        .signalled
        .is_none_or(|signalled| exited < signalled)
        .then_some(Cause::Crashed { exit_code: container.exit_code })
}

fn remarks(recording: &Recording, findings: &[Finding]) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for task in &recording.tasks {
        for (name, container) in &task.containers {
            let Some(ran_on) = container.exited.zip(container.signalled) else { continue };
            let ran_on = ran_on.0.saturating_sub(ran_on.1);
            let is_told = findings.iter().any(|finding| {
                finding.task.as_ref() == Some(&task.id)
                    && finding.container.as_ref() == Some(name)
                    && matches!(finding.cause, Cause::Killed { .. })
            });
            if ran_on + AT_TIMEOUT >= container.stop_timeout && container.exit_code == Some(137) && !is_told {
                remarks.push(Remark::IgnoresSignal {
                    task: task.id.clone(),
                    container: name.clone(),
                    stop_timeout: container.stop_timeout,
                });
            }
        }
    }
    remarks
}
