//! Facts that the edges report to the single writer. They are never requests; see `command` for those.

use std::time::Duration;

use crate::alb::targets::health::ProbeTick;
use crate::control::runtime::{ImageProgress, RuntimeEvent};
use crate::model::TargetGroupName;
use crate::model::target_health::{ProbeOutcome, Target};

/// One fact.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The engine reported something.
    Runtime(RuntimeEvent),
    /// A health check of a target ended.
    Probed {
        /// The group whose settings were used.
        target_group: TargetGroupName,
        /// Who was probed.
        target: Target,
        /// Its place in the schedule, which decides whether a failure counts.
        tick: ProbeTick,
        /// What was found.
        outcome: ProbeOutcome,
        /// The same in words, on one line, for `doctor`: `connection refused`, `answered 500 in 3 ms: {"detail":"boom"}`.
        detail: String,
    },
    /// A line of progress of a build or pull.
    ImageProgressed(ImageProgress),
    /// The set of ports that listeners are bound to follows the snapshot of this generation.
    ListenersBound {
        /// Of the routing table.
        generation: u64,
    },
    /// A listener's port cannot be bound; the text says who holds it or which right is missing, and the fix.
    ListenerFailed {
        /// The port of the file.
        port: u16,
        /// One clear message.
        message: String,
    },
    /// A request was answered 504, because its target said nothing for as long as the idle timeout.
    TargetSilent {
        /// The group it was sent through.
        target_group: TargetGroupName,
        /// The target.
        target: Target,
        /// Method and path.
        request: String,
        /// How long that was.
        idle_timeout: Duration,
    },
    /// No request is in flight to this target any more (sent while it drains).
    Drained {
        /// The group it leaves.
        target_group: TargetGroupName,
        /// The target.
        target: Target,
    },
}
