//! Every setting of a target group as it holds, defaults included: the health check in the words of the file, attributes
//! as `DescribeTargetGroupAttributes` gives them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::target_group::{
    Algorithm, HealthCheck, HealthThreshold, Matcher, ProtocolVersion, Stickiness, TargetGroupAttributes,
    TargetProtocol,
};

#[derive(Serialize)]
pub(super) struct HealthCheckView<'a> {
    protocol: &'static str,
    port: String,
    path: &'a str,
    interval: u64,
    timeout: u64,
    healthy_threshold: u32,
    unhealthy_threshold: u32,
    matcher: String,
}

pub(super) fn health_check(check: &HealthCheck) -> HealthCheckView<'_> {
    HealthCheckView {
        protocol: protocol(check.protocol),
        port: check.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string()),
        path: &check.path,
        interval: check.interval.as_secs(),
        timeout: check.timeout.as_secs(),
        healthy_threshold: check.healthy_threshold,
        unhealthy_threshold: check.unhealthy_threshold,
        matcher: matcher(&check.matcher),
    }
}

pub(super) fn protocol(protocol: TargetProtocol) -> &'static str {
    match protocol {
        TargetProtocol::Http => "HTTP",
        TargetProtocol::Https => "HTTPS",
    }
}

pub(super) fn protocol_version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::Http1 => "HTTP1",
        ProtocolVersion::Http2 => "HTTP2",
        ProtocolVersion::Grpc => "GRPC",
    }
}

/// `200,202` or `200-299`, as it can be written.
pub(super) fn matcher(matcher: &Matcher) -> String {
    let code = |range: &std::ops::RangeInclusive<u16>| match (range.start(), range.end()) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}-{to}"),
    };
    matcher.0.iter().map(code).collect::<Vec<_>>().join(",")
}

/// ELBv2 API reference, TargetGroupAttribute: those that make a difference here.
pub(super) fn attributes(attributes: &TargetGroupAttributes) -> BTreeMap<&'static str, String> {
    let seconds = |duration: std::time::Duration| duration.as_secs().to_string();
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    let count = |threshold: HealthThreshold| threshold.count.map_or_else(|| switch(false), |count| count.to_string());
    let percentage = |threshold: HealthThreshold| {
        threshold.percentage.map_or_else(|| switch(false), |percentage| percentage.to_string())
    };
    let mut list = BTreeMap::from([
        ("deregistration_delay.timeout_seconds", seconds(attributes.deregistration_delay)),
        ("load_balancing.algorithm.type", algorithm(attributes.algorithm).to_owned()),
        ("load_balancing.algorithm.anomaly_mitigation", switch(attributes.anomaly_mitigation)),
        ("slow_start.duration_seconds", seconds(attributes.slow_start)),
        ("stickiness.enabled", attributes.stickiness.is_some().to_string()),
        ("target_group_health.dns_failover.minimum_healthy_targets.count", count(attributes.dns_failover)),
        ("target_group_health.dns_failover.minimum_healthy_targets.percentage", percentage(attributes.dns_failover)),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            count(attributes.unhealthy_state_routing),
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            percentage(attributes.unhealthy_state_routing),
        ),
    ]);
    match &attributes.stickiness {
        None => {}
        Some(Stickiness::LbCookie { duration }) => list.extend([
            ("stickiness.type", "lb_cookie".to_owned()),
            ("stickiness.lb_cookie.duration_seconds", seconds(*duration)),
        ]),
        Some(Stickiness::AppCookie { cookie_name, duration }) => list.extend([
            ("stickiness.type", "app_cookie".to_owned()),
            ("stickiness.app_cookie.cookie_name", cookie_name.clone()),
            ("stickiness.app_cookie.duration_seconds", seconds(*duration)),
        ]),
    }
    list
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RoundRobin => "round_robin",
        Algorithm::LeastOutstandingRequests => "least_outstanding_requests",
        Algorithm::WeightedRandom => "weighted_random",
    }
}
