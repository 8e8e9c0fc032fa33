//! CORS: a container whose list of allowed origins lacks the stack's own. During development everything is `localhost`;
//! behind the load balancer the browser says "Failed to fetch", and nothing on the server side is unhealthy.
//!
//! The variable's value raises a suspicion, and the response to a page's request confirms it, because the application may
//! get its origins from elsewhere.

use super::finding::{Finding, Severity};
use crate::alb::routing::RoutingTable;
use crate::alb::way_in;
use crate::model::listener::{Listener, ListenerProtocol, LoadBalancer};
use crate::model::{DomainName, LoadBalancerName, TargetGroupName, Topology};

/// A variable that names origins, none of which is the stack's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The service.
    pub service: String,
    /// Its container.
    pub container: String,
    /// The variable.
    pub variable: String,
    /// What it holds.
    pub value: String,
    /// The stack's origin, as the file has it.
    pub origin: String,
    /// What to ask, if a path through the load balancer leads to the container.
    pub question: Option<Question>,
}

/// A request of a page of the stack to the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whose listener it is sent to.
    pub load_balancer: LoadBalancerName,
    /// AWS's port of the listener.
    pub port: u16,
    /// The name, for TLS and `Host`.
    pub domain: String,
    /// The path.
    pub path: String,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: Option<String>,
}

/// Every such variable of containers that stand behind the load balancer.
pub fn suspects(topology: &Topology) -> Vec<Suspect> {
    let own = origins(topology);
    let Some((.., origin)) = own.first() else { return Vec::new() };
    let allowed: Vec<&str> = own.iter().map(|(.., origin)| origin.as_str()).collect();
    let mut found: Vec<Suspect> = Vec::new();
    for (name, service) in &topology.services {
        for binding in &service.load_balancers {
            let Some(definition) = service.task_definition.container(&binding.container) else { continue };
            for (variable, value) in &definition.environment {
                if !names_origins(variable) || !leaves_out(value, &allowed) {
                    continue;
                }
                let suspect = Suspect {
                    service: name.to_string(),
                    container: definition.name.to_string(),
                    variable: variable.clone(),
                    value: value.clone(),
                    origin: origin.clone(),
                    question: question(topology, &binding.target_group),
                };
                let is_known = |other: &Suspect| {
                    (&other.service, &other.container, &other.variable)
                        == (&suspect.service, &suspect.container, &suspect.variable)
                };
                if !found.iter().any(is_known) {
                    found.push(suspect);
                }
            }
        }
    }
    found
}

/// The finding for a suspect: `None` if the request shows that its pages are allowed.
pub fn finding(suspect: &Suspect, reply: Option<&Reply>) -> Option<Finding> {
    let Suspect { service, container, variable, value, origin, question } = suspect;
    let is_let_in =
        |reply: &Reply| reply.allow_origin.as_deref().is_some_and(|allowed| allowed == "*" || allowed == origin);
    if reply.is_some_and(is_let_in) {
        return None;
    }
    let shown = reply.zip(question.as_ref());
    let symptom = match shown {
        Some((Reply { status, allow_origin }, Question { path, .. })) => {
            let header = match allow_origin {
                Some(other) => format!("with Access-Control-Allow-Origin: {other}"),
                None => "without Access-Control-Allow-Origin".to_owned(),
            };
            format!("a request for {path} with Origin: {origin} is answered {status} {header}")
        }
        None => format!("{variable} of {service}/{container} does not name {origin}"),
    };
    let separator = if value.trim_start().starts_with('[') || value.is_empty() { None } else { Some(",") };
    let wanted = match separator {
        Some(separator) if list(value).len() > 1 => format!("{value}{separator}{origin}"),
        _ => origin.clone(),
    };
    Some(Finding {
        severity: if shown.is_some() { Severity::Problem } else { Severity::Note },
        subject: format!("CORS of container {container} of service {service}"),
        symptom,
        effect: shown.is_some().then(|| {
            "\"Failed to fetch\" in pages of that origin that call another name of the stack; the request is in the log, \
             and looks fine"
                .to_owned()
        }),
        cause: format!("{variable} is `{value}`: {container} allows only pages from these origins"),
        fix: format!(
            "set it in neargate.yaml, where your pipeline's values stand: services.{service}.environment.{container}: \
             {{ {variable}: \"{wanted}\" }}"
        ),
        container: None,
    })
}

/// A request that the load balancer of the group leads to it.
fn question(topology: &Topology, group: &TargetGroupName) -> Option<Question> {
    let balancer = topology.load_balancer_of(group)?;
    let own = origins_of(balancer);
    let (listener, domain, _) = own.first()?;
    let table = RoutingTable::compile(topology, balancer, &std::collections::BTreeMap::new(), 0);
    let path = way_in::path_to(topology, &table, listener, ("OPTIONS", domain.as_str()), group)?;
    Some(Question { load_balancer: balancer.name.clone(), port: listener.port, domain: domain.to_string(), path })
}

/// The origins of pages that the stack serves: by HTTPS, as users will have them.
fn origins(topology: &Topology) -> Vec<(&Listener, &DomainName, String)> {
    topology.default_first().flat_map(origins_of).collect()
}

fn origins_of(balancer: &LoadBalancer) -> Vec<(&Listener, &DomainName, String)> {
    let https = |listener: &&Listener| matches!(listener.protocol, ListenerProtocol::Https(_));
    let listeners = balancer.listeners.iter().filter(https);
    let names = balancer.domains.iter().filter(|name| !name.as_str().starts_with("*."));
    let pairs = listeners.flat_map(|listener| names.clone().map(move |name| (listener, name)));
    let origin = |(listener, name): (_, _)| {
        let listener: &Listener = listener;
        let port = if listener.port == 443 { String::new() } else { format!(":{}", listener.port) };
        (listener, name, format!("https://{name}{port}"))
    };
    pairs.map(origin).collect()
}

/// Names by which frameworks and their users call such variables.
fn names_origins(variable: &str) -> bool {
    let name = variable.to_uppercase();
    let has = |part: &str| name.contains(part);
    let is_of_a_page = ["FRONTEND", "FRONT_END", "CLIENT", "WEBAPP", "WEB_APP", "UI"]
        .iter()
        .any(|page| ["_URL", "_ORIGIN", "_ORIGINS"].iter().any(|end| name == format!("{page}{end}")));
    name == "ORIGIN" || has("CORS") || has("TRUSTED_ORIGIN") || (has("ALLOW") && has("ORIGIN")) || is_of_a_page
}

/// The items of a list as frameworks read it: by commas, semicolons or blanks, or as JSON.
fn list(value: &str) -> Vec<String> {
    if let Ok(items) = serde_json::from_str::<Vec<String>>(value) {
        return items;
    }
    let items = value.split(|character: char| ",; ".contains(character) || character.is_whitespace());
    let bare = |item: &str| item.trim_matches(['"', '\'']).to_owned();
    items.map(bare).filter(|item| !item.is_empty()).collect()
}

/// Whether a value contains origins but none of these. Values that are not understood, such as regular expressions, do not count.
fn leaves_out(value: &str, own: &[&str]) -> bool {
    let items = list(value);
    let are_origins = items.iter().all(|item| host_of(item).is_some());
    !items.is_empty() && are_origins && !items.iter().any(|item| own.iter().any(|origin| lets_in(item, origin)))
}

/// `app.domain.com` of `https://app.domain.com:8443/`; `None` if it is no origin.
fn host_of(origin: &str) -> Option<&str> {
    let (scheme, rest) = origin.split_once("://")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    let is_scheme = ["http", "https"].contains(&scheme.to_lowercase().as_str());
    let is_host = |text: &str| {
        !text.is_empty()
            && text.chars().all(|character| character.is_ascii_alphanumeric() || "-.*_".contains(character))
    };
    (is_scheme && is_host(host)).then_some(host)
}

fn lets_in(item: &str, origin: &str) -> bool {
    let item = item.strip_suffix('/').unwrap_or(item).to_lowercase();
    match item.split_once('*') {
        None => item == origin,
        Some((before, after)) => {
            origin.len() >= before.len() + after.len() && origin.starts_with(before) && origin.ends_with(after)
        }
    }
}
