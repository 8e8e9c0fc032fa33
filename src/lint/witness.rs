//! Requests as proofs, and what the load balancer does with them, by its own code.

use std::net::{IpAddr, SocketAddr};

use neargate_alb::request::facts::RequestFacts;
use neargate_alb::routing::{Route, RoutingTable};
use neargate_http1::fields::FieldList;
use neargate_model::listener::LoadBalancer;

/// A request, as far as it matters. What is absent may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// Lower-case, without a port.
    pub host: Option<String>,
    /// In normal form.
    pub path: Option<Vec<u8>>,
    /// The method.
    pub method: Option<String>,
    /// The client's address.
    pub source: Option<IpAddr>,
    /// Name and value of header fields.
    pub headers: Vec<(String, Vec<u8>)>,
    /// `key=value`
    pub parameters: Vec<Vec<u8>>,
}

impl Witness {
    /// The same with the load balancer's own name as its host, where the rule that decides stays the same: people know
    /// that name.
    pub(crate) fn with_own_host(self, load_balancer: &LoadBalancer, table: &RoutingTable, listener: usize) -> Self {
        let priority = self.route(table, listener).priority;
        let names = load_balancer.domains.iter().map(|name| name.as_str().replacen("*.", "www.", 1));
        let mut own = names.map(|name| Self { host: Some(name), ..self.clone() });
        own.find(|own| own.route(table, listener).priority == priority).unwrap_or(self)
    }

    /// The request, with what is not decided by the rules filled in, as the load balancer sees it.
    pub fn route<'t>(&self, table: &'t RoutingTable, listener: usize) -> Route<'t> {
        self.with_facts(|facts| table.route(listener, facts))
    }

    /// Lends the request to `look`.
    pub fn with_facts<T>(&self, look: impl FnOnce(&RequestFacts<'_>) -> T) -> T {
        let mut fields = FieldList::default();
        if let Some(host) = &self.host {
            fields.push(b"Host", host.as_bytes());
        }
        for (name, value) in &self.headers {
            fields.push(name.as_bytes(), value);
        }
        let query = self.parameters.join(&b"&"[..]);
        look(&RequestFacts {
            method: self.method.as_deref().unwrap_or("GET").as_bytes(),
            authority: None,
            path: self.path.as_deref().unwrap_or(b"/"),
            query: (!query.is_empty()).then_some(&query),
            fields: fields.fields(),
            client: SocketAddr::new(self.source.unwrap_or(IpAddr::from([198, 51, 100, 1])), 50_000),
        })
    }
}
