//! Load balancers with their listeners, certificates and rules.

use super::context::Context;
use super::report::Outcome;
use super::tree::{Map, Out, Part, raw, text};
use super::{actions, conditions, domains, security};
use crate::objects::{Item, Kind, Object, Target, Value};

/// Attributes of load balancers, the keys that say the same, and AWS's defaults.
const ATTRIBUTES: &[(&str, &str, &str)] = &[
    ("idle_timeout.timeout_seconds", "idle_timeout", "60"),
    ("client_keep_alive.seconds", "client_keep_alive", "3600"),
    ("routing.http2.enabled", "enable_http2", "true"),
    ("routing.http.preserve_host_header.enabled", "preserve_host_header", "false"),
    ("routing.http.xff_client_port.enabled", "enable_xff_client_port", "false"),
    ("routing.http.xff_header_processing.mode", "xff_header_processing_mode", "append"),
    ("routing.http.drop_invalid_header_fields.enabled", "drop_invalid_header_fields", "false"),
    ("routing.http.desync_mitigation_mode", "desync_mitigation_mode", "defensive"),
    (
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        "enable_tls_version_and_cipher_suite_headers",
        "false",
    ),
];

/// A balancer with what belongs to it.
pub(super) struct Balancer<'o> {
    pub(super) object: &'o Object,
    pub(super) listeners: Vec<&'o Object>,
    pub(super) rules: Vec<(&'o Object, Vec<&'o Object>)>,
}

/// The balancer's listeners and their rules.
pub(super) fn gather<'o>(object: &'o Object, context: &Context<'o>) -> Balancer<'o> {
    let leads = |link: Option<&Item>, kind: Kind, to: &Object| {
        let link = link.map(|link| context.objects.follow(kind, link));
        matches!(link, Some(Target::Object(found)) if found.key == to.key)
    };
    let listeners: Vec<&Object> = context
        .objects
        .of(Kind::Listener)
        .filter(|listener| leads(listener.get("LoadBalancerArn"), Kind::LoadBalancer, object))
        .collect();
    let rules = listeners
        .iter()
        .map(|listener| {
            let rules = context.objects.of(Kind::Rule);
            (*listener, rules.filter(|rule| leads(rule.get("ListenerArn"), Kind::Listener, listener)).collect())
        })
        .collect();
    Balancer { object, listeners, rules }
}

/// `load_balancer`, and the names that lead to it.
pub(super) fn lower(balancer: &Balancer<'_>, context: &mut Context<'_>) -> (Part, Vec<String>) {
    let object = balancer.object;
    let rules: Vec<&Object> = balancer.rules.iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
    let names = domains::of(object, &balancer.listeners, &rules, context);
    let mut out = Map::default();
    if let Some(name) = &object.name {
        out.put("name", Part::at(text(name), object.place()));
    }
    if object.get("Scheme").and_then(Item::as_text).is_some_and(|scheme| scheme == "internal") {
        out.put("internal", raw(true));
    }
    security::members(object.get("SecurityGroups"), object.place(), &mut out, context);
    attributes(object, &mut out, context);
    let listeners = balancer.rules.iter().map(|(listener, rules)| self::listener(listener, rules, context)).collect();
    out.put("listeners", Out::List(listeners));
    context.rest(
        object,
        &["Name", "DNSName", "Scheme", "SecurityGroups", "Attributes", "Type", "LoadBalancerArn", "State"],
    );
    (Part::at(out.out(), object.place()).comment(object.place().to_string()), names)
}

/// An attribute of an object, as a map or as AWS's list of keys and values.
pub(super) fn attribute<'o>(object: &'o Object, key: &str) -> Option<&'o Item> {
    let attributes = object.get("Attributes")?;
    match &attributes.value {
        Value::List(items) => {
            let named = |item: &&Item| item.get("Key").and_then(Item::as_text).as_deref() == Some(key);
            items.iter().find(named)?.get("Value")
        }
        _ => attributes.get(key),
    }
}

/// Attributes that differ from AWS's defaults, under the file's keys.
pub(super) fn put_attributes(object: &Object, table: &[(&str, &str, &str)], out: &mut Map, context: &mut Context<'_>) {
    for (attribute, key, default) in table {
        let Some(item) = self::attribute(object, attribute) else { continue };
        let Some(value) = item.as_text() else { continue };
        context.report.add(Outcome::Honoured, attribute, &item.place, "");
        if value != *default {
            let scalar = if value.parse::<u64>().is_ok() || item.as_bool().is_some() {
                raw(&value)
            } else {
                context.text(item, key, key)
            };
            out.put(key, Part::at(scalar, &item.place));
        }
    }
}

fn attributes(object: &Object, out: &mut Map, context: &mut Context<'_>) {
    put_attributes(object, ATTRIBUTES, out, context);
    for log in ["access_logs", "connection_logs", "health_check_logs"] {
        let item = |field: &str| attribute(object, &format!("{log}.s3.{field}"));
        let Some(enabled) = item("enabled").filter(|enabled| enabled.as_bool() == Some(true)) else { continue };
        let mut map = Map::default();
        map.put("enabled", raw(true));
        for field in ["bucket", "prefix"] {
            if let Some(item) = item(field) {
                map.put(field, context.text(item, field, log));
            }
        }
        context.report.add(Outcome::Honoured, log, &enabled.place, "");
        out.put(log, Part::at(map.out(), &enabled.place));
    }
}

fn listener(listener: &Object, rules: &[&Object], context: &mut Context<'_>) -> Part {
    let mut out = Map::default();
    let https = listener.get("Protocol").and_then(Item::as_text).is_some_and(|protocol| protocol == "HTTPS");
    match listener.get("Port").and_then(Item::as_number) {
        Some(port) => out.put("port", raw(port)),
        None => context.report.add(Outcome::Refused, "Port", listener.place(), "the listener's port is not known"),
    }
    out.put("protocol", text(if https { "HTTPS" } else { "HTTP" }));
    if https {
        if let Some(policy) = listener.get("SslPolicy").filter(|policy| policy.as_text().is_some()) {
            out.put("ssl_policy", Part::at(context.text(policy, "ssl_policy", "a policy"), &policy.place));
        }
        let certificates = certificates(listener, context);
        if !certificates.is_empty() {
            out.put("certificate", Out::List(certificates));
        }
    }
    let headers: Vec<(String, Item)> = match listener.get("Attributes").map(|attributes| &attributes.value) {
        Some(Value::Map(entries)) => entries.clone(),
        Some(Value::List(items)) => {
            items.iter().filter_map(|item| Some((item.get("Key")?.as_text()?, item.get("Value")?.clone()))).collect()
        }
        _ => Vec::new(),
    };
    for (attribute, item) in headers.iter().filter(|(_, item)| item.is_given() && item.as_text().is_some()) {
        let mtls = attribute.contains("mtls");
        let is_default = attribute == "routing.http.response.server.enabled" && item.as_bool() == Some(true);
        if attribute.starts_with("routing.http.") && !mtls && !is_default {
            let key = attribute.replace(['.', '-'], "_");
            let value = if item.as_bool().is_some() && key.ends_with("_enabled") {
                raw(item.as_text().unwrap_or_default())
            } else {
                context.text(item, &key, &key)
            };
            context.report.add(Outcome::Honoured, attribute, &item.place, "");
            out.put(&key, Part::at(value, &item.place));
        }
    }
    out.put("default_action", actions::lower(listener.get("DefaultActions"), listener.place(), context));
    let rules = self::rules(rules, context);
    if !rules.is_empty() {
        out.put("rules", Out::List(rules));
    }
    let read = [
        "LoadBalancerArn",
        "ListenerArn",
        "Port",
        "Protocol",
        "SslPolicy",
        "Certificates",
        "DefaultActions",
        "Attributes",
    ];
    context.rest(listener, &read);
    Part::at(out.out(), listener.place()).comment(listener.place().to_string())
}

/// The listener's certificates: the default one first.
fn certificates(listener: &Object, context: &mut Context<'_>) -> Vec<Part> {
    let mut links: Vec<Item> = listener.get("Certificates").into_iter().flat_map(Item::list).cloned().collect();
    links.sort_by_key(|link| link.get("IsDefault").and_then(Item::as_bool) == Some(false));
    for more in context.objects.of(Kind::ListenerCertificate) {
        let owner = more.get("ListenerArn").map(|link| context.objects.follow(Kind::Listener, link));
        if matches!(owner, Some(Target::Object(owner)) if owner.key == listener.key) {
            links.extend(more.get("Certificates").into_iter().flat_map(Item::list).cloned());
        }
    }
    let mut all = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for link in &links {
        let Some(arn) = link.get("CertificateArn") else { continue };
        let mut out = Map::default();
        let key = match context.objects.follow(Kind::Certificate, arn) {
            Target::Object(certificate) if certificate.get("DomainName").is_some() => {
                let name = certificate.get("DomainName").and_then(Item::as_text).unwrap_or_default();
                out.put("domain_name", Part::at(text(&name), certificate.place()));
                let more: Vec<String> = certificate
                    .get("SubjectAlternativeNames")
                    .into_iter()
                    .flat_map(Item::list)
                    .filter_map(Item::as_text)
                    .filter(|more| *more != name)
                    .collect();
                if !more.is_empty() {
                    let more = more.iter().map(|name| text(name).into()).collect();
                    out.put("subject_alternative_names", Out::List(more));
                }
                certificate.key.clone()
            }
            Target::Object(Object { key, .. }) => {
                out.put("certificate_arn", Part::at(text(key), &arn.place));
                key.clone()
            }
            Target::External(id) => {
                out.put("certificate_arn", Part::at(text(&id), &arn.place));
                id
            }
            Target::Refused { .. } => "?".to_owned(),
        };
        if !seen.contains(&key) {
            let note = "a certificate with the same names is issued here";
            context.report.add(Outcome::LocalOnly, "CertificateArn", &arn.place, note);
            seen.push(key);
            if !out.0.is_empty() {
                all.push(Part::at(out.out(), &arn.place));
            }
        }
    }
    all
}

fn rules(rules: &[&Object], context: &mut Context<'_>) -> Vec<Part> {
    let priority = |rule: &Object| rule.get("Priority").and_then(Item::as_number);
    let mut next = rules.iter().filter_map(|rule| priority(rule)).max().unwrap_or(0);
    let mut numbered: Vec<(u64, &Object)> = Vec::new();
    for rule in rules {
        let number = priority(rule).unwrap_or_else(|| {
            // Terraform's provider takes the highest and one more; of several, nobody knows the order.
            next += 1;
            let note = format!("the source gives none; {next} follows the highest, as Terraform's provider would do");
            context.report.add(Outcome::Approximated, "Priority", rule.place(), note);
            next
        });
        numbered.push((number, rule));
    }
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(number, rule)| self::rule(number, rule, context)).collect()
}

fn rule(number: u64, rule: &Object, context: &mut Context<'_>) -> Part {
    let mut out = Map::default();
    let place = rule.get("Priority").map_or(rule.place(), |item| &item.place);
    out.put("priority", Part::at(raw(number), place));
    let conditions = rule.get("Conditions").map(|written| conditions::lower(written, context)).unwrap_or_default();
    out.put("conditions", Part::at(Out::List(conditions), rule.place()));
    if let Some(transforms) = rule.get("Transforms") {
        out.put("transform", conditions::transforms(transforms, context));
    }
    out.put("action", actions::lower(rule.get("Actions"), rule.place(), context));
    context.rest(rule, &["ListenerArn", "Priority", "Conditions", "Actions", "Transforms"]);
    Part::at(out.out(), rule.place()).comment(rule.place().to_string())
}
