//! Target groups.

use super::balancers::put_attributes;
use super::context::Context;
use super::report::Outcome;
use super::tree::{Map, Out, Part, raw, text};
use crate::objects::{Item, Object, Origin};

const ATTRIBUTES: &[(&str, &str, &str)] = &[
    ("deregistration_delay.timeout_seconds", "deregistration_delay", "300"),
    ("slow_start.duration_seconds", "slow_start", "0"),
    ("load_balancing.algorithm.type", "load_balancing_algorithm_type", "round_robin"),
    ("load_balancing.algorithm.anomaly_mitigation", "load_balancing_anomaly_mitigation", "off"),
];

/// Fields of health checks, the file's keys, and AWS's defaults.
const CHECK: &[(&str, &str, &str)] = &[
    ("HealthCheckPath", "path", ""),
    ("HealthCheckPort", "port", "traffic-port"),
    ("HealthCheckProtocol", "protocol", "HTTP"),
    ("HealthCheckIntervalSeconds", "interval", "30"),
    ("HealthCheckTimeoutSeconds", "timeout", "5"),
    ("HealthyThresholdCount", "healthy_threshold", "5"),
    ("UnhealthyThresholdCount", "unhealthy_threshold", "2"),
];

/// Whether an Application Load Balancer can have it.
pub(super) fn is_http(group: &Object) -> bool {
    group.get("Protocol").and_then(Item::as_text).is_none_or(|protocol| matches!(protocol.as_str(), "HTTP" | "HTTPS"))
}

/// A group of the file.
pub(super) fn lower(group: &Object, context: &mut Context<'_>) -> Part {
    let mut out = Map::default();
    let value = |field: &str| group.get(field).and_then(Item::as_text);
    let kind = value("TargetType").unwrap_or_else(|| "instance".to_owned());
    if kind != "ip" {
        let note = match kind.as_str() {
            "lambda" => "there are no Lambda targets: it answers 503",
            _ => "targets are tasks here, whatever their type in AWS",
        };
        context.report.add(Outcome::Approximated, "TargetType", group.place(), note);
    }
    if value("Protocol").as_deref() == Some("HTTPS") {
        out.put("protocol", text("HTTPS"));
    }
    if let Some(version) = value("ProtocolVersion").filter(|version| version != "HTTP1") {
        out.put("protocol_version", text(&version.to_uppercase()));
    }
    match group.get("Port").and_then(Item::as_number) {
        Some(port) => out.put("port", Part::at(raw(port), group.place())),
        None => out.put("port", raw(80)),
    }
    let check = health_check(group, context);
    if !check.0.is_empty() {
        out.put("health_check", check.out());
    }
    put_attributes(group, ATTRIBUTES, &mut out, context);
    stickiness(group, &mut out, context);
    health(group, &mut out, context);
    targets(group, context);
    let read = [
        "Name",
        "Port",
        "Protocol",
        "ProtocolVersion",
        "TargetType",
        "Matcher",
        "Attributes",
        "Targets",
        "HealthCheckEnabled",
    ];
    let read: Vec<&str> = read.into_iter().chain(CHECK.iter().map(|(field, ..)| *field)).collect();
    context.rest(group, &read);
    Part::at(out.out(), group.place()).comment(group.place().to_string())
}

fn health_check(group: &Object, context: &mut Context<'_>) -> Map {
    let mut out = Map::default();
    let grpc = group.get("ProtocolVersion").and_then(Item::as_text).is_some_and(|version| version == "GRPC");
    let path = if grpc { "/AWS.ALB/healthcheck" } else { "/" };
    for (field, key, default) in CHECK {
        let Some(item) = group.get(field) else { continue };
        let Some(value) = item.as_text() else { continue };
        match &item.origin {
            Origin::Default(whose) => context.report.add(Outcome::Default, field, &item.place, format!("of {whose}")),
            _ => context.report.add(Outcome::Honoured, field, &item.place, ""),
        }
        let default = if *key == "path" { path } else { default };
        if value != default {
            let scalar = match value.parse::<u64>() {
                Ok(_) if *key != "port" => raw(&value),
                _ => context.text(item, key, "a health check"),
            };
            out.put(key, Part::at(scalar, &item.place));
        }
    }
    let matcher = group.get("Matcher").and_then(|matcher| matcher.get("HttpCode").or_else(|| matcher.get("GrpcCode")));
    if let Some(item) = matcher
        && let Some(value) = item.as_text()
        && value != if grpc { "12" } else { "200" }
    {
        context.report.add(Outcome::Honoured, "Matcher", &item.place, "");
        out.put("matcher", Part::at(Out::Scalar(crate::yaml::quoted(&value)), &item.place));
    }
    out
}

fn stickiness(group: &Object, out: &mut Map, context: &mut Context<'_>) {
    let attribute = |key: &str| super::balancers::attribute(group, key).cloned();
    let Some(enabled) = attribute("stickiness.enabled").filter(|enabled| enabled.as_bool() == Some(true)) else {
        return;
    };
    let kind = attribute("stickiness.type").and_then(|kind| kind.as_text()).unwrap_or_else(|| "lb_cookie".to_owned());
    let mut map = Map::default();
    map.put("type", text(&kind));
    let duration = attribute(&format!("stickiness.{kind}.duration_seconds")).and_then(|seconds| seconds.as_number());
    if let Some(seconds) = duration.filter(|seconds| *seconds > 0) {
        map.put("cookie_duration", raw(seconds));
    }
    if let (Some(name), "app_cookie") = (attribute("stickiness.app_cookie.cookie_name"), kind.as_str()) {
        map.put("cookie_name", context.text(&name, "cookie_name", "stickiness"));
    }
    context.report.add(Outcome::Honoured, "stickiness", &enabled.place, "");
    out.put("stickiness", Part::at(map.out(), &enabled.place));
}

fn health(group: &Object, out: &mut Map, context: &mut Context<'_>) {
    let mut health = Map::default();
    for (name, default_count) in [("dns_failover", "1"), ("unhealthy_state_routing", "1")] {
        let mut map = Map::default();
        for (part, key, default) in [
            ("count", "minimum_healthy_targets_count", default_count),
            ("percentage", "minimum_healthy_targets_percentage", "off"),
        ] {
            let attribute = format!("target_group_health.{name}.minimum_healthy_targets.{part}");
            if let Some(item) = super::balancers::attribute(group, &attribute)
                && let Some(value) = item.as_text().filter(|value| value != default)
            {
                context.report.add(Outcome::Honoured, &attribute, &item.place, "");
                map.put(
                    key,
                    Part::at(
                        Out::Scalar(if part == "count" { value } else { crate::yaml::quoted(&value) }),
                        &item.place,
                    ),
                );
            }
        }
        if !map.0.is_empty() {
            health.put(name, map.out());
        }
    }
    if !health.0.is_empty() {
        out.put("target_group_health", health.out());
    }
}

/// Addresses of production are not reachable from here.
fn targets(group: &Object, context: &mut Context<'_>) {
    if let Some(targets) = group.get("Targets") {
        let note = "addresses of production are left out; add `targets` with addresses that this machine reaches";
        context.report.add(Outcome::LocalOnly, "Targets", &targets.place, note);
    }
}
