//! What AWS takes as a target group (ELBv2 API reference, CreateTargetGroup, RegisterTargets; ALB user guide, "Health
//! checks for Application Load Balancer target groups", "Edit target group attributes for your Application Load
//! Balancer").

use std::ops::RangeInclusive;
use std::time::Duration;

use neargate_model::TargetGroupName;
use neargate_model::target_group::{
    Algorithm, HealthCheck, HealthThreshold, Matcher, ProtocolVersion, StaticTarget, Stickiness, TargetGroup,
    TargetGroupAttributes,
};

use crate::limits::{self, Limit, OutOfRange};
use crate::names;
use crate::violation::Violation;
use crate::violation::problems::NameKind;

/// The longest path of a health check, in characters.
pub const LONGEST_HEALTH_CHECK_PATH: usize = 1024;

/// Names of cookies that begin with these are the load balancer's own.
pub const RESERVED_COOKIES: [&str; 3] = ["AWSALB", "AWSALBAPP", "AWSALBTG"];

/// Judges a group with its name, health check, attributes and targets.
pub fn judge(name: &TargetGroupName, group: &TargetGroup) -> Vec<Violation> {
    let mut found: Vec<Violation> = names::judge(NameKind::TargetGroup, name.as_str()).err().into_iter().collect();
    found.extend(limits::PORT.judge(group.port).map_err(Violation::from).err());
    found.extend(health_check(&group.health_check, group.protocol_version));
    found.extend(attributes(&group.attributes));
    found.extend(targets(&group.static_targets));
    found
}

/// Judges a health check.
pub fn health_check(check: &HealthCheck, version: ProtocolVersion) -> Vec<Violation> {
    let mut found = ranges([
        check.port.map_or(Ok(()), |port| limits::PORT.judge(port)),
        limits::HEALTH_CHECK_INTERVAL.judge_seconds(check.interval),
        limits::HEALTH_CHECK_TIMEOUT.judge_seconds(check.timeout),
        limits::HEALTHY_THRESHOLD.judge(check.healthy_threshold),
        limits::UNHEALTHY_THRESHOLD.judge(check.unhealthy_threshold),
    ]);
    found.extend(health_check_path(&check.path).err());
    found.extend(timeout(check).err());
    found.extend(matcher(&check.matcher, version).err());
    found
}

/// Judges the timeout beside the interval.
///
/// # Errors
///
/// The timeout is not the smaller one.
pub fn timeout(check: &HealthCheck) -> Result<(), Violation> {
    let HealthCheck { timeout, interval, .. } = *check;
    if timeout < interval { Ok(()) } else { Err(Violation::TimeoutNotBelowInterval { timeout, interval }) }
}

/// Judges the path of a health check.
///
/// # Errors
///
/// It does not begin with a slash, is too long, or contains characters that a URL does not.
pub fn health_check_path(path: &str) -> Result<(), Violation> {
    let fits = path.starts_with('/')
        && path.len() <= LONGEST_HEALTH_CHECK_PATH
        && path.chars().all(|letter| letter.is_ascii_graphic());
    if fits { Ok(()) } else { Err(Violation::InvalidHealthCheckPath(path.to_owned())) }
}

/// The codes that may pass a health check.
pub fn matcher_codes(version: ProtocolVersion) -> RangeInclusive<u16> {
    match version {
        ProtocolVersion::Grpc => 0..=99,
        ProtocolVersion::Http1 | ProtocolVersion::Http2 => 200..=499,
    }
}

/// Judges the codes of a matcher.
///
/// # Errors
///
/// One of them is not a code of the protocol.
pub fn matcher(matcher: &Matcher, version: ProtocolVersion) -> Result<(), Violation> {
    let codes = matcher_codes(version);
    let strange = matcher.0.iter().find(|range| !codes.contains(range.start()) || !codes.contains(range.end()));
    match strange {
        Some(range) if range.start() == range.end() => {
            Err(Violation::InvalidMatcher { version, codes: range.start().to_string() })
        }
        Some(range) => Err(Violation::InvalidMatcher { version, codes: format!("{}-{}", range.start(), range.end()) }),
        None => Ok(()),
    }
}

/// Judges attributes, each by itself and all together.
pub fn attributes(attributes: &TargetGroupAttributes) -> Vec<Violation> {
    let TargetGroupAttributes { unhealthy_state_routing: routing, dns_failover: dns, .. } = attributes;
    let number = |limit: &'static Limit, value: Option<u32>| value.map_or(Ok(()), |value| limit.judge(value));
    let mut found = ranges([
        limits::DEREGISTRATION_DELAY.judge_seconds(attributes.deregistration_delay),
        slow_start(attributes.slow_start),
        number(&limits::ROUTING_COUNT, routing.count),
        number(&limits::ROUTING_PERCENTAGE, routing.percentage.map(u32::from)),
        number(&limits::DNS_COUNT, dns.count),
        number(&limits::DNS_PERCENTAGE, dns.percentage.map(u32::from)),
    ]);
    match &attributes.stickiness {
        Some(Stickiness::LbCookie { duration }) => found.extend(ranges([limits::LB_COOKIE.judge_seconds(*duration)])),
        Some(Stickiness::AppCookie { cookie_name, duration }) => {
            found.extend(ranges([limits::APP_COOKIE.judge_seconds(*duration)]));
            found.extend(self::cookie_name(cookie_name).err());
        }
        None => {}
    }
    found.extend(combinations(attributes));
    found
}

/// Whether health checks may be turned off: "If the target type is `instance`, `ip`, or `alb`, health checks are always
/// enabled and can't be disabled" (ELBv2 API, CreateTargetGroup, `HealthCheckEnabled`).
pub fn health_checks(enabled: bool) -> Result<(), Violation> {
    if enabled { Ok(()) } else { Err(Violation::HealthChecksTurnedOff) }
}

/// Whether stickiness is possible: it "isn't supported when cross-zone load balancing is off" (ALB user guide, "Edit target
/// group attributes").
pub fn cross_zone(attributes: &TargetGroupAttributes, enabled: bool) -> Result<(), Violation> {
    let is_possible = enabled || attributes.stickiness.is_none();
    if is_possible { Ok(()) } else { Err(Violation::StickinessWithoutCrossZone) }
}

/// Judges what attributes exclude each other, and what one of them needs.
pub fn combinations(attributes: &TargetGroupAttributes) -> Vec<Violation> {
    let mut found = Vec::new();
    if attributes.anomaly_mitigation && attributes.algorithm != Algorithm::WeightedRandom {
        found.push(Violation::AnomalyMitigationWithoutWeightedRandom);
    }
    if !attributes.slow_start.is_zero() && attributes.algorithm != Algorithm::RoundRobin {
        found.push(Violation::SlowStartWithoutRoundRobin(attributes.algorithm));
    }
    if attributes.stickiness.is_some() && attributes.algorithm == Algorithm::WeightedRandom {
        found.push(Violation::StickinessWithWeightedRandom);
    }
    found.extend(thresholds(&attributes.dns_failover, &attributes.unhealthy_state_routing));
    found
}

/// "The threshold for DNS failover must be greater than or equal to the threshold for routing failover, so that DNS
/// failover occurs either with or before routing failover" (ALB user guide, Target group health). What is `off` is not
/// compared, nor is an unchanged count for DNS failover.
fn thresholds(dns: &HealthThreshold, routing: &HealthThreshold) -> Vec<Violation> {
    let is_below = |dns: Option<u32>, routing: Option<u32>| matches!((dns, routing), (Some(d), Some(r)) if d < r);
    let mut found = Vec::new();
    if dns.count != HealthThreshold::default().count && is_below(dns.count, routing.count) {
        found.push(Violation::DnsFailoverBelowRouting { percentage: false });
    }
    if is_below(dns.percentage.map(u32::from), routing.percentage.map(u32::from)) {
        found.push(Violation::DnsFailoverBelowRouting { percentage: true });
    }
    found
}

/// Judges the duration of slow start; 0 is off.
///
/// # Errors
///
/// It is outside of its range.
pub fn slow_start(duration: Duration) -> Result<(), OutOfRange> {
    if duration.is_zero() { Ok(()) } else { limits::SLOW_START.judge_seconds(duration) }
}

/// Judges the name of the application's cookie.
///
/// # Errors
///
/// It is reserved for the load balancer.
pub fn cookie_name(name: &str) -> Result<(), Violation> {
    match RESERVED_COOKIES.iter().any(|reserved| name.starts_with(reserved)) {
        true => Err(Violation::ReservedCookieName(name.to_owned())),
        false => Ok(()),
    }
}

/// Judges targets that are registered by address.
pub fn targets(targets: &[StaticTarget]) -> Vec<Violation> {
    ranges(targets.iter().map(|target| limits::PORT.judge(target.port)))
}

fn ranges(judged: impl IntoIterator<Item = Result<(), OutOfRange>>) -> Vec<Violation> {
    judged.into_iter().filter_map(|judged| judged.map_err(Violation::from).err()).collect()
}
