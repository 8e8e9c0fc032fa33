//! Those of a target group.

use std::collections::BTreeMap;
use std::time::Duration;

use neargate_model::target_group::{Algorithm, HealthThreshold, Stickiness, TargetGroupAttributes};

use super::texts::{Reader, Texts, over};
use crate::targets::limits;
use crate::violation::Violation;

/// What AWS says where the group does not: keys without effect here, and the settings of stickiness while it is off.
const UNSAID: &[(&str, &str)] = &[
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("stickiness.app_cookie.cookie_name", ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.type", "lb_cookie"),
];

const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("round_robin", Algorithm::RoundRobin),
    ("least_outstanding_requests", Algorithm::LeastOutstandingRequests),
    ("weighted_random", Algorithm::WeightedRandom),
];

const DNS_COUNT: &str = "target_group_health.dns_failover.minimum_healthy_targets.count";
const DNS_PERCENTAGE: &str = "target_group_health.dns_failover.minimum_healthy_targets.percentage";
const ROUTING_COUNT: &str = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count";
const ROUTING_PERCENTAGE: &str = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage";

/// Those that make a difference here.
pub fn spelled(attributes: &TargetGroupAttributes) -> BTreeMap<&'static str, String> {
    let seconds = |duration: Duration| duration.as_secs().to_string();
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
        (DNS_COUNT, count(attributes.dns_failover)),
        (DNS_PERCENTAGE, percentage(attributes.dns_failover)),
        (ROUTING_COUNT, count(attributes.unhealthy_state_routing)),
        (ROUTING_PERCENTAGE, percentage(attributes.unhealthy_state_routing)),
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

/// All of them.
pub fn texts(attributes: &TargetGroupAttributes) -> Texts {
    over(UNSAID, spelled(attributes).into_iter().map(|(key, text)| (key.to_owned(), text)))
}

/// What they mean.
///
/// # Errors
///
/// A value that its key does not take. Ranges and combinations are judged with the attributes.
pub fn read(texts: &Texts) -> Result<TargetGroupAttributes, Violation> {
    let reader = Reader(texts);
    let cross_zone = reader.word(
        "load_balancing.cross_zone.enabled",
        &[("true", true), ("false", false), ("use_load_balancer_configuration", true)],
    )?;
    let attributes = TargetGroupAttributes {
        deregistration_delay: reader.seconds("deregistration_delay.timeout_seconds")?,
        algorithm: reader.word("load_balancing.algorithm.type", ALGORITHMS)?,
        anomaly_mitigation: reader.switch("load_balancing.algorithm.anomaly_mitigation")?,
        slow_start: reader.seconds("slow_start.duration_seconds")?,
        stickiness: stickiness(&reader)?,
        unhealthy_state_routing: threshold(&reader, ROUTING_COUNT, ROUTING_PERCENTAGE)?,
        dns_failover: threshold(&reader, DNS_COUNT, DNS_PERCENTAGE)?,
    };
    limits::cross_zone(&attributes, cross_zone)?;
    Ok(attributes)
}

fn stickiness(reader: &Reader<'_>) -> Result<Option<Stickiness>, Violation> {
    let enabled = reader.flag("stickiness.enabled")?;
    let app_cookie = reader.word("stickiness.type", &[("lb_cookie", false), ("app_cookie", true)])?;
    let [lb_duration, app_duration] =
        ["stickiness.lb_cookie.duration_seconds", "stickiness.app_cookie.duration_seconds"]
            .map(|key| reader.seconds(key));
    let (lb_duration, app_duration) = (lb_duration?, app_duration?);
    Ok(match (enabled, app_cookie) {
        (false, _) => None,
        (true, false) => Some(Stickiness::LbCookie { duration: lb_duration }),
        (true, true) => {
            let cookie_name = reader.text("stickiness.app_cookie.cookie_name").to_owned();
            if cookie_name.is_empty() {
                return Err(Violation::CookieNameMissing);
            }
            Some(Stickiness::AppCookie { cookie_name, duration: app_duration })
        }
    })
}

fn threshold(reader: &Reader<'_>, count: &'static str, percentage: &'static str) -> Result<HealthThreshold, Violation> {
    fn unless_off<N: std::str::FromStr>(reader: &Reader<'_>, key: &'static str) -> Result<Option<N>, Violation> {
        if reader.text(key) == "off" { Ok(None) } else { reader.number(key).map(Some) }
    }
    if count == ROUTING_COUNT && reader.text(count) == "off" {
        return Err(reader.not_a_number(count));
    }
    Ok(HealthThreshold { count: unless_off(reader, count)?, percentage: unless_off(reader, percentage)? })
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RoundRobin => "round_robin",
        Algorithm::LeastOutstandingRequests => "least_outstanding_requests",
        Algorithm::WeightedRandom => "weighted_random",
    }
}
