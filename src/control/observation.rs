//! Facts that the edges report to the single writer. They are never requests; see `command` for those.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::alb::targets::health::ProbeTick;
use crate::control::runtime::{ImageProgress, RuntimeEvent};
use crate::model::alarm::AlarmState;
use crate::model::target_health::{ProbeOutcome, Target};
use crate::model::{AlarmName, LoadBalancerName, ScalingPolicyName, ServiceName, TargetGroupName};

/// One fact.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The engine reported something.
    Runtime(RuntimeEvent),
    /// A health check of a target has ended.
    Probed {
        /// The group whose settings applied.
        target_group: TargetGroupName,
        /// The target.
        target: Target,
        /// Its place in the schedule, which decides whether a failure counts.
        tick: ProbeTick,
        /// The result.
        outcome: ProbeOutcome,
        /// The result in words, on one line, for `doctor`: `connection refused`, `answered 500 in 3 ms:
        /// {"detail":"boom"}`.
        detail: String,
    },
    /// A progress line of a build or pull.
    ImageProgressed(ImageProgress),
    /// The set of a load balancer's bound ports matches the snapshot of this generation.
    ListenersBound {
        /// Whose ports they are.
        load_balancer: LoadBalancerName,
        /// The routing table's generation.
        generation: u64,
    },
    /// A listener's port cannot be bound. The message names the process that holds it or the missing privilege, and the
    /// fix.
    ListenerFailed {
        /// Whose listener it is.
        load_balancer: LoadBalancerName,
        /// The port of the file.
        port: u16,
        /// One message for the user.
        message: String,
    },
    /// An alarm has another state than before.
    AlarmChanged {
        /// Which alarm.
        alarm: AlarmName,
        /// Its state now.
        state: AlarmState,
    },
    /// A minute has passed, in which this was measured for the scaling policies of a service.
    ScalingMeasured {
        /// Which service.
        service: ServiceName,
        /// By policy; one without a value is missing.
        points: BTreeMap<ScalingPolicyName, f64>,
    },
    /// Tasks reach their metadata endpoint, or why they do not.
    MetadataEndpoint(Result<(), String>),
    /// A request was answered with 504, because its target sent nothing during the idle timeout.
    TargetSilent {
        /// The group through which it was sent.
        target_group: TargetGroupName,
        /// The target.
        target: Target,
        /// Method and path.
        request: String,
        /// The idle timeout.
        idle_timeout: Duration,
    },
    /// No request to this target is in flight any more (sent while it drains).
    Drained {
        /// The group that it leaves.
        target_group: TargetGroupName,
        /// The target.
        target: Target,
    },
}
