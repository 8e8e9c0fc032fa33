//! One target in one group that probes it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::alb::targets::target_tls::TargetPolicy;
use crate::model::TargetGroupName;
use crate::model::target_group::TargetGroup;
use crate::model::target_health::{Target, TargetHealth};
use crate::model::topology::TimeScale;

/// All that a probe of one target depends on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probed {
    pub(super) target_group: TargetGroupName,
    pub(super) settings: Arc<TargetGroup>,
    pub(super) target_policy: TargetPolicy,
    pub(super) time_scale: TimeScale,
    pub(super) target: Target,
    pub(super) dial: SocketAddr,
    pub(super) reachable: bool,
    pub(super) health: TargetHealth,
}
