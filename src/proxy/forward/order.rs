//! What to forward, and where.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::alb::stickiness::Session;
use crate::http1::framing::BodyHeader;
use crate::model::listener::HeaderModification;
use crate::model::target_group::ProtocolVersion;
use crate::proxy::context::ListenerLife;
use crate::proxy::io::buffer::Scratch;
use crate::proxy::telemetry::meters::GroupMeter;
use crate::proxy::upstream::load::InFlight;
use crate::proxy::upstream::pool::Dial;

/// A request that is ready to go: nothing is left to decide.
pub(crate) struct Forward {
    pub(crate) dial: Dial,
    /// What the target speaks.
    pub(crate) version: ProtocolVersion,
    /// Whether security groups let the load balancer in.
    pub(crate) reachable: bool,
    /// As the target gets it.
    pub(crate) head: Scratch,
    pub(crate) body: BodyHeader,
    pub(crate) head_only: bool,
    pub(crate) upgrade: bool,
    /// Of gRPC: a body that is not complete is not something that the client owes, since either side may talk at any time.
    pub(crate) conversation: bool,
    pub(crate) idle_timeout: Duration,
    /// The connection is closed afterwards.
    pub(crate) close_after: bool,
    /// What the listener does to headers.
    pub(crate) modification: Option<Arc<HeaderModification>>,
    /// Where something is sticky.
    pub(crate) session: Option<Box<Session>>,
    /// Where it came from; a WebSocket ends with it.
    pub(crate) listener: Rc<ListenerLife>,
    /// Counts as long as the request lasts.
    pub(crate) in_flight: InFlight,
    /// Counts for the target group.
    pub(crate) meter: Arc<GroupMeter>,
}
