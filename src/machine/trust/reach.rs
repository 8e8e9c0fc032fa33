//! Reaching a stack by its names although no DNS server knows them: its address for people, rules for Chromium, arguments
//! for curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::alb::routing::RoutedListener;
use crate::model::listener::{ListenerProtocol, LoadBalancer};
use crate::model::{DomainName, LoadBalancerName, Topology};

/// The facts needed to reach a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// The port of the file, which is what links and redirects say.
    pub port: u16,
    /// Where it is really bound.
    pub bind: SocketAddr,
    /// HTTPS rather than HTTP.
    pub https: bool,
}

impl From<&RoutedListener> for Reachable {
    fn from(listener: &RoutedListener) -> Self {
        let https = matches!(listener.protocol, ListenerProtocol::Https(_));
        Self { port: listener.port, bind: listener.bind, https }
    }
}

/// A load balancer: its names and its listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What it is called.
    pub load_balancer: LoadBalancerName,
    /// The names that lead to it.
    pub domains: Vec<DomainName>,
    /// In ascending order of port.
    pub listeners: Vec<Reachable>,
}

impl From<&LoadBalancer> for Site {
    fn from(balancer: &LoadBalancer) -> Self {
        let listeners = balancer.listeners.iter().map(|listener| Reachable {
            port: listener.port,
            bind: (balancer.bind_address, listener.bind_port).into(),
            https: matches!(listener.protocol, ListenerProtocol::Https(_)),
        });
        Self { load_balancer: balancer.name.clone(), domains: balancer.domains.clone(), listeners: listeners.collect() }
    }
}

/// The load balancers of a stack, the one that people mean first.
pub fn sites(topology: &Topology) -> Vec<Site> {
    topology.default_first().map(Site::from).collect()
}

/// Every name with the address that it leads to, in the order of the file; then those of Route 53.
pub fn names(topology: &Topology) -> Vec<(IpAddr, DomainName)> {
    let address = |name: &DomainName| {
        let balancer = topology.load_balancer_at(name).or_else(|| topology.default_load_balancer())?;
        Some(reachable_address(balancer.bind_address))
    };
    let declared = topology.domains.iter().filter_map(|name| Some((address(name)?, name.clone())));
    let aliases = topology.aliases.iter().filter(|(name, _)| !topology.domains.contains(name));
    let aliases = aliases.filter_map(|(name, balancer)| {
        Some((reachable_address(topology.load_balancers.get(balancer)?.bind_address), name.clone()))
    });
    declared.chain(aliases).collect()
}

/// What a person would type: the first name, HTTPS if there is such a listener, the port that is really bound unless it
/// is the scheme's own. A load balancer without a name is reached by its address.
pub fn url(site: &Site) -> Option<String> {
    let listeners = &site.listeners;
    let listener = listeners.iter().find(|listener| listener.https).or_else(|| listeners.first())?;
    let host = match site.domains.first() {
        Some(name) => name.as_str().replacen("*.", "www.", 1),
        None => host(reachable_address(listener.bind.ip())),
    };
    let (scheme, own_port) = if listener.https { ("https", 443) } else { ("http", 80) };
    let port = listener.bind.port();
    Some(if port == own_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") })
}

/// The value of Chromium's `--host-resolver-rules`. A name is mapped as a whole, so that redirects with the bound port
/// work, and per port where the bound one is another, so that links with the port of the file do. Chromium takes the
/// first rule that matches, hence the order.
pub fn chromium_host_resolver_rules(sites: &[Site]) -> String {
    let mut names: Vec<(&DomainName, &[Reachable])> = Vec::new();
    for site in sites {
        names.extend(site.domains.iter().map(|name| (name, site.listeners.as_slice())));
    }
    if sites.len() > 1 {
        // A wildcard of one must not take a name of another.
        names.sort_by_key(|(name, _)| name.as_str().starts_with("*."));
    }
    let mut rules = Vec::new();
    for (name, listeners) in names {
        for listener in listeners.iter().filter(|listener| listener.bind.port() != listener.port) {
            let to = SocketAddr::new(reachable_address(listener.bind.ip()), listener.bind.port());
            rules.push(format!("MAP {name}:{} {to}", listener.port));
        }
        let address = listeners.first().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |first| first.bind.ip());
        rules.push(format!("MAP {name} {}", host(reachable_address(address))));
    }
    rules.join(", ")
}

/// One `--resolve` argument for curl per name and listener. curl knows no wildcards but `*` itself, so names with one
/// are left out.
pub fn curl_resolve_arguments(domains: &[DomainName], listeners: &[Reachable]) -> Vec<String> {
    let names = domains.iter().filter(|name| !name.as_str().starts_with("*."));
    names
        .flat_map(|name| {
            listeners.iter().map(move |listener| {
                let port = listener.bind.port();
                format!("{name}:{port}:{}", host(reachable_address(listener.bind.ip())))
            })
        })
        .collect()
}

/// The switches that let Chromium and its relatives reach and trust the stack: no store and no resolver is touched, and
/// the page counts as secure. `keys` are those of [`crate::certs::CertStore::public_key_hashes`]: the certificates that
/// are really shown, because the root is not sent.
pub fn chromium_arguments(sites: &[Site], keys: &[String]) -> Vec<String> {
    let mut arguments = Vec::new();
    let rules = chromium_host_resolver_rules(sites);
    if !rules.is_empty() {
        arguments.push(format!("--host-resolver-rules={rules}"));
    }
    if !keys.is_empty() {
        arguments.push(format!("--ignore-certificate-errors-spki-list={}", keys.join(",")));
    }
    arguments
}

/// A listener on every address is reached on loopback.
pub fn reachable_address(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    }
}

/// As it stands in a rule.
fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_the_listeners_own_ports_the_names_alone_are_mapped() {
        let site = stack(&["app.domain.com"], &[(80, "127.0.0.1:80", false), (443, "[::]:443", true)]);
        assert_eq!(url(&site).as_deref(), Some("https://app.domain.com"));
        assert_eq!(chromium_host_resolver_rules(std::slice::from_ref(&site)), "MAP app.domain.com 127.0.0.1");
        let second = stack(&["app.domain.com"], &[(443, "[::]:443", true)]);
        assert_eq!(chromium_host_resolver_rules(&[second]), "MAP app.domain.com [::1]");
    }

    #[test]
    fn remapped_ports_are_mapped_first() {
        let listeners = [(80, "127.0.0.1:8080", false), (443, "127.0.0.1:8443", true)];
        let site = stack(&["app.domain.com", "*.app.domain.com"], &listeners);
        assert_eq!(url(&site).as_deref(), Some("https://app.domain.com:8443"));
        assert_eq!(
            chromium_host_resolver_rules(std::slice::from_ref(&site)),
            "MAP app.domain.com:80 127.0.0.1:8080, MAP app.domain.com:443 127.0.0.1:8443, MAP app.domain.com 127.0.0.1, \
             MAP *.app.domain.com:80 127.0.0.1:8080, MAP *.app.domain.com:443 127.0.0.1:8443, \
             MAP *.app.domain.com 127.0.0.1"
        );
    }

    #[test]
    fn chromium_is_told_of_every_certificate_and_of_none_where_there_is_none() {
        let site = stack(&["a.b"], &[(443, "127.0.0.1:443", true)]);
        let keys = ["one=".to_owned(), "two=".to_owned()];
        let expected = ["--host-resolver-rules=MAP a.b 127.0.0.1", "--ignore-certificate-errors-spki-list=one=,two="];
        assert_eq!(chromium_arguments(std::slice::from_ref(&site), &keys), expected);
        assert_eq!(chromium_arguments(&[site], &[]), expected[..1]);
        assert!(chromium_arguments(&[], &[]).is_empty());
    }

    #[test]
    fn without_https_the_url_is_that_of_the_first_listener() {
        let site = stack(&["localhost"], &[(8080, "0.0.0.0:8080", false)]);
        assert_eq!(url(&site).as_deref(), Some("http://localhost:8080"));
        assert_eq!(url(&stack(&[], &[])), None);
    }

    #[test]
    fn a_load_balancer_without_a_name_is_reached_by_its_address() {
        assert_eq!(url(&stack(&[], &[(443, "127.0.0.2:443", true)])).as_deref(), Some("https://127.0.0.2"));
    }

    #[test]
    fn a_wildcard_of_one_load_balancer_does_not_take_a_name_of_another() {
        let public = stack(&["example.com", "*.example.com"], &[(443, "127.0.0.1:443", true)]);
        let internal = stack(&["api.example.com"], &[(443, "127.0.0.2:443", true)]);
        assert_eq!(
            chromium_host_resolver_rules(&[public, internal]),
            "MAP example.com 127.0.0.1, MAP api.example.com 127.0.0.2, MAP *.example.com 127.0.0.1"
        );
    }

    #[test]
    fn curl_gets_one_argument_per_name_and_listener() {
        let listeners = [(80, "127.0.0.1:8080", false), (443, "127.0.0.1:443", true)];
        let site = stack(&["app.domain.com", "*.app.domain.com"], &listeners);
        let expected = ["app.domain.com:8080:127.0.0.1", "app.domain.com:443:127.0.0.1"];
        assert_eq!(curl_resolve_arguments(&site.domains, &site.listeners), expected);
    }

    fn stack(names: &[&str], listeners: &[(u16, &str, bool)]) -> Site {
        let listener = |&(port, bind, https): &(u16, &str, bool)| Reachable {
            port,
            bind: bind.parse().expect("an address"),
            https,
        };
        Site {
            load_balancer: LoadBalancerName::new("test"),
            domains: names.iter().map(DomainName::new).collect(),
            listeners: listeners.iter().map(listener).collect(),
        }
    }
}
