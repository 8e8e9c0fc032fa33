//! The explanation of a request: the documented shape of `--format json`, and how it is filled.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::admin::diagnosis::closed;
use crate::admin::view::shape::{ClusterView, TargetView};
use crate::alb::actions::redirect::RedirectFacts;
use crate::alb::actions::transform::{TransformStatus, Transformed};
use crate::alb::explain::{RuleTrace, RuleVerdict};
use crate::alb::request::facts::RequestFacts;
use crate::alb::routing::{RoutedAction, RoutingTable};
use crate::alb::security_group;
use crate::cli::failure::Failure;
use crate::cli::input::url::Url;
use crate::http1::fields::{FieldSpan, Fields};
use crate::model::certificate::IssuedCertificate;
use crate::model::listener::{Certificate, ListenerProtocol, LoadBalancer};
use crate::model::service::LoadBalancerBinding;
use crate::model::target_health::TargetHealthState;
use crate::model::{TargetGroupName, Topology};

/// A request, as people describe it.
pub(crate) struct Question {
    pub(crate) url: String,
    pub(crate) method: String,
    /// `Name: value`
    pub(crate) headers: Vec<String>,
    pub(crate) source_ip: IpAddr,
}

/// The documented shape of `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation {
    pub(super) url: String,
    pub(super) method: String,
    pub(super) listener: String,
    /// Whose listener that is, if there are several load balancers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) load_balancer: Option<String>,
    /// No certificate of the listener names the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_refused: Option<String>,
    pub(super) rules: Vec<RuleLine>,
    pub(super) action: String,
    /// What the target sees, where the rule rewrites something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transform: Option<TransformLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<String>,
    pub(super) target_groups: Vec<GroupLine>,
    pub(super) running: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleLine {
    pub(super) priority: String,
    pub(super) verdict: &'static str,
    pub(super) conditions: Vec<ConditionLine>,
    pub(super) action: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransformLine {
    /// As in the access log.
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConditionLine {
    pub(super) field: &'static str,
    pub(super) values: Vec<String>,
    pub(super) request: Option<String>,
    pub(super) matched: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupLine {
    pub(super) name: String,
    pub(super) weight: u16,
    pub(super) targets: Vec<TargetView>,
    pub(super) note: Option<String>,
    /// Why the load balancer cannot reach the group's targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unreachable: Option<String>,
}

impl Explanation {
    /// Explains a request. `view` is that of the running stack, if there is one.
    pub(super) fn new(
        topology: &Topology,
        balancer: &LoadBalancer,
        view: Option<&ClusterView>,
        table: &RoutingTable,
        url: &Url,
        question: &Question,
    ) -> Result<Self, Failure> {
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
        Ok(Self {
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
        let Certificate::Issued(IssuedCertificate { names, .. }) = certificate else { return None };
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
        let is_of_group = |binding: &&LoadBalancerBinding| binding.target_groups().any(|own| own.as_str() == group);
        let of_group = service.load_balancers.iter().filter(is_of_group);
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
