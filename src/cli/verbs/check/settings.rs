//! Every effective setting, including defaults: the health check with the file's names, attributes of target groups, the
//! load balancer and listeners as in `DescribeTargetGroupAttributes` and similar calls.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::listener::{
    DesyncMode, HeaderModification, LoadBalancer, LoadBalancerAttributes, RESPONSE_HEADERS, XffMode,
};
use crate::model::target_group::{
    Algorithm, HealthCheck, HealthThreshold, Matcher, ProtocolVersion, Stickiness, TargetGroupAttributes,
    TargetProtocol,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
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

/// `Scheme` of the API.
pub(super) fn scheme(balancer: &LoadBalancer) -> &'static str {
    if balancer.internal { "internal" } else { "internet-facing" }
}

/// ELBv2 API reference, LoadBalancerAttribute: those that make a difference here.
pub(super) fn of_load_balancer(attributes: &LoadBalancerAttributes) -> BTreeMap<&'static str, String> {
    let mut list = BTreeMap::from([
        ("client_keep_alive.seconds", attributes.client_keep_alive.as_secs().to_string()),
        ("idle_timeout.timeout_seconds", attributes.idle_timeout.as_secs().to_string()),
        ("routing.http.desync_mitigation_mode", desync_mode(attributes.desync_mitigation_mode).to_owned()),
        ("routing.http.drop_invalid_header_fields.enabled", attributes.drop_invalid_header_fields.to_string()),
        ("routing.http.preserve_host_header.enabled", attributes.preserve_host_header.to_string()),
        ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", attributes.tls_headers.to_string()),
        ("routing.http.xff_client_port.enabled", attributes.xff_client_port.to_string()),
        ("routing.http.xff_header_processing.mode", xff_mode(attributes.xff_mode).to_owned()),
        ("routing.http2.enabled", attributes.http2_enabled.to_string()),
    ]);
    for ([enabled, bucket, prefix], delivery) in [
        (["access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix"], &attributes.access_logs),
        (
            ["connection_logs.s3.enabled", "connection_logs.s3.bucket", "connection_logs.s3.prefix"],
            &attributes.connection_logs,
        ),
        (
            ["health_check_logs.s3.enabled", "health_check_logs.s3.bucket", "health_check_logs.s3.prefix"],
            &attributes.health_check_logs,
        ),
    ] {
        list.insert(enabled, delivery.is_some().to_string());
        list.insert(bucket, delivery.as_ref().map(|delivery| delivery.bucket.clone()).unwrap_or_default());
        list.insert(prefix, delivery.as_ref().map(|delivery| delivery.prefix.clone()).unwrap_or_default());
    }
    list
}

fn desync_mode(mode: DesyncMode) -> &'static str {
    match mode {
        DesyncMode::Monitor => "monitor",
        DesyncMode::Defensive => "defensive",
        DesyncMode::Strictest => "strictest",
    }
}

fn xff_mode(mode: XffMode) -> &'static str {
    match mode {
        XffMode::Append => "append",
        XffMode::Preserve => "preserve",
        XffMode::Remove => "remove",
    }
}

/// ELBv2 API reference, ListenerAttribute: those that make a difference here. A header that is not set has no value.
pub(super) fn of_listener(headers: &HeaderModification) -> BTreeMap<String, String> {
    let mut list = BTreeMap::from([
        ("routing.http.response.server.enabled".to_owned(), headers.server.to_string()),
        ("routing.http.request.x_amzn_tls_version.header_name".to_owned(), headers.tls_version_name.clone()),
        ("routing.http.request.x_amzn_tls_cipher_suite.header_name".to_owned(), headers.tls_cipher_suite_name.clone()),
    ]);
    list.extend(RESPONSE_HEADERS.iter().map(|name| {
        let value = headers.response.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let key = name.to_ascii_lowercase().replace('-', "_");
        (format!("routing.http.response.{key}.header_value"), value.unwrap_or_default())
    }));
    list
}

#[cfg(test)]
mod tests {
    //! The cases of `fixtures/alb/attributes/`: what attributes are by default, what they can be, and what they cannot.

    use std::path::Path;

    use serde::Deserialize;

    use super::*;
    use crate::config::{self, Loaded, Source, Tasks};
    use neargate_fixture as fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        source: String,
        attribute: String,
        /// Its value when the file says nothing.
        default: String,
        /// Lines of the file, and the attribute's value then.
        written: BTreeMap<String, String>,
        /// Lines that are refused.
        #[serde(default)]
        refused: Vec<String>,
    }

    const FILE: &str = "\
target_groups: { tg: { port: 80, targets: [ { address: 127.0.0.1 } ] } }
load_balancer:
  LOAD_BALANCER
  listeners:
    - port: 8080
      protocol: HTTP
      default_action: { forward: tg }
      LISTENER
";

    /// The file with one more line of the load balancer, or of its listener if the line is about `routing_http_…`.
    fn load(line: &str) -> Option<Loaded> {
        let of_listener = line.starts_with("routing_http_");
        let (balancer, listener) = if of_listener { ("", line) } else { (line, "") };
        let text = FILE.replace("LOAD_BALANCER", balancer).replace("LISTENER", listener);
        let source = Source {
            path: Path::new("neargate.yaml"),
            folder: Path::new("/project"),
            text: &text,
            overrides: &[],
            env_files: None,
            read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
            env: &|_| None,
            tasks: Tasks::Run,
            unusable_certificate: &|_, _| None,
        };
        config::load(source).ok()
    }

    fn value(loaded: &Loaded, attribute: &str) -> Option<String> {
        let balancer = &loaded.topology.main_load_balancer();
        let of_balancer = of_load_balancer(&balancer.attributes).get(attribute).cloned();
        of_balancer.or_else(|| of_listener(&balancer.listeners[0].headers).get(attribute).cloned())
    }

    fn check(case: Case) {
        let what = format!("{} ({})", case.name, case.source);
        let of =
            |line: &str| value(&load(line).unwrap_or_else(|| panic!("{what}: {line} is refused")), &case.attribute);
        assert_eq!(of(""), Some(case.default), "{what}");
        assert!(!case.written.is_empty(), "{what}");
        for (line, expected) in case.written {
            assert_eq!(of(&line), Some(expected), "{what}: {line}");
        }
        for line in case.refused {
            assert!(load(&line).is_none(), "{what}: {line} is not refused");
        }
    }

    #[test]
    fn attributes_have_the_defaults_and_ranges_of_the_fixtures() {
        fixture::each("alb/attributes", check);
    }
}
