//! Health of one target: turns probe outcomes into the state that `DescribeTargetHealth` reports, and decides when to
//! probe next.
//!
//! ```text
//!                 one success, whatever the threshold
//!            ┌──────────────────────────────────────────────┐
//!            │                                              ▼
//!  unused  initial                                       healthy ───┐
//!    │  ▲    │                                              ▲       │ unhealthy_threshold failures in a row
//!    └──┘    └─────────────────► unhealthy ─────────────────┘       │
//!  group     unhealthy_threshold    ▲    healthy_threshold          │
//!  in use?   failures in a row      │    successes in a row         │
//!                                   └───────────────────────────────┘      any ──► draining, when deregistered
//! ```
//!
//! # How failures of a new target count
//!
//! Two things differ from AWS, and neither may make an application fail here that would pass there. The interval is
//! divided by the time scale, and a new target is probed early and often, so that it gets traffic as soon as possible.
//! An application's start time is a property of the application and never scaled. Therefore, while a target is
//! `initial`:
//!
//! - a success always counts;
//! - a failure that could mean "not started yet" (refused, timed out, or the 502, 503 or 504 of a proxy in front of
//!   the application) counts once per *whole* interval, as on AWS;
//! - any other failure is a response, so the application has started and is unhealthy: it counts once per *scaled*
//!   interval; so does a probe that security groups drop, because then waiting depends only on the clock;
//! - nothing counts before the first interval is over. AWS does not say when in its interval a new target's first
//!   check happens; neargate assumes the latest moment.
//!
//! Once a target's health has been decided, every scheduled probe counts.

use std::time::Duration;

use neargate_model::target_group::HealthCheck;
use neargate_model::target_health::{InitialReason, ProbeOutcome, TargetHealth, UnhealthyReason};
use neargate_model::topology::TimeScale;

/// The shortest pause between two early probes.
const EARLY_PAUSE_MIN: Duration = Duration::from_millis(100);

/// Early probes pause for this part of the time that has already passed, so that waiting for an application takes at
/// most a quarter longer than its start.
const EARLY_PAUSE_DIVISOR: u32 = 4;

/// However large the time scale, a target is not probed more often than this.
const SCALED_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Instants are computed from a fraction; two that are closer than this are the same.
const ROUNDING: f64 = 1e-6;

/// Differences from AWS, for the fidelity report.
pub const DEVIATIONS: &[&str] = &[
    "health checks: the interval is divided by the time scale, the timeout is not; until a new target has been judged, \
     failures that may mean it is still starting (refused, timed out, 502, 503, 504) count once per undivided interval",
    "health checks: a new target is also probed between two intervals, so that it takes traffic as soon as it can",
    "health checks: one prober, where every node of a real load balancer probes by itself",
];

/// The health of one target in one target group, with the counts that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRecord {
    health: TargetHealth,
    /// Consecutive successes that count.
    successes: u32,
    /// Consecutive failures that count.
    failures: u32,
}

/// A change worth publishing: of the state, or of its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthChange {
    /// Before.
    pub from: TargetHealth,
    /// After.
    pub to: TargetHealth,
}

/// A probe that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its place in the schedule.
    pub tick: ProbeTick,
    /// Its result.
    pub outcome: ProbeOutcome,
    /// Whether security groups let it through; if not, nothing was sent.
    pub reachable: bool,
}

/// The place of a probe in the schedule of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProbeTick {
    /// The first probe, or one between two ticks, which soon detects that a new target has come up.
    Early,
    /// On the scaled interval.
    Scaled,
    /// On the scaled interval, and a whole unscaled interval has passed since the last probe of this kind.
    Whole,
}

/// When a probe is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Since the target's first probe.
    pub at: Duration,
    /// Its place in the schedule.
    pub tick: ProbeTick,
}

impl HealthRecord {
    /// A target that has just been registered.
    pub fn new(group_in_use: bool) -> Self {
        let health = if group_in_use {
            TargetHealth::Initial(InitialReason::RegistrationInProgress)
        } else {
            TargetHealth::Unused
        };
        Self { health, successes: 0, failures: 0 }
    }

    /// The current state.
    pub fn health(&self) -> &TargetHealth {
        &self.health
    }

    /// Applies the result of a probe. If the target is no longer to be probed (unused, draining), the probe was under
    /// way when that changed, and its result is ignored.
    pub fn apply(&mut self, settings: &HealthCheck, probe: Probe) -> Option<HealthChange> {
        let failure = unhealthy_reason(probe.outcome);
        match (&self.health, failure) {
            (TargetHealth::Unused | TargetHealth::Draining, _) => None,
            (TargetHealth::Initial(_), None) => self.become_state(TargetHealth::Healthy),
            (TargetHealth::Initial(_), Some(reason)) => {
                self.failures += u32::from(counts_against_new_target(probe));
                if self.failures >= settings.unhealthy_threshold {
                    self.become_state(TargetHealth::Unhealthy(reason))
                } else {
                    self.set(TargetHealth::Initial(InitialReason::InitialHealthChecking))
                }
            }
            (TargetHealth::Healthy, None) => {
                self.failures = 0;
                None
            }
            (TargetHealth::Healthy, Some(reason)) => {
                self.failures += u32::from(probe.tick != ProbeTick::Early);
                if self.failures < settings.unhealthy_threshold {
                    return None;
                }
                self.become_state(TargetHealth::Unhealthy(reason))
            }
            (TargetHealth::Unhealthy(_), None) => {
                self.successes += u32::from(probe.tick != ProbeTick::Early);
                if self.successes < settings.healthy_threshold {
                    return None;
                }
                self.become_state(TargetHealth::Healthy)
            }
            (TargetHealth::Unhealthy(_), Some(reason)) => {
                self.successes = 0;
                self.set(TargetHealth::Unhealthy(reason))
            }
        }
    }

    /// Sets whether a rule uses the group. A group that comes into use starts over.
    pub fn set_in_use(&mut self, in_use: bool) -> Option<HealthChange> {
        match (&self.health, in_use) {
            (TargetHealth::Draining, _) => None,
            (TargetHealth::Unused, true) => {
                self.become_state(TargetHealth::Initial(InitialReason::RegistrationInProgress))
            }
            (TargetHealth::Unused, false) | (_, true) => None,
            (_, false) => self.become_state(TargetHealth::Unused),
        }
    }

    /// The target is deregistered; requests in flight may finish.
    pub fn drain(&mut self) -> Option<HealthChange> {
        self.become_state(TargetHealth::Draining)
    }

    fn become_state(&mut self, health: TargetHealth) -> Option<HealthChange> {
        self.successes = 0;
        self.failures = 0;
        self.set(health)
    }

    fn set(&mut self, health: TargetHealth) -> Option<HealthChange> {
        if self.health == health {
            return None;
        }
        let from = std::mem::replace(&mut self.health, health.clone());
        Some(HealthChange { from, to: health })
    }
}

/// The first probe of a target, which is due at once.
pub const FIRST_PROBE: Due = Due { at: Duration::ZERO, tick: ProbeTick::Early };

/// When the next probe is due, given when the `last` one was due and that it ended `now` (both since the target's first
/// probe).
///
/// Ticks have a fixed rate, however long a probe takes ("The time that it takes for the target to respond does not
/// affect the interval for the next health check request", ALB user guide, "Health checks"). A tick that passes during
/// a probe is skipped. Between ticks, `initial` targets are probed early, except in real time (time scale 1).
pub fn next_probe(
    health: &TargetHealth,
    last: Due,
    now: Duration,
    settings: &HealthCheck,
    time_scale: TimeScale,
) -> Due {
    let scaled = time_scale.apply(settings.interval).max(SCALED_INTERVAL_MIN).as_secs_f64();
    let passed = |at: Duration, interval: f64| (at.as_secs_f64() / interval + ROUNDING).floor();

    let mut index = passed(last.at, scaled) + 1.0;
    let missed = index * scaled + ROUNDING < now.as_secs_f64();
    if missed {
        index = (now.as_secs_f64() / scaled).ceil();
    }
    let at = Duration::from_secs_f64(index * scaled);

    let eager = matches!(health, TargetHealth::Initial(_)) && time_scale.factor() > 1.0 && !missed;
    let early = now.max(last.at + EARLY_PAUSE_MIN.max(last.at / EARLY_PAUSE_DIVISOR));
    if eager && early < at {
        return Due { at: early, tick: ProbeTick::Early };
    }
    let interval = settings.interval.as_secs_f64();
    let whole = passed(at, interval) > passed(last.at, interval);
    Due { at, tick: if whole { ProbeTick::Whole } else { ProbeTick::Scaled } }
}

/// Why a target is unhealthy after such a result; `None` if the probe passed.
pub fn unhealthy_reason(outcome: ProbeOutcome) -> Option<UnhealthyReason> {
    match outcome {
        ProbeOutcome::Passed { .. } => None,
        ProbeOutcome::CodeMismatch { code } => Some(UnhealthyReason::ResponseCodeMismatch(code)),
        ProbeOutcome::TimedOut => Some(UnhealthyReason::Timeout),
        ProbeOutcome::Failed | ProbeOutcome::NoGrpcStatus => Some(UnhealthyReason::FailedHealthChecks),
    }
}

/// See the module's documentation.
fn counts_against_new_target(probe: Probe) -> bool {
    let may_be_starting = match probe.outcome {
        ProbeOutcome::TimedOut | ProbeOutcome::Failed => probe.reachable,
        ProbeOutcome::CodeMismatch { code } => matches!(code, 502..=504),
        ProbeOutcome::Passed { .. } | ProbeOutcome::NoGrpcStatus => false,
    };
    match probe.tick {
        ProbeTick::Early => false,
        ProbeTick::Scaled => !may_be_starting,
        ProbeTick::Whole => true,
    }
}

#[cfg(test)]
mod tests;
