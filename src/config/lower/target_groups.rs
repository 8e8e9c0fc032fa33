//! `target_groups`: settings, health checks, attributes (ELBv2 API reference, CreateTargetGroup; ALB user guide,
//! "Edit target group attributes").

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::lowering::Lowering;
use super::names;
use crate::file::File;
use crate::file::target_group::{
    AlgorithmWord, HealthCheckFile, ProtocolVersionWord, StickinessFile, StickinessWord, SwitchWord, TargetGroupFile,
    TargetProtocolWord,
};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_alb::limits::{self, Limit};
use neargate_alb::targets::limits as group;
use neargate_alb::violation::Violation;
use neargate_alb::violation::problems::NameKind;
use neargate_model::TargetGroupName;
use neargate_model::target_group::{
    Algorithm, HealthCheck, HealthThreshold, Matcher, ProtocolVersion, StaticTarget, Stickiness, TargetGroup,
    TargetGroupAttributes, TargetProtocol,
};

const HEALTH: &str = "ALB user guide, Health checks for Application Load Balancer target groups";
const ATTRIBUTES: &str = "ALB user guide, Edit target group attributes for your Application Load Balancer";
const HEALTH_OF_GROUP: &str = "ALB user guide, Target group health";
const CREATE: &str = "CreateTargetGroup";

/// All groups, by name.
pub(super) fn lower(file: &File, lowering: &mut Lowering<'_>) -> BTreeMap<TargetGroupName, TargetGroup> {
    let mut groups = BTreeMap::new();
    for (name, group) in file.target_groups.iter().flat_map(|groups| groups.iter()) {
        lowering.places.target_groups.insert(name.value.clone(), name.span);
        names::elbv2(name, NameKind::TargetGroup, CREATE, lowering);
        if let Some(group) = one(group, lowering) {
            groups.insert(TargetGroupName::new(&name.value), group);
        }
    }
    groups
}

fn one(file: &TargetGroupFile, lowering: &mut Lowering<'_>) -> Option<TargetGroup> {
    let version = match file.protocol_version.as_ref().map(|word| word.value) {
        None | Some(ProtocolVersionWord::Http1) => ProtocolVersion::Http1,
        Some(ProtocolVersionWord::Http2) => ProtocolVersion::Http2,
        Some(ProtocolVersionWord::Grpc) => ProtocolVersion::Grpc,
    };
    if let Some(port) = file.port.as_ref().filter(|port| port.value == 0) {
        lowering.report(Diagnostic::error("there is no port 0", port.span, "1 to 65535"));
    }
    let health_check = health_check(file.health_check.as_ref(), version, lowering);
    let attributes = attributes(file, lowering);
    let port = file.port.as_ref()?.value;
    let static_targets = file
        .targets
        .iter()
        .flatten()
        .filter_map(|target| {
            let address = address(target.address.as_ref()?, lowering)?;
            Some(StaticTarget { address, port: target.port.as_ref().map_or(port, |port| port.value) })
        })
        .collect();
    Some(TargetGroup {
        protocol: protocol(file.protocol.as_ref()),
        protocol_version: version,
        port,
        health_check,
        attributes,
        static_targets,
    })
}

fn protocol(word: Option<&Spanned<TargetProtocolWord>>) -> TargetProtocol {
    match word.map(|word| word.value) {
        None | Some(TargetProtocolWord::Http) => TargetProtocol::Http,
        Some(TargetProtocolWord::Https) => TargetProtocol::Https,
    }
}

fn address(text: &Spanned<String>, lowering: &mut Lowering<'_>) -> Option<IpAddr> {
    let parsed = if text.value == "localhost" { Ok(IpAddr::from([127, 0, 0, 1])) } else { text.parse() };
    parsed
        .inspect_err(|_| {
            lowering.report(
                Diagnostic::error(format!("`{}` is not an address", text.value), text.span, "")
                    .note("a target of type `ip` is registered by its address (ELBv2 API reference, RegisterTargets)")
                    .help("for a process on this machine, write 127.0.0.1"),
            );
        })
        .ok()
}

fn health_check(file: Option<&HealthCheckFile>, version: ProtocolVersion, lowering: &mut Lowering<'_>) -> HealthCheck {
    let mut check = HealthCheck::new(version);
    let Some(file) = file else { return check };
    if let Some(enabled) = &file.enabled
        && group::health_checks(enabled.value).is_err()
    {
        lowering.report(
            Diagnostic::error("health checks cannot be turned off", enabled.span, "")
                .note(format!("for targets of type `ip` and `instance` they are always on ({HEALTH})"))
                .help("to accept any answer, write `matcher: 200-499`"),
        );
    }
    check.protocol = protocol(file.protocol.as_ref());
    check.port = file.port.as_ref().and_then(|port| health_port(port, lowering));
    if let Some(path) = &file.path {
        if group::health_check_path(path).is_err() {
            lowering.report(
                Diagnostic::error("not a path for health checks", path.span, "")
                    .note(format!(
                        "it begins with `/`, has at most 1024 characters and no spaces; a query may follow ({HEALTH})"
                    ))
                    .maybe_help((!path.starts_with('/')).then(|| format!("write `/{}`", path.value))),
            );
        }
        check.path.clone_from(&path.value);
    }
    check.interval =
        lowering.seconds(file.interval.as_ref(), check.interval, &limits::HEALTH_CHECK_INTERVAL, "interval", HEALTH);
    check.timeout =
        lowering.seconds(file.timeout.as_ref(), check.timeout, &limits::HEALTH_CHECK_TIMEOUT, "timeout", HEALTH);
    if group::timeout(&check).is_err() {
        let at = file.timeout.as_ref().or(file.interval.as_ref()).map_or(file.span, |field| field.span);
        lowering.report(
            Diagnostic::error(
                format!(
                    "the timeout ({} s) is not smaller than the interval ({} s)",
                    check.timeout.as_secs(),
                    check.interval.as_secs()
                ),
                at,
                "",
            )
            .note(format!("the timeout must be smaller than the interval ({HEALTH})")),
        );
    }
    for (field, value, limit, name) in [
        (&file.healthy_threshold, &mut check.healthy_threshold, &limits::HEALTHY_THRESHOLD, "healthy_threshold"),
        (
            &file.unhealthy_threshold,
            &mut check.unhealthy_threshold,
            &limits::UNHEALTHY_THRESHOLD,
            "unhealthy_threshold",
        ),
    ] {
        if let Some(field) = field {
            lowering.within(field, limit, name, HEALTH);
            *value = field.value;
        }
    }
    if let Some(text) = &file.matcher {
        let grpc = version == ProtocolVersion::Grpc;
        match matcher(text, version) {
            Ok(matcher) => check.matcher = matcher,
            Err(why) => {
                let wrong = Diagnostic::error("not a matcher for health checks", text.span, why);
                let wrong = if grpc {
                    let refused = Violation::InvalidMatcher { version, codes: text.value.clone() };
                    wrong.aws(&refused.to_string(), "ELBv2 API reference, CreateTargetGroup")
                } else {
                    wrong.note(format!("the codes are 200 to 499 ({HEALTH})"))
                };
                lowering.report(wrong.help("write codes and ranges with commas between them: 200,202 or 200-299"));
            }
        }
    }
    check
}

fn health_port(port: &Spanned<String>, lowering: &mut Lowering<'_>) -> Option<u16> {
    if port.value == "traffic-port" {
        return None;
    }
    let number = port.parse().ok().filter(|number: &u16| *number > 0);
    if number.is_none() {
        lowering.report(
            Diagnostic::error(format!("`{}` is not a port for health checks", port.value), port.span, "")
                .note(format!("`traffic-port`, or 1 to 65535 ({HEALTH})")),
        );
    }
    number
}

/// `200`, `200,202`, `200-299`.
fn matcher(text: &str, version: ProtocolVersion) -> Result<Matcher, &'static str> {
    let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (Ok(from), Ok(to)) = (from.trim().parse::<u16>(), to.trim().parse::<u16>()) else {
            return Err("not a number, nor a range of numbers");
        };
        let codes = group::matcher_codes(version);
        if from < *codes.start() || to > *codes.end() {
            return Err(match version {
                ProtocolVersion::Grpc => "codes of gRPC are 0 to 99",
                ProtocolVersion::Http1 | ProtocolVersion::Http2 => "only 200 to 499 can be healthy",
            });
        }
        if from > to {
            return Err("the range runs backwards");
        }
        ranges.push(from..=to);
    }
    Ok(Matcher(ranges))
}

fn attributes(file: &TargetGroupFile, lowering: &mut Lowering<'_>) -> TargetGroupAttributes {
    let defaults = TargetGroupAttributes::default();
    let algorithm = match file.load_balancing_algorithm_type.as_ref().map(|word| word.value) {
        None | Some(AlgorithmWord::RoundRobin) => Algorithm::RoundRobin,
        Some(AlgorithmWord::LeastOutstandingRequests) => Algorithm::LeastOutstandingRequests,
        Some(AlgorithmWord::WeightedRandom) => Algorithm::WeightedRandom,
    };
    let mitigation = file.load_balancing_anomaly_mitigation.as_ref().filter(|word| word.value == SwitchWord::On);
    if let Some(slow) = file.slow_start.as_ref().filter(|slow| slow.value != 0) {
        lowering.within(slow, &limits::SLOW_START, "slow_start", ATTRIBUTES);
    }
    let stickiness = file.stickiness.as_ref().and_then(|sticky| stickiness(sticky, lowering));
    let (unhealthy_state_routing, dns_failover) = thresholds(file, lowering);
    let attributes = TargetGroupAttributes {
        deregistration_delay: lowering.seconds(
            file.deregistration_delay.as_ref(),
            defaults.deregistration_delay,
            &limits::DEREGISTRATION_DELAY,
            "deregistration_delay",
            ATTRIBUTES,
        ),
        algorithm,
        anomaly_mitigation: mitigation.is_some(),
        slow_start: Duration::from_secs(file.slow_start.as_ref().map_or(0, |slow| slow.value.into())),
        stickiness,
        unhealthy_state_routing,
        dns_failover,
    };
    for violation in group::combinations(&attributes) {
        combination(&violation, file, lowering);
    }
    if let (Some(word), Some(sticky)) = (&file.load_balancing_cross_zone_enabled, &file.stickiness)
        && group::cross_zone(&attributes, word.value != "false").is_err()
    {
        lowering.report(
            Diagnostic::error("stickiness needs cross-zone load balancing", sticky.span, "")
                .also(word.span, "turned off here")
                .note(format!("stickiness isn't supported when cross-zone load balancing is off ({ATTRIBUTES})")),
        );
    }
    attributes
}

/// Tells of attributes that do not go together.
fn combination(violation: &Violation, file: &TargetGroupFile, lowering: &mut Lowering<'_>) {
    let algorithm = file.load_balancing_algorithm_type.as_ref().map_or(file.span, |word| word.span);
    let health = file.target_group_health.as_ref();
    let routing = health.and_then(|health| health.unhealthy_state_routing.as_ref());
    let dns = health.and_then(|health| health.dns_failover.as_ref());
    let place = |span: Option<Span>| span.unwrap_or(file.span);
    let told = match violation {
        Violation::AnomalyMitigationWithoutWeightedRandom => Diagnostic::error(
            "anomaly mitigation works only with `weighted_random`",
            place(file.load_balancing_anomaly_mitigation.as_ref().map(|word| word.span)),
            "",
        )
        .note(format!(
            "the anomaly mitigation function is only available with the weighted random algorithm ({ATTRIBUTES})"
        ))
        .help("add `load_balancing_algorithm_type: weighted_random`"),
        Violation::SlowStartWithoutRoundRobin(_) => Diagnostic::error(
            "slow start works only with round robin",
            place(file.slow_start.as_ref().map(|slow| slow.span)),
            "",
        )
        .also(algorithm, "this algorithm")
        .note(format!("slow start cannot be combined with the other algorithms ({ATTRIBUTES})")),
        Violation::StickinessWithWeightedRandom => Diagnostic::error(
            "stickiness does not work with `weighted_random`",
            place(file.stickiness.as_ref().map(|sticky| sticky.span)),
            "",
        )
        .also(algorithm, "this algorithm")
        .note(format!("weighted random excludes stickiness and slow start ({ATTRIBUTES})")),
        Violation::DnsFailoverBelowRouting { percentage } => {
            let (dns, routing) = if *percentage {
                (
                    dns.and_then(|dns| Some(dns.minimum_healthy_targets_percentage.as_ref()?.span)),
                    routing.and_then(|routing| Some(routing.minimum_healthy_targets_percentage.as_ref()?.span)),
                )
            } else {
                (
                    dns.and_then(|dns| Some(dns.minimum_healthy_targets_count.as_ref()?.span)),
                    routing.and_then(|routing| Some(routing.minimum_healthy_targets_count.as_ref()?.span)),
                )
            };
            Diagnostic::error("the threshold of DNS failover is below that of routing", place(dns), "")
                .also(place(routing), "routing fails over here")
                .note(format!(
                    "the threshold for DNS failover must be greater than or equal to the threshold for routing failover, \
                     so that DNS failover occurs either with or before routing failover ({HEALTH_OF_GROUP})"
                ))
        }
        _ => return,
    };
    lowering.report(told);
}

/// The thresholds below which a group fails open and below which DNS would leave the zone out.
fn thresholds(file: &TargetGroupFile, lowering: &mut Lowering<'_>) -> (HealthThreshold, HealthThreshold) {
    let health = file.target_group_health.as_ref();
    let routing = health.and_then(|health| health.unhealthy_state_routing.as_ref());
    let dns = health.and_then(|health| health.dns_failover.as_ref());
    let count = routing.and_then(|routing| routing.minimum_healthy_targets_count.as_ref());
    if let Some(count) = count.filter(|count| limits::ROUTING_COUNT.judge(count.value).is_err()) {
        lowering.report(Diagnostic::error("at least 1", count.span, "").note(format!("see {ATTRIBUTES}")));
    }
    let mut least = |text: Option<&Spanned<String>>, limit| {
        let number = text.and_then(|text| or_off(text, limit, "a percentage", lowering));
        number.and_then(|percentage| u8::try_from(percentage).ok())
    };
    let percentages = (
        least(
            routing.and_then(|routing| routing.minimum_healthy_targets_percentage.as_ref()),
            &limits::ROUTING_PERCENTAGE,
        ),
        least(dns.and_then(|dns| dns.minimum_healthy_targets_percentage.as_ref()), &limits::DNS_PERCENTAGE),
    );
    let default = HealthThreshold::default();
    let dns_count = match dns.and_then(|dns| dns.minimum_healthy_targets_count.as_ref()) {
        Some(text) => or_off(text, &limits::DNS_COUNT, "a number of targets", lowering),
        None => default.count,
    };
    let count = count.map_or(default.count, |count| Some(count.value));
    (
        HealthThreshold { count, percentage: percentages.0 },
        HealthThreshold { count: dns_count, percentage: percentages.1 },
    )
}

/// A number from 1; `None` for `off`.
fn or_off(text: &Spanned<String>, limit: &'static Limit, what: &str, lowering: &mut Lowering<'_>) -> Option<u32> {
    if text.value == "off" {
        return None;
    }
    let number = text.parse().ok().filter(|number: &u32| limit.judge(*number).is_ok());
    if number.is_none() {
        let most = limit.most;
        let range = if most == u32::MAX { "1 to the number of targets".to_owned() } else { format!("1 to {most}") };
        let wrong = Diagnostic::error(format!("`{}` is not {what}", text.value), text.span, "");
        lowering.report(wrong.note(format!("`off`, or {range} ({ATTRIBUTES})")));
    }
    number
}

fn stickiness(file: &StickinessFile, lowering: &mut Lowering<'_>) -> Option<Stickiness> {
    let day = Duration::from_secs(86400);
    let duration =
        lowering.seconds(file.cookie_duration.as_ref(), day, &limits::LB_COOKIE, "cookie_duration", ATTRIBUTES);
    let kind = file.kind.as_ref()?;
    let read = match kind.value {
        StickinessWord::LbCookie => Stickiness::LbCookie { duration },
        StickinessWord::AppCookie => {
            let Some(name) = &file.cookie_name else {
                lowering.report(
                    Diagnostic::error("`app_cookie` needs the name of the cookie", kind.span, "")
                        .note(format!("stickiness.app_cookie.cookie_name has no default ({ATTRIBUTES})"))
                        .help("add `cookie_name`"),
                );
                return None;
            };
            if group::cookie_name(name).is_err() {
                lowering.report(
                    Diagnostic::error("a cookie name that is reserved for the load balancer", name.span, "").note(
                        format!("names that begin with AWSALB, AWSALBAPP or AWSALBTG are reserved ({ATTRIBUTES})"),
                    ),
                );
            }
            Stickiness::AppCookie { cookie_name: name.value.clone(), duration }
        }
    };
    file.enabled.unwrap_or(true).then_some(read)
}
