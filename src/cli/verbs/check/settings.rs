//! Every effective setting, including defaults: the health check with the file's names, attributes of target groups, the
//! load balancer and listeners as in `DescribeTargetGroupAttributes` and similar calls.

use serde::Serialize;

use crate::model::listener::LoadBalancer;
use crate::model::target_group::{HealthCheck, Matcher, ProtocolVersion, TargetProtocol};

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

/// `Scheme` of the API.
pub(super) fn scheme(balancer: &LoadBalancer) -> &'static str {
    if balancer.internal { "internal" } else { "internet-facing" }
}

#[cfg(test)]
mod tests {
    //! The cases of `fixtures/alb/attributes/`: what attributes are by default, what they can be, and what they cannot.

    use std::collections::BTreeMap;
    use std::path::Path;

    use serde::Deserialize;

    use crate::alb::attributes;
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
        let of_balancer = attributes::load_balancer::spelled(&balancer.attributes).get(attribute).cloned();
        of_balancer.or_else(|| attributes::listener::texts(&balancer.listeners[0].headers).get(attribute).cloned())
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
