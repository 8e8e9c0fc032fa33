//! Target groups: health check settings, attributes, and the origin of targets
//! (ALB user guide, "Target groups for your Application Load Balancers").

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A target group of type `ip`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// How the load balancer speaks to targets.
    pub protocol: TargetProtocol,
    /// `protocol_version`.
    pub protocol_version: ProtocolVersion,
    /// Default port of targets that are registered without one.
    pub port: u16,
    /// Settings of the health check.
    pub health_check: HealthCheck,
    /// Attributes.
    pub attributes: TargetGroupAttributes,
    /// Targets given by address in the file, in addition to those that services register.
    pub static_targets: Vec<StaticTarget>,
}

impl TargetGroup {
    /// A group with the defaults of CreateTargetGroup, for plain HTTP.
    pub fn new(port: u16) -> Self {
        Self {
            protocol: TargetProtocol::Http,
            protocol_version: ProtocolVersion::Http1,
            port,
            health_check: HealthCheck::new(ProtocolVersion::Http1),
            attributes: TargetGroupAttributes::default(),
            static_targets: Vec::new(),
        }
    }
}

/// A target that is not a task: a process on this machine, say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StaticTarget {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
}

/// `protocol` of a target group or a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetProtocol {
    /// Plain.
    Http,
    /// TLS; the target's certificate is never validated (ALB user guide, "Target groups", routing configuration).
    Https,
}

/// `protocol_version` of a target group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProtocolVersion {
    /// HTTP/1.1 to targets.
    Http1,
    /// HTTP/2 to targets.
    Http2,
    /// gRPC.
    Grpc,
}

/// Health check settings (ALB user guide, "Health checks for Application Load Balancer target groups").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// How the probe is sent.
    pub protocol: TargetProtocol,
    /// `None` is `traffic-port`.
    pub port: Option<u16>,
    /// Path and possibly query.
    pub path: String,
    /// 5–300 s, fixed rate.
    pub interval: Duration,
    /// 2–120 s, smaller than the interval.
    pub timeout: Duration,
    /// 2–10 consecutive successes.
    pub healthy_threshold: u32,
    /// 2–10 consecutive failures.
    pub unhealthy_threshold: u32,
    /// Status codes (or gRPC codes) that pass.
    pub matcher: Matcher,
}

impl HealthCheck {
    /// The defaults of CreateTargetGroup.
    pub fn new(version: ProtocolVersion) -> Self {
        let (path, code) = match version {
            ProtocolVersion::Grpc => ("/AWS.ALB/healthcheck", 12),
            ProtocolVersion::Http1 | ProtocolVersion::Http2 => ("/", 200),
        };
        Self {
            protocol: TargetProtocol::Http,
            port: None,
            path: path.to_owned(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Matcher(vec![code..=code]),
        }
    }
}

/// `Matcher`: single values and ranges, e.g. `200,202` or `200-299`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matcher(pub Vec<RangeInclusive<u16>>);

impl Matcher {
    /// Whether the code passes.
    pub fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

/// Target group attributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroupAttributes {
    /// `deregistration_delay.timeout_seconds`: 0–3600.
    pub deregistration_delay: Duration,
    /// `load_balancing.algorithm.type`.
    pub algorithm: Algorithm,
    /// `load_balancing.algorithm.anomaly_mitigation`: goes with [`Algorithm::WeightedRandom`] only.
    pub anomaly_mitigation: bool,
    /// `slow_start.duration_seconds`: 0 (off) or 30–900.
    pub slow_start: Duration,
    /// `stickiness.*`
    pub stickiness: Option<Stickiness>,
    /// `target_group_health.unhealthy_state_routing.*`: below it, requests go to all targets.
    pub unhealthy_state_routing: HealthThreshold,
    /// `target_group_health.dns_failover.*`: below it, AWS takes the zone out of DNS. Here it affects only metrics.
    pub dns_failover: HealthThreshold,
}

/// How many targets have to be healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthThreshold {
    /// `minimum_healthy_targets.count`; `None` is `off`, which only `dns_failover` accepts.
    pub count: Option<u32>,
    /// `minimum_healthy_targets.percentage`; `None` is `off`.
    pub percentage: Option<u8>,
}

impl Default for HealthThreshold {
    fn default() -> Self {
        Self { count: Some(1), percentage: None }
    }
}

impl Default for TargetGroupAttributes {
    fn default() -> Self {
        Self {
            deregistration_delay: Duration::from_secs(300),
            algorithm: Algorithm::RoundRobin,
            anomaly_mitigation: false,
            slow_start: Duration::ZERO,
            stickiness: None,
            unhealthy_state_routing: HealthThreshold::default(),
            dns_failover: HealthThreshold::default(),
        }
    }
}

/// `load_balancing.algorithm.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// In turn.
    RoundRobin,
    /// Fewest requests in flight.
    LeastOutstandingRequests,
    /// At random, evenly.
    WeightedRandom,
}

/// `stickiness.type`, with its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stickiness {
    /// `lb_cookie`: the load balancer's own `AWSALB`.
    LbCookie {
        /// 1–604800 s.
        duration: Duration,
    },
    /// `app_cookie`: follows a cookie of the application.
    AppCookie {
        /// Name of the application's cookie.
        cookie_name: String,
        /// 1–604800 s.
        duration: Duration,
    },
}
