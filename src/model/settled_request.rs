//! A request that the load balancer is done with: what the access log says of it, and what no log of AWS says: which
//! fault of the target a 502, 503 or 504 stands for.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// What matters of it to the one who sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettledRequest {
    /// `trace_id`, as the target got it.
    pub trace_id: String,
    /// `target:port`
    pub target: Option<SocketAddr>,
    /// `elb_status_code`; 0 if the connection ended before there was one.
    pub status: u16,
    /// `target_status_code`
    pub target_status: Option<u16>,
    /// Why the target did not answer, or not to the end.
    pub fault: Option<TargetFault>,
}

/// Why a target did not answer (ALB user guide, "Troubleshoot your Application Load Balancers": the causes of 502, 503 and
/// 504).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TargetFault {
    /// The group had no target to choose.
    NoTargets,
    /// The target refused the connection.
    Refused,
    /// There was no connection in time.
    ConnectTimeout,
    /// The TLS handshake failed, or did not end in time.
    Tls,
    /// The target closed or reset the connection while the request was outstanding.
    Closed,
    /// The deregistration delay ran out while the request was outstanding.
    Deregistered,
    /// Its response is not HTTP that can be passed on.
    Malformed,
    /// It sent nothing for as long as the idle timeout.
    Silent,
}
