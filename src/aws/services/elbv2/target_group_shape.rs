//! A target group as DescribeTargetGroups returns it, and its health check as the API writes it.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, not_one_of, refused};
use super::known::Known;
use super::network;
use crate::alb::violation::Violation;
use crate::aws::action::drop_nulls;
use crate::model::TargetGroupName;
use crate::model::arn::Arn;
use crate::model::target_group::{HealthCheck, Matcher, ProtocolVersion, TargetGroup, TargetProtocol};
use crate::protocols::fault::Fault;

/// The members of a record that mean nothing here.
pub(super) const VPC: &str = "vpcId";
pub(super) const TARGET_TYPE: &str = "targetType";
pub(super) const IP_ADDRESS_TYPE: &str = "ipAddressType";

/// The health check, and what else CreateTargetGroup and ModifyTargetGroup share.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Given {
    health_check_protocol: Option<String>,
    health_check_port: Option<String>,
    pub(super) health_check_enabled: Option<bool>,
    health_check_path: Option<String>,
    health_check_interval_seconds: Option<u64>,
    health_check_timeout_seconds: Option<u64>,
    healthy_threshold_count: Option<u32>,
    unhealthy_threshold_count: Option<u32>,
    matcher: GivenMatcher,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct GivenMatcher {
    http_code: Option<String>,
    grpc_code: Option<String>,
}

impl Given {
    /// What is not said stays as it is.
    pub(super) fn over(&self, before: HealthCheck, version: ProtocolVersion) -> Result<HealthCheck, Fault> {
        let seconds = |given: Option<u64>, before: Duration| given.map_or(before, Duration::from_secs);
        let said = |given: &Option<String>| given.clone().filter(|text| !text.is_empty());
        let codes = match version {
            ProtocolVersion::Grpc => said(&self.matcher.grpc_code),
            ProtocolVersion::Http1 | ProtocolVersion::Http2 => said(&self.matcher.http_code),
        };
        Ok(HealthCheck {
            protocol: match said(&self.health_check_protocol) {
                Some(protocol) => read_protocol(&protocol, "healthCheckProtocol")?,
                None => before.protocol,
            },
            port: match said(&self.health_check_port).as_deref() {
                Some("traffic-port") => None,
                Some(port) => Some(port.parse().map_err(|_| {
                    invalid(format!("Health check port '{port}' must be 'traffic-port' or between '1-65535' inclusive"))
                })?),
                None => before.port,
            },
            path: said(&self.health_check_path).unwrap_or(before.path),
            interval: seconds(self.health_check_interval_seconds, before.interval),
            timeout: seconds(self.health_check_timeout_seconds, before.timeout),
            healthy_threshold: self.healthy_threshold_count.unwrap_or(before.healthy_threshold),
            unhealthy_threshold: self.unhealthy_threshold_count.unwrap_or(before.unhealthy_threshold),
            matcher: match codes {
                Some(codes) => read_matcher(&codes, version)?,
                None => before.matcher,
            },
        })
    }
}

/// `Protocol` of a target group or a health check.
pub(super) fn read_protocol(given: &str, member: &str) -> Result<TargetProtocol, Fault> {
    match given {
        "HTTP" => Ok(TargetProtocol::Http),
        "HTTPS" => Ok(TargetProtocol::Https),
        other => Err(not_one_of(other, member, &["HTTP", "HTTPS"])),
    }
}

/// `200,202` or `200-299`
fn read_matcher(codes: &str, version: ProtocolVersion) -> Result<Matcher, Fault> {
    let range = |part: &str| -> Option<RangeInclusive<u16>> {
        let part = part.trim();
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (from <= to).then_some(from..=to)
    };
    let ranges: Option<Vec<_>> = codes.split(',').map(range).collect();
    ranges.map(Matcher).ok_or_else(|| refused(&Violation::InvalidMatcher { version, codes: codes.to_owned() }))
}

fn codes(matcher: &Matcher) -> String {
    let code = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}-{to}"),
    };
    matcher.0.iter().map(code).collect::<Vec<_>>().join(",")
}

fn protocol(protocol: TargetProtocol) -> &'static str {
    match protocol {
        TargetProtocol::Http => "HTTP",
        TargetProtocol::Https => "HTTPS",
    }
}

/// A target group. One of the file is of type `ip`.
pub(super) fn shape(known: &Known<'_>, name: &TargetGroupName, group: &TargetGroup) -> Value {
    let arn = Arn::target_group(name);
    let member = |member: &str| known.member(arn.as_str(), member);
    let check = &group.health_check;
    let (version, matcher) = match group.protocol_version {
        ProtocolVersion::Http1 => ("HTTP1", "HttpCode"),
        ProtocolVersion::Http2 => ("HTTP2", "HttpCode"),
        ProtocolVersion::Grpc => ("GRPC", "GrpcCode"),
    };
    let balancers: Vec<Arn> = known.forwarding(name).into_iter().map(Arn::load_balancer).collect();
    let mut shape = json!({
        "TargetGroupArn": arn,
        "TargetGroupName": name,
        "Protocol": protocol(group.protocol),
        "Port": group.port,
        "VpcId": member(VPC).unwrap_or_else(|| json!(network::default_vpc())),
        "HealthCheckProtocol": protocol(check.protocol),
        "HealthCheckPort": check.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string()),
        "HealthCheckEnabled": true,
        "HealthCheckIntervalSeconds": check.interval.as_secs(),
        "HealthCheckTimeoutSeconds": check.timeout.as_secs(),
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "HealthCheckPath": check.path,
        "Matcher": { matcher: codes(&check.matcher) },
        "LoadBalancerArns": balancers,
        "TargetType": target_type(known, name),
        "ProtocolVersion": version,
        "IpAddressType": member(IP_ADDRESS_TYPE).unwrap_or_else(|| json!("ipv4")),
    });
    drop_nulls(&mut shape);
    shape
}

/// `TargetType`. A group of the file is of type `ip`.
pub(super) fn target_type(known: &Known<'_>, name: &TargetGroupName) -> String {
    let remembered = known.member(Arn::target_group(name).as_str(), TARGET_TYPE);
    remembered.as_ref().and_then(Value::as_str).unwrap_or("ip").to_owned()
}
