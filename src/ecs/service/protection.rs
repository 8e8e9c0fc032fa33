//! Scale-in protection: neither scaling in nor a deployment stops a protected task. Failed health checks, somebody's request
//! and the end of the service do.
//!
//! Sources: ECS developer guide, "Protect your Amazon ECS tasks from being terminated by scale-in events"; ECS API,
//! UpdateTaskProtection.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use crate::moment::Now;
use neargate_model::DeploymentId;

/// `expiresInMinutes`, if it is not given.
const MINUTES: i64 = 120;
/// What it may be: up to 48 hours.
const RANGE: std::ops::RangeInclusive<i64> = 1..=2880;

/// A task's protection. `time_scale` does not shorten it: it measures the work that the application protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// `expirationDate`
    pub expires_at: Timestamp,
    until: Instant,
}

/// What UpdateTaskProtection asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtectionChange {
    /// `protectionEnabled`
    pub enabled: bool,
    /// `expiresInMinutes`
    pub expires_in_minutes: Option<i64>,
}

/// Why the protection of a task cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectionFailure {
    /// There is no such task.
    Missing,
    /// The task belongs to no service, or stops.
    NotValid,
    /// `expiresInMinutes` is out of range. This one is an error and no failure.
    ExpirationOutOfRange,
}

impl ProtectionFailure {
    /// `reason` of a failure, or the code of the error.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "MISSING",
            Self::NotValid => "TASK_NOT_VALID",
            Self::ExpirationOutOfRange => "InvalidParameterException",
        }
    }
}

impl fmt::Display for ProtectionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no such task",
            Self::NotValid => "the task belongs to no service, or is stopping",
            // The text is not published.
            Self::ExpirationOutOfRange => "expiresInMinutes must be between 1 and 2880",
        })
    }
}

impl ProtectionChange {
    /// Whether ECS takes it for any task.
    ///
    /// # Errors
    ///
    /// The time is out of range.
    pub fn check(self) -> Result<(), ProtectionFailure> {
        let is_valid = !self.enabled || self.expires_in_minutes.is_none_or(|minutes| RANGE.contains(&minutes));
        is_valid.then_some(()).ok_or(ProtectionFailure::ExpirationOutOfRange)
    }
}

impl Protection {
    /// What a change makes of a task's protection.
    pub(crate) fn changed(change: ProtectionChange, now: Now) -> Result<Option<Self>, ProtectionFailure> {
        let minutes = change.expires_in_minutes.unwrap_or(MINUTES);
        if !change.enabled {
            return Ok(None);
        }
        change.check()?;
        let lasts = Duration::from_secs(minutes.unsigned_abs() * 60);
        // As AWS tells times.
        let down = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Floor);
        let expires_at = (now.timestamp + lasts).round(down).unwrap_or(now.timestamp);
        Ok(Some(Self { expires_at, until: now.instant + lasts }))
    }

    /// Until when it lasts.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }
}

/// The number of protected tasks that stay although they are to go, by deployment.
pub type HeldBack = BTreeMap<DeploymentId, usize>;

/// What the service says of tasks that it would have stopped. It ends without a full stop.
pub(crate) fn held_back(deployment: &DeploymentId, tasks: usize) -> String {
    format!(
        "was unable to reach steady state because (taskSet {deployment}) was unable to scale in due to (reason {tasks} \
         tasks under protection)"
    )
}
