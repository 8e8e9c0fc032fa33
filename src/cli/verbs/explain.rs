//! `explain URL`: every rule and why it did or did not match, the action, the targets and their health. The code is the
//! same as on the request path; without a running stack, only the targets are unknown.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Serialize;

use crate::admin::diagnosis::closed;
use crate::admin::view::shape::{ClusterView, TargetView};
use crate::alb::actions::redirect::RedirectFacts;
use crate::alb::actions::transform::{TransformStatus, Transformed};
use crate::alb::explain::{RuleTrace, RuleVerdict};
use crate::alb::request::facts::RequestFacts;
use crate::alb::routing::{RoutedAction, RoutingTable};
use crate::alb::security_group;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{ExplainArgs, Format};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::input::url::Url;
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, Printer, STRONG};
use crate::cli::running::asking;
use crate::http1::fields::{FieldSpan, Fields};
use crate::model::listener::{Certificate, ListenerProtocol, LoadBalancer};
use crate::model::target_health::TargetHealthState;
use crate::model::{DomainName, TargetGroupName, Topology, arn};

/// `explain`
pub(crate) fn explain(global: &Global, args: &ExplainArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let mut project = project::load_names(global, printer)?;
    let view = asking::block_on(asking::view(&project.folders))?;
    if let Some(view) = &view {
        bind_as_running(&mut project, view);
    }
    let balancer = load_balancer(&project.topology, args)?;
    let table = RoutingTable::compile(&project.topology, balancer, &BTreeMap::new(), 0);
    let url = Url::parse(&args.url, balancer)?;
    let question = Question {
        url: args.url.clone(),
        method: args.request.clone(),
        headers: args.header.clone(),
        source_ip: args.source_ip,
    };
    let explanation = explain_url(&project.topology, balancer, view.as_ref(), &table, &url, &question)?;
    match args.format.format {
        Format::Json => printer.json(&explanation)?,
        Format::Table => printer.data(&text(&explanation))?,
    }
    Ok(ExitStatus::SUCCESS)
}

/// A request, as people describe it.
pub(crate) struct Question {
    pub(crate) url: String,
    pub(crate) method: String,
    /// `Name: value`
    pub(crate) headers: Vec<String>,
    pub(crate) source_ip: IpAddr,
}

/// What `explain` prints about a request when no stack is running.
pub(crate) fn answer(topology: &Topology, balancer: &LoadBalancer, question: &Question) -> Result<String, Failure> {
    let table = RoutingTable::compile(topology, balancer, &BTreeMap::new(), 0);
    let url = Url::parse(&question.url, balancer)?;
    Ok(text(&explain_url(topology, balancer, None, &table, &url, question)?))
}

/// The local ports of the running stack, which was told of them by `up --listen`, not by the file.
pub(crate) fn bind_as_running(project: &mut Project, view: &ClusterView) {
    for balancer in Arc::make_mut(&mut project.topology).load_balancers.values_mut() {
        for listener in &mut balancer.listeners {
            if let Some(running) = view.listener(balancer.name.as_str(), listener.port) {
                listener.bind_port = running.bind_port;
                balancer.bind_address = running.bind_address.unwrap_or(balancer.bind_address);
            }
        }
    }
}

/// The load balancer that the request arrives at: the named one, or the one that the host or its address leads to, or
/// the only one with a listener on the port.
fn load_balancer<'t>(topology: &'t Topology, args: &ExplainArgs) -> Result<&'t LoadBalancer, Failure> {
    if let Some(name) = &args.load_balancer {
        return project::load_balancer(topology, name);
    }
    let (host, port) = host_and_port(&args.url);
    let all = || topology.load_balancers.values();
    let names = |name: &DomainName| name.as_str().eq_ignore_ascii_case(host);
    let covers = |name: &DomainName| {
        let parent = name.as_str().strip_prefix("*.");
        parent.is_some_and(|parent| host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)))
    };
    let is_own = |balancer: &&LoadBalancer| {
        arn::load_balancer_dns_name(&balancer.name, balancer.internal).eq_ignore_ascii_case(host)
            || host.parse().is_ok_and(|address: IpAddr| balancer.bind_address == address)
    };
    let has_port = |balancer: &&LoadBalancer| {
        balancer.listeners.iter().any(|listener| Some(listener.port) == port || Some(listener.bind_port) == port)
    };
    let by_name = all().find(|balancer| balancer.domains.iter().any(names));
    let by_name = by_name.or_else(|| all().find(|balancer| balancer.domains.iter().any(covers)));
    let by_address = by_name.or_else(|| all().find(is_own));
    let by_port = || all().find(has_port).filter(|_| all().filter(has_port).count() == 1);
    Ok(by_address.or_else(by_port).unwrap_or_else(|| topology.main_load_balancer()))
}

/// The host of a URL as people write it, empty for a path alone, and its port if it says one.
fn host_and_port(url: &str) -> (&str, Option<u16>) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (authority, None),
    }
}

/// The documented shape of `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    url: String,
    method: String,
    listener: String,
    /// Whose listener that is, if there are several load balancers.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<String>,
    /// No certificate of the listener names the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_refused: Option<String>,
    rules: Vec<RuleLine>,
    action: String,
    /// What the target sees, where the rule rewrites something.
    #[serde(skip_serializing_if = "Option::is_none")]
    transform: Option<TransformLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<String>,
    target_groups: Vec<GroupLine>,
    running: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleLine {
    priority: String,
    verdict: &'static str,
    conditions: Vec<ConditionLine>,
    action: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransformLine {
    /// As in the access log.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionLine {
    field: &'static str,
    values: Vec<String>,
    request: Option<String>,
    matched: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupLine {
    name: String,
    weight: u16,
    targets: Vec<TargetView>,
    note: Option<String>,
    /// Why the load balancer cannot reach the group's targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<String>,
}

fn explain_url(
    topology: &Topology,
    balancer: &LoadBalancer,
    view: Option<&ClusterView>,
    table: &RoutingTable,
    url: &Url,
    question: &Question,
) -> Result<Explanation, Failure> {
    let listener = find_listener(balancer, table, url)?;
    let routed = &table.listeners[listener];
    let (bytes, spans) = fields(url, &question.headers)?;
    let facts = RequestFacts {
        method: question.method.as_bytes(),
        authority: None,
        path: url.path.as_bytes(),
        query: url.query.as_deref().map(str::as_bytes),
        fields: Fields::new(&bytes, &spans),
        client: SocketAddr::new(question.source_ip, 40000),
    };
    let (groups, own) = (&topology.security_groups, &balancer.security_groups);
    let admitted = security_group::client_reaches(groups, own, routed.port, question.source_ip);
    let rules = table.explain(listener, &facts).into_iter().map(rule_line).collect();
    let route = table.route(listener, &facts);
    let location = match route.action {
        RoutedAction::Redirect(action) => {
            let parts = RedirectFacts {
                protocol: routed.scheme(),
                host: facts.host(),
                port: routed.port,
                path: facts.path,
                query: facts.query.unwrap_or_default(),
            };
            let bound = |host: &[u8], port: u16| table.bound_port(facts.host(), host, port);
            let location = action.location(&parts, bound);
            Some(location.map_or_else(
                |_| "longer than 8 KiB: 507 Insufficient Storage".to_owned(),
                |location| String::from_utf8_lossy(&location).into_owned(),
            ))
        }
        _ => None,
    };
    let transform = match route.action {
        RoutedAction::Forward(_) => route.transforms.map(|transforms| transform_line(transforms.apply(&facts))),
        _ => None,
    };
    let response = match route.action {
        RoutedAction::FixedResponse(fixed) => Some(format!("{} {}", fixed.status_code, fixed.message_body)),
        _ => None,
    };
    let groups = match route.action {
        RoutedAction::Forward(forward) => forward
            .groups
            .iter()
            .map(|group| group_line(topology, table.target_groups[group.group].name.as_str(), group.weight, view))
            .collect(),
        _ => Vec::new(),
    };
    Ok(Explanation {
        url: url.shown(),
        method: question.method.clone(),
        listener: format!("{}:{}", routed.scheme().to_uppercase(), routed.port),
        load_balancer: topology.has_several_load_balancers().then(|| balancer.name.to_string()),
        certificate: unnamed(balancer, routed.port, &url.host),
        client_refused: (!admitted.allowed).then_some(admitted.because),
        rules,
        action: table.describe(route.action),
        transform,
        location,
        response,
        target_groups: groups,
        running: view.is_some(),
    })
}

/// The listener behind the URL: by its port in the file, or the local port it is mapped to.
fn find_listener(balancer: &LoadBalancer, table: &RoutingTable, url: &Url) -> Result<usize, Failure> {
    let by_local_port = || {
        let listener = balancer.listeners.iter().find(|listener| listener.bind_port == url.port)?;
        table.listener_by_port(listener.port)
    };
    let Some(index) = table.listener_by_port(url.port).or_else(by_local_port) else {
        let ports: Vec<String> = table
            .listeners
            .iter()
            .map(|listener| format!("{}:{}", listener.scheme().to_uppercase(), listener.port))
            .collect();
        return Err(Failure::new(format!(
            "no listener on port {}: clients cannot connect. Listeners: {}",
            url.port,
            ports.join(", ")
        )));
    };
    let is_https = matches!(table.listeners[index].protocol, ListenerProtocol::Https(_));
    match (url.scheme.as_str(), is_https) {
        ("http", true) => Err(Failure::new(format!(
            "the listener on port {} speaks HTTPS; it answers plain HTTP requests with 400",
            url.port
        ))),
        ("https", false) => Err(Failure::new(format!(
            "the listener on port {} speaks plain HTTP; a TLS handshake with it fails",
            url.port
        ))),
        _ => Ok(index),
    }
}

/// The header fields of the request, as the engine reads them.
fn fields(url: &Url, headers: &[String]) -> Result<(Vec<u8>, Vec<FieldSpan>), Failure> {
    let mut pairs = vec![("Host".to_owned(), url.authority())];
    for header in headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("-H '{header}': a header looks like 'Name: value'")))?;
        if name.eq_ignore_ascii_case("host") {
            pairs.remove(0);
        }
        pairs.insert(0, (name.trim().to_owned(), value.trim().to_owned()));
    }
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    let mut ranges = Vec::new();
    for (name, value) in &pairs {
        let name_start = bytes.len();
        bytes.extend_from_slice(name.as_bytes());
        let value_start = bytes.len();
        bytes.extend_from_slice(value.as_bytes());
        ranges.push((name_start..value_start, value_start..bytes.len()));
    }
    for (name, value) in ranges {
        spans.push(FieldSpan::new(&bytes, name, value));
    }
    Ok((bytes, spans))
}

fn rule_line(trace: RuleTrace) -> RuleLine {
    RuleLine {
        priority: trace.priority.map_or_else(|| "default".to_owned(), |priority| priority.to_string()),
        verdict: match trace.verdict {
            RuleVerdict::Chosen => "chosen",
            RuleVerdict::NoMatch => "no match",
            RuleVerdict::Shadowed => "not reached",
        },
        conditions: trace
            .conditions
            .into_iter()
            .map(|condition| ConditionLine {
                field: condition.field,
                values: condition.expected,
                request: condition.actual,
                matched: condition.matched,
            })
            .collect(),
        action: trace.action,
    }
}

fn transform_line(result: Result<Transformed, TransformStatus>) -> TransformLine {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match result {
        Ok(Transformed { host, uri }) => {
            TransformLine { status: TransformStatus::Success.name(), host: host.map(text), url: uri.map(text) }
        }
        Err(status) => TransformLine { status: status.name(), host: None, url: None },
    }
}

/// What a client is told of the certificate, if none of the listener's names the host. Certificates from files are not
/// judged: nobody reads them here.
fn unnamed(balancer: &LoadBalancer, port: u16, host: &str) -> Option<String> {
    let listener = balancer.listeners.iter().find(|listener| listener.port == port)?;
    let ListenerProtocol::Https(tls) = &listener.protocol else { return None };
    let mut known = Vec::new();
    for certificate in &tls.certificates {
        let Certificate::Issued { names } = certificate else { return None };
        known.extend(names.iter().map(|name| name.as_str()));
    }
    // A wildcard stands for one label (RFC 9525, 6.3).
    let names_it = |name: &&str| match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => name.eq_ignore_ascii_case(host),
    };
    let named = known.iter().any(names_it);
    (!named).then(|| {
        format!(
            "no certificate of this listener names {host}; clients get the one for {} and refuse it",
            known.join(", ")
        )
    })
}

/// Why the load balancer cannot reach the targets of a group: the same on a running stack and on none.
fn unreachable(topology: &Topology, group: &str) -> Option<String> {
    topology.services.iter().find_map(|(name, service)| {
        let of_group = service.load_balancers.iter().filter(|binding| binding.target_group.as_str() == group);
        let (port, (cause, fix)) = of_group
            .map(|binding| binding.port)
            .find_map(|port| Some((port, closed(topology, name.as_str(), &TargetGroupName::new(group), port)?)))?;
        Some(format!("port {port} is closed; every request gets 504 after 10 s: {cause}; {fix}"))
    })
}

fn group_line(topology: &Topology, name: &str, weight: u16, view: Option<&ClusterView>) -> GroupLine {
    let group = view.and_then(|view| view.target_groups.iter().find(|group| group.name == name));
    let targets = group.map(|group| group.targets.clone()).unwrap_or_default();
    let count = |state: TargetHealthState| targets.iter().filter(|target| target.state == state).count();
    let registered = targets.len() - count(TargetHealthState::Draining);
    let note = match group {
        None => None,
        Some(_) if registered == 0 => Some("no registered targets: 503 Service Temporarily Unavailable".to_owned()),
        Some(_) if count(TargetHealthState::Healthy) == 0 => {
            Some("no healthy target: ALB sends requests to all registered targets (fail open)".to_owned())
        }
        Some(_) => None,
    };
    GroupLine { name: name.to_owned(), weight, targets, note, unreachable: unreachable(topology, name) }
}

fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{STRONG}{} {}{STRONG:#}  arrives at listener {}{}",
        explanation.method,
        explanation.url,
        explanation.listener,
        explanation.load_balancer.as_ref().map(|name| format!(" of load balancer {name}")).unwrap_or_default()
    );
    if let Some(certificate) = &explanation.certificate {
        let _ = writeln!(text, "{NOTE}! {certificate}{NOTE:#}");
    }
    if let Some(because) = &explanation.client_refused {
        let _ = writeln!(text, "{BAD}✘ dropped by the load balancer's security groups: {because}{BAD:#}");
    }
    for rule in &explanation.rules {
        let (symbol, style) = match rule.verdict {
            "chosen" => ("✔", GOOD),
            "no match" => ("✘", DIM),
            _ => ("·", DIM),
        };
        let _ = writeln!(
            text,
            "{style}{symbol} rule {:<8}{style:#} {:<11} {DIM}{}{DIM:#}",
            rule.priority, rule.verdict, rule.action
        );
        for condition in &rule.conditions {
            let (symbol, style) = if condition.matched { ("✔", GOOD) } else { ("✘", NOTE) };
            let request =
                condition.request.as_deref().map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
            let _ = writeln!(
                text,
                "    {style}{symbol}{style:#} {} {}  {DIM}the request has {request}{DIM:#}",
                condition.field,
                condition.values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" or ")
            );
        }
    }
    let _ = writeln!(text, "{STRONG}→ {}{STRONG:#}", explanation.action);
    match &explanation.transform {
        Some(TransformLine { status, .. }) if *status != TransformStatus::Success.name() => {
            let _ = writeln!(text, "  {BAD}its transform fails: {status}, answered with 500{BAD:#}");
        }
        Some(TransformLine { host: None, url: None, .. }) => {
            let _ = writeln!(text, "  {DIM}its transforms match nothing here{DIM:#}");
        }
        Some(TransformLine { host, url, .. }) => {
            for (what, value) in [("host", host), ("URL", url)] {
                if let Some(value) = value {
                    let _ = writeln!(text, "  the target sees the {what} {value}");
                }
            }
        }
        None => {}
    }
    if let Some(location) = &explanation.location {
        let _ = writeln!(text, "  Location: {location}");
    }
    if let Some(response) = &explanation.response {
        let _ = writeln!(text, "  answers {response}");
    }
    for group in &explanation.target_groups {
        targets(&mut text, group, explanation.target_groups.len() > 1);
    }
    if !explanation.running && !explanation.target_groups.is_empty() {
        let _ = writeln!(text, "  {DIM}the stack is not running, so its targets are unknown{DIM:#}");
    }
    text
}

fn targets(text: &mut String, group: &GroupLine, weighted: bool) {
    if weighted {
        let _ = writeln!(text, "  {} (weight {})", group.name, group.weight);
    }
    if let Some(unreachable) = &group.unreachable {
        let _ = writeln!(text, "  {BAD}✘ {unreachable}{BAD:#}");
    }
    if let Some(note) = &group.note {
        let _ = writeln!(text, "  {NOTE}{note}{NOTE:#}");
    }
    for target in &group.targets {
        let style = match target.state.known() {
            Some(TargetHealthState::Healthy) => GOOD,
            Some(TargetHealthState::Unhealthy) => BAD,
            _ => NOTE,
        };
        let reason = match (&target.reason, &target.description) {
            (Some(reason), Some(description)) => format!("  {reason}: {description}"),
            _ => String::new(),
        };
        let container = target.container.as_deref().unwrap_or("static target");
        let _ = writeln!(
            text,
            "  {}:{} {DIM}({container}){DIM:#} {style}{}{style:#}{reason}",
            target.id, target.port, target.state
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_shown_as_the_target_sees_them_or_as_they_fail() {
        let shown = transform_line(Ok(Transformed { host: None, uri: Some(b"/product.php?id=7".to_vec()) }));
        assert_eq!((shown.status, shown.url.as_deref()), ("TransformSuccess", Some("/product.php?id=7")));
        assert_eq!(transform_line(Err(TransformStatus::InvalidHost)).status, "TransformInvalidHost");
    }
}
