//! One load balancer: attributes, listeners, rules (ELBv2 API reference, CreateListener, CreateRule).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::lowering::Lowering;
use super::quotas::PAGE as QUOTAS;
use super::security_groups::Groups;
use super::{actions, certificates, conditions, headers, quotas, security_groups, transforms};
use crate::file::File;
use crate::file::load_balancer::{
    DesyncWord, ListenerFile, ListenerProtocolWord, LoadBalancerFile, LogDeliveryFile, RuleFile, XffWord,
};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_alb::actions::limits::Context;
use neargate_alb::limits;
use neargate_alb::rules::limits as rules;
use neargate_alb::violation::Violation;
use neargate_model::listener::{
    DesyncMode, Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes, LogDelivery, XffMode,
};
use neargate_model::rule::{Condition, Rule};
use neargate_model::target_group::TargetGroup;
use neargate_model::{DomainName, LoadBalancerName, TargetGroupName};

/// Terraform requires a bucket; here it is only the name of a folder.
const DEFAULT_BUCKET: &str = "logs";

const ATTRIBUTES: &str = "ALB user guide, Edit attributes for your Application Load Balancer";
const RULES: &str = "ALB user guide, Listener rules for your Application Load Balancer";

/// What a load balancer is lowered with.
pub(super) struct Around<'a> {
    pub(super) file: &'a File,
    /// The names that its certificates are issued for.
    pub(super) domains: &'a [DomainName],
    pub(super) target_groups: &'a BTreeMap<TargetGroupName, TargetGroup>,
    pub(super) groups: &'a Groups,
    /// Whether names were given, or it was said why not.
    pub(super) domain_given: bool,
}

/// What is settled before one of them is lowered.
pub(super) struct Settled {
    pub(super) name: LoadBalancerName,
    pub(super) domains: Vec<DomainName>,
    pub(super) bind_address: IpAddr,
    pub(super) is_first: bool,
}

/// One load balancer. `None` after reporting.
pub(super) fn load_balancer(
    balancer: &LoadBalancerFile,
    around: &Around<'_>,
    settled: Settled,
    lowering: &mut Lowering<'_>,
) -> Option<LoadBalancer> {
    if let Some(kind) = balancer.load_balancer_type.as_ref().filter(|kind| kind.value != "application") {
        lowering.report(
            Diagnostic::error(format!("a load balancer of type `{}`", kind.value), kind.span, "")
                .note("neargate runs only Application Load Balancers")
                .help("write `application`, or leave it out"),
        );
    }
    let security_groups = security_groups::members(balancer.security_groups.as_ref(), around.groups, lowering);
    let attributes = attributes(balancer, lowering);
    let files = balancer.listeners.as_ref()?;
    if files.is_empty() {
        lowering.report(
            Diagnostic::error("a load balancer without listeners", balancer.span, "no client can connect")
                .help("add one: `- { port: 80, protocol: HTTP, default_action: { forward: NAME } }`"),
        );
    }
    let mut lowered: Vec<(Listener, Span, Vec<Span>)> = Vec::new();
    for listener in files {
        if let Some(port) = &listener.port
            && let Some((_, first, _)) = lowered.iter().find(|(known, ..)| known.port == port.value)
        {
            lowering.report(
                Diagnostic::error(format!("two listeners on port {}", port.value), port.span, "")
                    .also(*first, "the other")
                    .refused(&Violation::DuplicateListener { port: port.value }, "CreateListener"),
            );
        }
        if let Some(listener) = one(listener, around, lowering) {
            lowered.push(listener);
        }
    }
    quotas::check(around.file, files, &lowered, settled.is_first, lowering);
    lowered.sort_by_key(|(listener, ..)| listener.port);
    let places = lowered.iter().map(|(_, span, rules)| (*span, rules.clone())).collect();
    lowering.places.listeners.insert(settled.name.clone(), places);
    Some(LoadBalancer {
        name: settled.name,
        internal: balancer.internal.unwrap_or(false),
        domains: settled.domains,
        security_groups,
        listeners: lowered.into_iter().map(|(listener, ..)| listener).collect(),
        attributes,
        bind_address: settled.bind_address,
    })
}

fn attributes(file: &LoadBalancerFile, lowering: &mut Lowering<'_>) -> LoadBalancerAttributes {
    let defaults = LoadBalancerAttributes::default();
    LoadBalancerAttributes {
        idle_timeout: lowering.seconds(
            file.idle_timeout.as_ref(),
            defaults.idle_timeout,
            &limits::IDLE_TIMEOUT,
            "idle_timeout",
            ATTRIBUTES,
        ),
        client_keep_alive: lowering.seconds(
            file.client_keep_alive.as_ref(),
            defaults.client_keep_alive,
            &limits::CLIENT_KEEP_ALIVE,
            "client_keep_alive",
            ATTRIBUTES,
        ),
        http2_enabled: file.enable_http2.unwrap_or(defaults.http2_enabled),
        preserve_host_header: file.preserve_host_header.unwrap_or(defaults.preserve_host_header),
        xff_client_port: file.enable_xff_client_port.unwrap_or(defaults.xff_client_port),
        xff_mode: match file.xff_header_processing_mode {
            None | Some(XffWord::Append) => XffMode::Append,
            Some(XffWord::Preserve) => XffMode::Preserve,
            Some(XffWord::Remove) => XffMode::Remove,
        },
        drop_invalid_header_fields: file.drop_invalid_header_fields.unwrap_or(defaults.drop_invalid_header_fields),
        desync_mitigation_mode: match file.desync_mitigation_mode.as_ref().map(|word| word.value) {
            None | Some(DesyncWord::Defensive) => DesyncMode::Defensive,
            Some(DesyncWord::Monitor) => DesyncMode::Monitor,
            Some(DesyncWord::Strictest) => DesyncMode::Strictest,
        },
        tls_headers: file.enable_tls_version_and_cipher_suite_headers.unwrap_or(defaults.tls_headers),
        access_logs: log_delivery(file.access_logs.as_ref(), lowering),
        connection_logs: log_delivery(file.connection_logs.as_ref(), lowering),
        health_check_logs: log_delivery(file.health_check_logs.as_ref(), lowering),
    }
}

/// `None` unless the log is enabled.
fn log_delivery(file: Option<&LogDeliveryFile>, lowering: &mut Lowering<'_>) -> Option<LogDelivery> {
    let file = file?;
    let mut text = |given: &Option<Spanned<String>>, default: &str| {
        let Some(given) = given else { return default.to_owned() };
        // They become folders here, which must not lead out of the state folder.
        let climbs = given.value.split('/').any(|part| matches!(part, "." | ".."));
        if climbs || given.value.starts_with('/') || given.value.contains(['\\', '\0']) {
            lowering.report(
                Diagnostic::error(format!("`{}` cannot be part of a key in S3 here", given.value), given.span, "")
                    .help("leave out `.`, `..`, backslashes and a slash in front"),
            );
        }
        given.value.clone()
    };
    let (bucket, prefix) = (text(&file.bucket, DEFAULT_BUCKET), text(&file.prefix, ""));
    file.enabled.unwrap_or(false).then_some(LogDelivery { bucket, prefix, gzip: file.gzip.unwrap_or(false) })
}

fn one(file: &ListenerFile, around: &Around<'_>, lowering: &mut Lowering<'_>) -> Option<(Listener, Span, Vec<Span>)> {
    let https = file.protocol.as_ref().is_some_and(|word| word.value == ListenerProtocolWord::Https);
    let port = file.port.as_ref().map_or(0, |port| port.value);
    if let Some(zero) = file.port.as_ref().filter(|port| port.value == 0) {
        lowering.report(Diagnostic::error("there is no port 0", zero.span, "1 to 65535"));
    }
    // With a protocol that could not be made out, nothing is said about actions that need HTTPS.
    let at = Context { https: https || file.protocol.is_none(), port, groups: around.target_groups };
    let protocol = if https {
        ListenerProtocol::Https(certificates::tls(file, around.domains, around.domain_given, lowering))
    } else {
        certificates::none(file, lowering);
        ListenerProtocol::Http
    };
    let default_actions =
        file.default_action.as_ref().and_then(|action| actions::lower(action, file.span, &at, lowering));
    let mut rules: Vec<(Rule, Span)> = Vec::new();
    let mut taken: BTreeMap<u32, Span> = BTreeMap::new();
    for rule in file.rules.iter().flatten() {
        let Some(lowered) = self::rule(rule, &at, lowering) else { continue };
        let span = rule.priority.as_ref().map_or(rule.span, |priority| priority.span);
        if let Some(first) = taken.get(&lowered.priority) {
            let free = (lowered.priority..=50000).find(|priority| !taken.contains_key(priority));
            lowering.report(
                Diagnostic::error(format!("two rules with priority {}", lowered.priority), span, "")
                    .also(*first, "the other")
                    .refused(&Violation::PriorityInUse { priority: lowered.priority }, "CreateRule")
                    .maybe_help(free.map(|free| format!("the next free priority is {free}"))),
            );
        }
        taken.entry(lowered.priority).or_insert(span);
        rules.push((lowered, span));
    }
    rules.sort_by_key(|(rule, _)| rule.priority);
    let (rules, spans) = rules.into_iter().unzip();
    file.protocol.as_ref()?;
    let headers = headers::lower(file, lowering);
    let listener = Listener { port, bind_port: port, protocol, default_actions: default_actions?, rules, headers };
    let span = file.port.as_ref()?.span;
    Some((listener, span, spans))
}

fn rule(file: &RuleFile, at: &Context<'_>, lowering: &mut Lowering<'_>) -> Option<Rule> {
    if let Some(priority) = &file.priority {
        lowering.within(priority, &limits::PRIORITY, "priority", RULES);
    }
    let mut conditions: Vec<Condition> = Vec::new();
    let mut seen: Vec<(&'static str, Span)> = Vec::new();
    if let Some(files) = file.conditions.as_ref() {
        if files.is_empty() {
            lowering.report(
                Diagnostic::error("a rule without conditions", file.span, "")
                    .note(format!("every rule but the default one has at least one condition ({RULES})"))
                    .help("the listener's `default_action` handles requests that no rule matches"),
            );
        }
        for condition in files {
            let Some(lowered) = conditions::lower(condition, lowering) else { continue };
            let kind = lowered.field();
            let first = seen.iter().find(|(known, _)| *known == kind);
            if let (Err(_), Some((_, first))) = (rules::twice(&conditions, &lowered), first) {
                lowering.report(
                    Diagnostic::error(format!("two {kind} conditions in one rule"), condition.span, "")
                        .also(*first, "the other")
                        .note(format!(
                            "a rule has at most one each of host-header, http-request-method, path-pattern and source-ip ({RULES})"
                        ))
                        .help("give one condition several values: they are alternatives"),
                );
            }
            seen.push((kind, condition.span));
            conditions.push(lowered);
        }
    }
    counts(&conditions, file.span, lowering);
    let actions = file.action.as_ref().and_then(|action| actions::lower(action, file.span, at, lowering));
    let priority = file.priority.as_ref()?.value;
    let transforms =
        transforms::lower(file.transform.as_ref().map(|many| many.0.as_slice()).unwrap_or_default(), lowering);
    (!conditions.is_empty()).then_some(Rule { priority, conditions, actions: actions?, transforms })
}

/// Tells of too many values and wildcards.
fn counts(conditions: &[Condition], span: Span, lowering: &mut Lowering<'_>) {
    for violation in rules::counts(conditions) {
        let told = match &violation {
            Violation::TooManyConditionValues { count } => {
                Diagnostic::error(format!("{count} condition values in one rule"), span, "")
                    .aws(&format!("{}: {violation}", violation.code()), QUOTAS)
                    .help("split it into two rules with the same action")
            }
            Violation::TooManyWildcards { count } => {
                Diagnostic::error(format!("{count} wildcards in one rule"), span, "")
                    .note(format!("at most {} wildcards per rule ({QUOTAS})", rules::WILDCARDS_PER_RULE))
                    .help("split it into several rules with the same action")
            }
            _ => continue,
        };
        lowering.report(told);
    }
}
