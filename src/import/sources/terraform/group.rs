//! `aws_lb_target_group`.

use super::resource::Resource;
use super::shape::{Shape, inner, renamed};
use crate::objects::{Item, Kind, Object, Origin, Value};

const ATTRIBUTES: &[(&str, &str)] = &[
    ("deregistration_delay", "deregistration_delay.timeout_seconds"),
    ("slow_start", "slow_start.duration_seconds"),
    ("load_balancing_algorithm_type", "load_balancing.algorithm.type"),
    ("load_balancing_anomaly_mitigation", "load_balancing.algorithm.anomaly_mitigation"),
    ("load_balancing_cross_zone_enabled", "load_balancing.cross_zone.enabled"),
    ("lambda_multi_value_headers_enabled", "lambda.multi_value_headers.enabled"),
];

/// Arguments of network load balancers.
const NETWORK: &[&str] =
    &["preserve_client_ip", "proxy_protocol_v2", "connection_termination", "target_failover", "target_health_state"];

pub(super) fn target_group(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::TargetGroup, resource);
    shape.name("Name");
    shape.rename(&[
        ("port", "Port"),
        ("protocol", "Protocol"),
        ("protocol_version", "ProtocolVersion"),
        ("target_type", "TargetType"),
        ("vpc_id", "VpcId"),
        ("ip_address_type", "IpAddressType"),
        ("tags", "Tags"),
    ]);
    NETWORK.iter().for_each(|argument| drop(shape.take(argument)));
    if let Some(check) = shape.block("health_check") {
        health_check(&check, &mut shape);
    }
    shape.attributes(ATTRIBUTES);
    if let Some(stickiness) = shape.block("stickiness") {
        stick(&stickiness, &mut shape);
    }
    if let Some(health) = shape.block("target_group_health") {
        for (argument, name) in
            [("dns_failover", "dns_failover"), ("unhealthy_state_routing", "unhealthy_state_routing")]
        {
            if let Some(block) = inner(&health, argument) {
                let (count, percentage) = (
                    format!("target_group_health.{name}.minimum_healthy_targets.count"),
                    format!("target_group_health.{name}.minimum_healthy_targets.percentage"),
                );
                let table = [
                    ("minimum_healthy_targets_count", count.as_str()),
                    ("minimum_healthy_targets_percentage", percentage.as_str()),
                ];
                shape.attributes_of(&block, &table);
            }
        }
    }
    shape.done()
}

/// With a block the provider's thresholds hold, without one AWS's.
fn health_check(check: &Item, shape: &mut Shape<'_>) {
    let fields = [
        ("enabled", "HealthCheckEnabled"),
        ("path", "HealthCheckPath"),
        ("port", "HealthCheckPort"),
        ("protocol", "HealthCheckProtocol"),
        ("interval", "HealthCheckIntervalSeconds"),
        ("timeout", "HealthCheckTimeoutSeconds"),
        ("healthy_threshold", "HealthyThresholdCount"),
        ("unhealthy_threshold", "UnhealthyThresholdCount"),
    ];
    for (field, item) in renamed(check, &fields).entries() {
        shape.put(field, item.clone());
    }
    for field in ["HealthyThresholdCount", "UnhealthyThresholdCount"] {
        if shape.object.get(field).is_none_or(|item| matches!(item.origin, Origin::Unknown { .. })) {
            let three = Item {
                value: Value::Number(3.into()),
                origin: Origin::Default("Terraform's provider, where there is a `health_check` block".to_owned()),
                place: check.place.clone(),
            };
            shape.put(field, three);
        }
    }
    if let Some(matcher) = check.get("matcher") {
        let grpc = shape.object.get("ProtocolVersion").and_then(Item::as_text).is_some_and(|version| version == "GRPC");
        let mut codes = Item::map(&check.place);
        codes.put(if grpc { "GrpcCode" } else { "HttpCode" }, matcher.clone());
        shape.put("Matcher", codes);
    }
}

fn stick(stickiness: &Item, shape: &mut Shape<'_>) {
    let mut stickiness = stickiness.clone();
    if stickiness.get("enabled").is_none() {
        let yes = Item {
            value: Value::Bool(true),
            origin: Origin::Default("Terraform's provider, where there is a `stickiness` block".to_owned()),
            place: stickiness.place.clone(),
        };
        stickiness.put("enabled", yes);
    }
    let app = stickiness.get("type").and_then(Item::as_text).is_some_and(|kind| kind == "app_cookie");
    let duration = if app { "stickiness.app_cookie.duration_seconds" } else { "stickiness.lb_cookie.duration_seconds" };
    let table = [
        ("enabled", "stickiness.enabled"),
        ("type", "stickiness.type"),
        ("cookie_duration", duration),
        ("cookie_name", "stickiness.app_cookie.cookie_name"),
    ];
    shape.attributes_of(&stickiness, &table);
}
