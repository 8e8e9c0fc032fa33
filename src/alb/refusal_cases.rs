//! What the API refuses, against the cases of `fixtures/alb/refusals`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::actions::limits::{self as actions, Context};
use super::actions::transform;
use super::metrics::alarm_limits;
use super::rules::limits as rules;
use super::security_group;
use super::targets::limits as targets;
use super::violation::Violation;
use neargate_fixture as fixture;
use neargate_model::TargetGroupName;
use neargate_model::rule::{
    Action, Actions, Condition, FixedResponse, Forward, Redirect, Rewrite, Rule, Transforms, WeightedTargetGroup,
};
use neargate_model::target_group::{Algorithm, Matcher, ProtocolVersion, Stickiness, TargetGroup};

/// What differs from something that is accepted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    /// The name of a target group.
    target_group: Option<String>,
    protocol_version: Option<ProtocolVersion>,
    health_check: Option<HealthCheckText>,
    attributes: Option<AttributesText>,
    rule: Option<RuleText>,
    /// Whether the listener of the action is an HTTPS listener.
    #[serde(default)]
    https: bool,
    redirect: Option<RedirectText>,
    fixed_response: Option<FixedText>,
    /// Weights by target group; one named `grpc` speaks gRPC, one named `sticky` is sticky.
    forward: Option<BTreeMap<String, u16>>,
    rewrite: Option<Rewrite>,
    /// How many a load balancer is in.
    security_groups: Option<usize>,
    #[serde(default)]
    without_health_checks: bool,
    #[serde(default)]
    without_cross_zone: bool,
    /// Period in seconds, evaluation periods, datapoints to alarm.
    metric_alarm: Option<(u32, u32, u32)>,
    /// Code and message of each violation.
    refused: Vec<String>,
}

/// Times are in seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthCheckText {
    interval: Option<u64>,
    timeout: Option<u64>,
    healthy_threshold: Option<u32>,
    unhealthy_threshold: Option<u32>,
    path: Option<String>,
    matcher: Option<(u16, u16)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttributesText {
    deregistration_delay: Option<u64>,
    slow_start: Option<u64>,
    algorithm: Option<Algorithm>,
    #[serde(default)]
    anomaly_mitigation: bool,
    lb_cookie: Option<u64>,
    app_cookie: Option<String>,
    routing_percentage: Option<u8>,
    dns_percentage: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    priority: u32,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedirectText {
    protocol: Option<String>,
    host: Option<String>,
    port: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FixedText {
    status_code: u16,
    content_type: Option<String>,
}

fn target_group(case: &Case) -> TargetGroup {
    let mut group = TargetGroup::new(80);
    group.protocol_version = case.protocol_version.unwrap_or(group.protocol_version);
    let seconds = |value: Option<u64>, default: Duration| value.map_or(default, Duration::from_secs);
    if let Some(text) = &case.health_check {
        let check = &mut group.health_check;
        check.interval = seconds(text.interval, check.interval);
        check.timeout = seconds(text.timeout, check.timeout);
        check.healthy_threshold = text.healthy_threshold.unwrap_or(check.healthy_threshold);
        check.unhealthy_threshold = text.unhealthy_threshold.unwrap_or(check.unhealthy_threshold);
        check.path = text.path.clone().unwrap_or_else(|| check.path.clone());
        if let Some((from, to)) = text.matcher {
            check.matcher = Matcher(vec![from..=to]);
        }
    }
    if let Some(text) = &case.attributes {
        let attributes = &mut group.attributes;
        attributes.deregistration_delay = seconds(text.deregistration_delay, attributes.deregistration_delay);
        attributes.slow_start = seconds(text.slow_start, attributes.slow_start);
        attributes.algorithm = text.algorithm.unwrap_or(attributes.algorithm);
        attributes.anomaly_mitigation = text.anomaly_mitigation;
        attributes.unhealthy_state_routing.percentage = text.routing_percentage;
        attributes.dns_failover.percentage = text.dns_percentage;
        let day = Duration::from_secs(86400);
        let of_load_balancer = text.lb_cookie.map(|time| Stickiness::LbCookie { duration: Duration::from_secs(time) });
        let of_application =
            text.app_cookie.clone().map(|cookie_name| Stickiness::AppCookie { cookie_name, duration: day });
        attributes.stickiness = of_load_balancer.or(of_application);
    }
    group
}

fn action(case: &Case) -> Option<Action> {
    if let Some(text) = &case.redirect {
        let mut redirect = Redirect::with_defaults(301);
        redirect.protocol = text.protocol.clone().unwrap_or(redirect.protocol);
        redirect.host = text.host.clone().unwrap_or(redirect.host);
        redirect.port = text.port.clone().unwrap_or(redirect.port);
        return Some(Action::Redirect(redirect));
    }
    if let Some(FixedText { status_code, content_type }) = &case.fixed_response {
        let fixed = FixedResponse {
            status_code: *status_code,
            content_type: content_type.clone(),
            message_body: String::new(),
        };
        return Some(Action::FixedResponse(fixed));
    }
    let weights = case.forward.as_ref()?.iter();
    let target_groups =
        weights.map(|(name, weight)| WeightedTargetGroup { target_group: TargetGroupName::new(name), weight: *weight });
    Some(Action::Forward(Forward { target_groups: target_groups.collect(), stickiness_seconds: None }))
}

fn violations(case: &Case) -> Vec<Violation> {
    if let Some(action) = action(case) {
        let mut grpc = TargetGroup::new(80);
        grpc.protocol_version = ProtocolVersion::Grpc;
        let mut sticky = TargetGroup::new(80);
        sticky.attributes.stickiness = Some(Stickiness::LbCookie { duration: Duration::from_secs(60) });
        let groups = [("a", TargetGroup::new(80)), ("grpc", grpc), ("sticky", sticky)];
        let groups = groups.into_iter().map(|(name, group)| (TargetGroupName::new(name), group)).collect();
        let port = if case.https { 443 } else { 80 };
        return actions::judge(&Actions::from(action), &Context { https: case.https, port, groups: &groups });
    }
    if let Some(rewrite) = &case.rewrite {
        return transform::judge(&Transforms { host_header: None, url: Some(rewrite.clone()) });
    }
    if let Some((period, periods, datapoints)) = case.metric_alarm {
        return alarm_limits::judge(period, periods, datapoints);
    }
    if let Some(count) = case.security_groups {
        return security_group::members(count).err().into_iter().collect();
    }
    if let Some(RuleText { priority, conditions }) = &case.rule {
        let fixed = FixedResponse { status_code: 200, content_type: None, message_body: String::new() };
        return rules::judge(&Rule {
            priority: *priority,
            conditions: conditions.clone(),
            actions: Action::FixedResponse(fixed).into(),
            transforms: Transforms::default(),
        });
    }
    let name = case.target_group.as_deref().unwrap_or("group");
    let group = target_group(case);
    let mut found = targets::judge(&TargetGroupName::new(name), &group);
    found.extend(targets::health_checks(!case.without_health_checks).err());
    found.extend(targets::cross_zone(&group.attributes, !case.without_cross_zone).err());
    found
}

/// Ids of ARNs are digests of names: cases leave them out.
fn without_ids(text: &str) -> String {
    let digest = regex::Regex::new("/[0-9a-f]{16}").expect("an expression");
    digest.replace_all(text, "/ID").into_owned()
}

#[test]
fn the_api_refuses_what_it_is_known_to_refuse() {
    fixture::each("alb/refusals", |case: Case| {
        assert!(!case.source.is_empty(), "{}: a case says where it comes from", case.name);
        let said: Vec<String> = violations(&case)
            .iter()
            .map(|violation| without_ids(&format!("{}: {violation}", violation.code())))
            .collect();
        assert_eq!(said, case.refused, "{}", case.name);
    });
}
