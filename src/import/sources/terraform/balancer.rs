//! `aws_lb`, its listeners and their rules.

use super::resource::Resource;
use super::shape::{Shape, inner, list, renamed};
use crate::objects::{Item, Kind, Object, Value};

const LOAD_BALANCER: &[(&str, &str)] = &[
    ("idle_timeout", "idle_timeout.timeout_seconds"),
    ("client_keep_alive", "client_keep_alive.seconds"),
    ("enable_http2", "routing.http2.enabled"),
    ("preserve_host_header", "routing.http.preserve_host_header.enabled"),
    ("enable_xff_client_port", "routing.http.xff_client_port.enabled"),
    ("enable_tls_version_and_cipher_suite_headers", "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"),
    ("drop_invalid_header_fields", "routing.http.drop_invalid_header_fields.enabled"),
    ("xff_header_processing_mode", "routing.http.xff_header_processing.mode"),
    ("desync_mitigation_mode", "routing.http.desync_mitigation_mode"),
    ("enable_deletion_protection", "deletion_protection.enabled"),
    ("enable_cross_zone_load_balancing", "load_balancing.cross_zone.enabled"),
    ("enable_waf_fail_open", "waf.fail_open.enabled"),
    ("enable_zonal_shift", "zonal_shift.config.enabled"),
];

/// `None` for load balancers of other types.
pub(super) fn load_balancer(resource: &Resource) -> Option<Object> {
    let mut shape = Shape::new(Kind::LoadBalancer, resource);
    let kind = shape.take("load_balancer_type");
    if kind.and_then(|kind| kind.as_text()).is_some_and(|kind| kind != "application") {
        return None;
    }
    shape.name("Name");
    shape.rename(&[
        ("dns_name", "DNSName"),
        ("security_groups", "SecurityGroups"),
        ("ip_address_type", "IpAddressType"),
        ("subnets", "Subnets"),
        ("vpc_id", "VpcId"),
        ("tags", "Tags"),
    ]);
    shape.take("subnet_mapping");
    if let Some(internal) = shape.take("internal") {
        let word = if internal.as_bool() == Some(true) { "internal" } else { "internet-facing" };
        shape.put("Scheme", Item { value: Value::Text(word.to_owned()), ..internal });
    }
    shape.attributes(LOAD_BALANCER);
    for (argument, kind) in [
        ("access_logs", "access_logs"),
        ("connection_logs", "connection_logs"),
        ("health_check_logs", "health_check_logs"),
    ] {
        if let Some(block) = shape.block(argument) {
            let key = |field: &str| format!("{kind}.s3.{field}");
            let (enabled, bucket, prefix) = (key("enabled"), key("bucket"), key("prefix"));
            shape.attributes_of(&block, &[("enabled", &enabled), ("bucket", &bucket), ("prefix", &prefix)]);
        }
    }
    if let Some(name) = shape.object.get("DNSName").and_then(Item::as_text) {
        shape.object.ids.push(name);
    }
    Some(shape.done())
}

/// Arguments of a listener that are attributes: `routing_http_…`, with dots where AWS has them.
const LISTENER: &[(&str, &str)] = &[
    ("routing_http_response_server_enabled", "routing.http.response.server.enabled"),
    (
        "routing_http_response_strict_transport_security_header_value",
        "routing.http.response.strict_transport_security.header_value",
    ),
    (
        "routing_http_response_access_control_allow_origin_header_value",
        "routing.http.response.access_control_allow_origin.header_value",
    ),
    (
        "routing_http_response_access_control_allow_methods_header_value",
        "routing.http.response.access_control_allow_methods.header_value",
    ),
    (
        "routing_http_response_access_control_allow_headers_header_value",
        "routing.http.response.access_control_allow_headers.header_value",
    ),
    (
        "routing_http_response_access_control_allow_credentials_header_value",
        "routing.http.response.access_control_allow_credentials.header_value",
    ),
    (
        "routing_http_response_access_control_expose_headers_header_value",
        "routing.http.response.access_control_expose_headers.header_value",
    ),
    (
        "routing_http_response_access_control_max_age_header_value",
        "routing.http.response.access_control_max_age.header_value",
    ),
    (
        "routing_http_response_content_security_policy_header_value",
        "routing.http.response.content_security_policy.header_value",
    ),
    (
        "routing_http_response_x_content_type_options_header_value",
        "routing.http.response.x_content_type_options.header_value",
    ),
    ("routing_http_response_x_frame_options_header_value", "routing.http.response.x_frame_options.header_value"),
    ("routing_http_request_x_amzn_tls_version_header_name", "routing.http.request.x_amzn_tls_version.header_name"),
    (
        "routing_http_request_x_amzn_tls_cipher_suite_header_name",
        "routing.http.request.x_amzn_tls_cipher_suite.header_name",
    ),
];

pub(super) fn listener(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::Listener, resource);
    shape.rename(&[
        ("load_balancer_arn", "LoadBalancerArn"),
        ("port", "Port"),
        ("protocol", "Protocol"),
        ("ssl_policy", "SslPolicy"),
        ("tags", "Tags"),
    ]);
    for silent in ["alpn_policy", "tcp_idle_timeout_seconds"] {
        shape.take(silent);
    }
    if let Some(mutual) = shape.block("mutual_authentication") {
        shape.put("MutualAuthentication", renamed(&mutual, &[("mode", "Mode")]));
    }
    if let Some(arn) = shape.take("certificate_arn") {
        let mut certificate = Item::map(&arn.place);
        let place = arn.place.clone();
        certificate.put("CertificateArn", arn);
        shape.put("Certificates", list(vec![certificate], &place));
    }
    if let Some(written) = shape.take("default_action") {
        shape.put("DefaultActions", actions(&written));
    }
    shape.attributes(LISTENER);
    shape.done()
}

pub(super) fn listener_certificate(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::ListenerCertificate, resource);
    shape.rename(&[("listener_arn", "ListenerArn")]);
    if let Some(arn) = shape.take("certificate_arn") {
        let mut certificate = Item::map(&arn.place);
        let place = arn.place.clone();
        certificate.put("CertificateArn", arn);
        shape.put("Certificates", list(vec![certificate], &place));
    }
    shape.done()
}

/// `None` for a default rule that was imported as a rule: the listener has its action.
pub(super) fn rule(resource: &Resource) -> Option<Object> {
    const DEFAULT: u64 = 99_999;
    let mut shape = Shape::new(Kind::Rule, resource);
    shape.rename(&[("listener_arn", "ListenerArn"), ("priority", "Priority"), ("tags", "Tags")]);
    if shape.object.get("Priority").and_then(Item::as_number) == Some(DEFAULT) {
        return None;
    }
    if let Some(written) = shape.take("action") {
        shape.put("Actions", actions(&written));
    }
    if let Some(written) = shape.take("condition") {
        let conditions = written.list().iter().flat_map(conditions).collect();
        shape.put("Conditions", list(conditions, &written.place));
    }
    if let Some(written) = shape.take("transform") {
        let transforms = written.list().iter().map(transform).collect();
        shape.put("Transforms", list(transforms, &written.place));
    }
    Some(shape.done())
}

/// Actions in the order that `order` gives them.
fn actions(written: &Item) -> Item {
    let mut all: Vec<Item> = written.list().to_vec();
    all.sort_by_key(|action| action.get("order").and_then(Item::as_number).unwrap_or(0));
    list(all.iter().map(action).collect(), &written.place)
}

fn action(written: &Item) -> Item {
    let mut action = renamed(written, &[("type", "Type"), ("order", "Order"), ("target_group_arn", "TargetGroupArn")]);
    if let Some(forward) = inner(written, "forward") {
        let mut config = Item::map(&forward.place);
        if let Some(groups) = forward.get("target_group") {
            let weighted = |group: &Item| renamed(group, &[("arn", "TargetGroupArn"), ("weight", "Weight")]);
            config.put("TargetGroups", list(groups.list().iter().map(weighted).collect(), &groups.place));
        }
        if let Some(stickiness) = inner(&forward, "stickiness") {
            let stickiness = renamed(&stickiness, &[("enabled", "Enabled"), ("duration", "DurationSeconds")]);
            config.put("TargetGroupStickinessConfig", stickiness);
        }
        action.put("ForwardConfig", config);
    }
    if let Some(redirect) = inner(written, "redirect") {
        let fields = [
            ("protocol", "Protocol"),
            ("host", "Host"),
            ("port", "Port"),
            ("path", "Path"),
            ("query", "Query"),
            ("status_code", "StatusCode"),
        ];
        action.put("RedirectConfig", renamed(&redirect, &fields));
    }
    if let Some(fixed) = inner(written, "fixed_response") {
        let fields = [("status_code", "StatusCode"), ("content_type", "ContentType"), ("message_body", "MessageBody")];
        action.put("FixedResponseConfig", renamed(&fixed, &fields));
    }
    // Of the actions that authenticate only the type is taken: they hold a client's secret.
    action
}

/// One kind per condition. Older versions of the provider have `field` and `values` instead.
fn conditions(written: &Item) -> Vec<Item> {
    if let (Some(field), Some(values)) = (written.get("field"), written.get("values")) {
        let mut condition = Item::map(&written.place);
        condition.put("Field", field.clone());
        condition.put("Values", values.clone());
        return vec![condition];
    }
    let kinds = [
        ("host_header", "host-header", "HostHeaderConfig"),
        ("path_pattern", "path-pattern", "PathPatternConfig"),
        ("http_header", "http-header", "HttpHeaderConfig"),
        ("http_request_method", "http-request-method", "HttpRequestMethodConfig"),
        ("source_ip", "source-ip", "SourceIpConfig"),
    ];
    let mut found = Vec::new();
    for (argument, field, config) in kinds {
        if let Some(block) = inner(written, argument) {
            let mut condition = Item::map(&written.place);
            condition.put("Field", Item::text(field, &block.place));
            let fields =
                [("http_header_name", "HttpHeaderName"), ("values", "Values"), ("regex_values", "RegexValues")];
            condition.put(config, renamed(&block, &fields));
            found.push(condition);
        }
    }
    if let Some(strings) = written.get("query_string") {
        let mut condition = Item::map(&written.place);
        condition.put("Field", Item::text("query-string", &strings.place));
        let values = strings.list().iter().map(|value| renamed(value, &[("key", "Key"), ("value", "Value")])).collect();
        let mut config = Item::map(&strings.place);
        config.put("Values", list(values, &strings.place));
        condition.put("QueryStringConfig", config);
        found.push(condition);
    }
    found
}

fn transform(written: &Item) -> Item {
    let mut transform = renamed(written, &[("type", "Type")]);
    for (argument, field) in [("host_header_rewrite", "HostHeaderRewriteConfig"), ("url_rewrite", "UrlRewriteConfig")] {
        if let Some(config) = inner(written, argument)
            && let Some(rewrite) = inner(&config, "rewrite")
        {
            let rewrite = renamed(&rewrite, &[("regex", "Regex"), ("replacement", "Replace"), ("replace", "Replace")]);
            let mut out = Item::map(&config.place);
            out.put("Rewrites", list(vec![rewrite], &config.place));
            transform.put(field, out);
        }
    }
    transform
}
