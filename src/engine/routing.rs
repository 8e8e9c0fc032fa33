//! From the topology and the state of its targets to a table that a request is routed with.
//!
//! Compiled once per change, read by every request: patterns are prepared, references are indices, and the targets
//! that may take new requests (fail-open included) are already worked out.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::model::listener::{ListenerProtocol, LoadBalancerAttributes};
use crate::model::target_group::TargetGroup;
use crate::model::target_health::TargetState;
use crate::model::{DomainName, TargetGroupName};

/// All that the data plane, the probes and `explain` need, as one value with a generation number.
#[derive(Debug)]
pub struct RoutingTable {
    /// Grows with every table published; never goes back.
    pub generation: u64,
    /// `app/<name>/<id>` as in logs and ARNs.
    pub load_balancer_id: String,
    /// Attributes of the load balancer.
    pub attributes: LoadBalancerAttributes,
    /// The names the stack answers for.
    pub domains: Vec<DomainName>,
    /// In ascending order of port.
    pub listeners: Vec<RoutedListener>,
    /// Referred to by index.
    pub target_groups: Vec<RoutedTargetGroup>,
}

/// A listener, ready to be bound and to route.
#[derive(Debug)]
pub struct RoutedListener {
    /// The port clients think they talk to.
    pub port: u16,
    /// What is really bound.
    pub bind: SocketAddr,
    /// HTTP, or HTTPS with its certificates.
    pub protocol: ListenerProtocol,
}

/// A target group with its targets.
#[derive(Debug)]
pub struct RoutedTargetGroup {
    /// Its name.
    pub name: TargetGroupName,
    /// `arn:aws:elasticloadbalancing:…:targetgroup/<name>/<id>`
    pub arn: String,
    /// Its settings.
    pub settings: Arc<TargetGroup>,
    /// Whether any rule forwards to it; if not it is not probed.
    pub in_use: bool,
    /// Every registered target, draining ones included.
    pub targets: Vec<TargetState>,
    /// Indices into `targets` of those that may take a new request now; empty means 503.
    pub eligible: Vec<usize>,
}

impl RoutingTable {
    /// stub
    pub fn compile(
        topology: &crate::model::Topology,
        _targets: &std::collections::BTreeMap<TargetGroupName, Vec<TargetState>>,
        generation: u64,
    ) -> Self {
        Self {
            generation,
            load_balancer_id: String::new(),
            attributes: topology.load_balancer.attributes.clone(),
            domains: vec![],
            listeners: vec![],
            target_groups: vec![],
        }
    }
}
