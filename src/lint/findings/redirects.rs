//! Findings about redirects: loops, wrong protocols, and what is not redirected to HTTPS.

use neargate_alb::actions::redirect::RedirectFacts;
use neargate_alb::certificates::covers;
use neargate_alb::routing::RoutedAction;
use neargate_model::listener::ListenerProtocol;
use neargate_model::rule::Action;

use super::balancer::{Balancer, action};
use super::finding::{Finding, Kind};
use crate::witness::Witness;

/// How many redirects a browser follows.
const MOST_REDIRECTS: usize = 20;

pub(super) fn findings(balancer: &Balancer<'_>, found: &mut Vec<Finding>) {
    let listeners = &balancer.load_balancer.listeners;
    for (at, listener) in listeners.iter().enumerate() {
        for rule in 0..=listener.rules.len() {
            match action(listener, rule) {
                Action::Redirect(_) => found.extend(of_redirect(balancer, at, rule)),
                Action::Forward(_) => found.extend(plain_forward(balancer, at, rule)),
                Action::FixedResponse(_) => {}
            }
        }
    }
    let https = listeners.iter().position(|listener| matches!(listener.protocol, ListenerProtocol::Https(_)));
    // Programs call an internal load balancer, by the URL that they are given.
    if let Some(https) = https
        && !balancer.load_balancer.internal
        && !listeners.iter().any(|listener| listener.protocol == ListenerProtocol::Http)
    {
        found.push(balancer.finding(https, None, Kind::NoRedirectToHttps));
    }
}

fn plain_forward(balancer: &Balancer<'_>, at: usize, rule: usize) -> Option<Finding> {
    let listeners = &balancer.load_balancer.listeners;
    let is_https = |at: usize| matches!(listeners[at].protocol, ListenerProtocol::Https(_));
    if is_https(at) || !(0..listeners.len()).any(is_https) {
        return None;
    }
    let witness = Box::new(balancer.decided(at, rule)?);
    Some(balancer.finding(at, Some(rule), Kind::PlainForward { witness }))
}

fn of_redirect(balancer: &Balancer<'_>, at: usize, rule: usize) -> Option<Finding> {
    let witness = balancer.decided(at, rule)?;
    let mut steps = vec![Step { listener: at, request: witness.clone() }];
    let mut locations = Vec::new();
    while let Some(location) = location(balancer, steps.last()?) {
        if locations.is_empty()
            && let Some(kind) = wrong_protocol(balancer, &location, &witness)
        {
            return Some(balancer.finding(at, Some(rule), kind));
        }
        locations.push(location.text.clone());
        let Some(next) = arrived(balancer, &location, &witness) else { break };
        // Only the loop's own redirects are part of it.
        if next == steps[0] {
            return Some(balancer.finding(
                at,
                Some(rule),
                Kind::RedirectLoop { witness: Box::new(witness), locations },
            ));
        }
        let repeats = steps.contains(&next);
        if repeats || steps.len() == MOST_REDIRECTS {
            break;
        }
        steps.push(next);
    }
    None
}

/// A request at a listener.
#[derive(PartialEq)]
struct Step {
    listener: usize,
    request: Witness,
}

/// A `Location`, in parts.
struct Location {
    text: String,
    protocol: String,
    host: String,
    port: u16,
    path: String,
    query: String,
}

/// Where the request is redirected, if it is.
fn location(balancer: &Balancer<'_>, step: &Step) -> Option<Location> {
    let listener = balancer.load_balancer.listeners.get(step.listener)?;
    let index = balancer.table.listener_by_port(listener.port)?;
    let scheme = balancer.table.listeners[index].scheme();
    let RoutedAction::Redirect(redirect) = step.request.route(&balancer.table, index).action else { return None };
    let text = step.request.with_facts(|facts| {
        let parts = RedirectFacts {
            protocol: scheme,
            host: facts.host(),
            port: listener.port,
            path: facts.path,
            query: facts.query.unwrap_or_default(),
        };
        redirect.location(&parts, |_, port| port)
    });
    let text = String::from_utf8_lossy(&text.ok()?).into_owned();
    let (protocol, rest) = text.split_once("://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let (host, port) = authority.rsplit_once(':')?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Some(Location {
        protocol: protocol.to_owned(),
        host: host.to_owned(),
        port: port.parse().ok()?,
        path: path.to_owned(),
        query: query.to_owned(),
        text: text.clone(),
    })
}

/// The request that a browser makes next, if it arrives at this load balancer again.
fn arrived(balancer: &Balancer<'_>, location: &Location, first: &Witness) -> Option<Step> {
    let leads_here = first.host.as_ref() == Some(&location.host)
        || balancer.load_balancer.domains.iter().any(|name| covers(name.as_str(), &location.host));
    let listener = balancer.load_balancer.listeners.iter().position(|listener| listener.port == location.port)?;
    let parameters = location.query.split('&').filter(|parameter| !parameter.is_empty());
    let request = Witness {
        host: Some(location.host.clone()),
        path: Some(location.path.clone().into_bytes()),
        parameters: parameters.map(|parameter| parameter.as_bytes().to_vec()).collect(),
        ..first.clone()
    };
    let speaks = matches!(balancer.load_balancer.listeners[listener].protocol, ListenerProtocol::Https(_));
    (leads_here && speaks == (location.protocol == "https")).then_some(Step { listener, request })
}

fn wrong_protocol(balancer: &Balancer<'_>, location: &Location, witness: &Witness) -> Option<Kind> {
    let target = balancer.load_balancer.listeners.iter().find(|listener| listener.port == location.port)?;
    let is_https = matches!(target.protocol, ListenerProtocol::Https(_));
    let same_host = witness.host.as_ref() == Some(&location.host);
    (same_host && is_https != (location.protocol == "https"))
        .then(|| Kind::RedirectToWrongProtocol { witness: Box::new(witness.clone()), location: location.text.clone() })
}
