//! What a browser does: it sends a request to a listener, and follows redirects.

use neargate_alb::actions::redirect::RedirectFacts;
use neargate_alb::certificates::covers;
use neargate_alb::routing::{RoutedAction, RoutingTable};
use neargate_model::listener::{ListenerProtocol, LoadBalancer};

use crate::witness::Witness;

/// A request at a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index into the load balancer's listeners.
    pub listener: usize,
    /// The request.
    pub request: Witness,
}

/// A `Location`, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// As it is sent, with AWS's ports.
    pub text: String,
    /// `http` or `https`
    pub protocol: String,
    /// Without a port.
    pub host: String,
    /// The port.
    pub port: u16,
    path: String,
    query: String,
}

impl Step {
    /// Where the request is redirected, if it is.
    pub fn location(&self, load_balancer: &LoadBalancer, table: &RoutingTable) -> Option<Location> {
        let listener = load_balancer.listeners.get(self.listener)?;
        let index = table.listener_by_port(listener.port)?;
        let scheme = table.listeners[index].scheme();
        let RoutedAction::Redirect(redirect) = self.request.route(table, index).action else { return None };
        let text = self.request.with_facts(|facts| {
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
}

impl Location {
    /// The request that a browser makes next, if it arrives at this load balancer again. `first` is the one that was
    /// redirected.
    pub fn visit(&self, load_balancer: &LoadBalancer, first: &Witness) -> Option<Step> {
        let leads_here = first.host.as_ref() == Some(&self.host)
            || load_balancer.domains.iter().any(|name| covers(name.as_str(), &self.host));
        let listener = load_balancer.listeners.iter().position(|listener| listener.port == self.port)?;
        let parameters = self.query.split('&').filter(|parameter| !parameter.is_empty());
        let request = Witness {
            host: Some(self.host.clone()),
            path: Some(self.path.clone().into_bytes()),
            parameters: parameters.map(|parameter| parameter.as_bytes().to_vec()).collect(),
            ..first.clone()
        };
        let speaks_https = matches!(load_balancer.listeners[listener].protocol, ListenerProtocol::Https(_));
        (leads_here && speaks_https == (self.protocol == "https")).then_some(Step { listener, request })
    }
}
