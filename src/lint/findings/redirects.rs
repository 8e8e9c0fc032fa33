//! Findings about redirects: loops, wrong protocols, and what is not redirected to HTTPS.

use neargate_model::listener::ListenerProtocol;
use neargate_model::rule::Action;

use super::balancer::{Balancer, action};
use super::finding::{Finding, Kind};
use crate::visit::{Location, Step};
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
    while let Some(location) = steps.last()?.location(balancer.load_balancer, &balancer.table) {
        if locations.is_empty()
            && let Some(kind) = wrong_protocol(balancer, &location, &witness)
        {
            return Some(balancer.finding(at, Some(rule), kind));
        }
        locations.push(location.text.clone());
        let Some(next) = location.visit(balancer.load_balancer, &witness) else { break };
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

fn wrong_protocol(balancer: &Balancer<'_>, location: &Location, witness: &Witness) -> Option<Kind> {
    let target = balancer.load_balancer.listeners.iter().find(|listener| listener.port == location.port)?;
    let is_https = matches!(target.protocol, ListenerProtocol::Https(_));
    let same_host = witness.host.as_ref() == Some(&location.host);
    (same_host && is_https != (location.protocol == "https"))
        .then(|| Kind::RedirectToWrongProtocol { witness: Box::new(witness.clone()), location: location.text.clone() })
}
