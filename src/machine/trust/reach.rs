//! Reaching a stack by its names although no DNS server knows them: its address for people, rules for Chromium, arguments
//! for curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::alb::routing::RoutedListener;
use crate::model::DomainName;
use crate::model::listener::ListenerProtocol;

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

/// What a person would type: the first name, HTTPS if there is such a listener, the port that is really bound unless it
/// is the scheme's own.
pub fn url(domains: &[DomainName], listeners: &[Reachable]) -> Option<String> {
    let listener = listeners.iter().find(|listener| listener.https).or_else(|| listeners.first())?;
    let host = match domains.first() {
        Some(name) => name.as_str().replacen("*.", "www.", 1),
        None => "localhost".to_owned(),
    };
    let (scheme, own_port) = if listener.https { ("https", 443) } else { ("http", 80) };
    let port = listener.bind.port();
    Some(if port == own_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") })
}

/// The value of Chromium's `--host-resolver-rules`. A name is mapped as a whole, so that redirects with the bound port
/// work, and per port where the bound one is another, so that links with the port of the file do. Chromium takes the
/// first rule that matches, hence the order.
pub fn chromium_host_resolver_rules(domains: &[DomainName], listeners: &[Reachable]) -> String {
    let mut rules = Vec::new();
    for name in domains {
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
pub fn chromium_arguments(domains: &[DomainName], listeners: &[Reachable], keys: &[String]) -> Vec<String> {
    let mut arguments = Vec::new();
    let rules = chromium_host_resolver_rules(domains, listeners);
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
        let (names, listeners) = stack(&["app.domain.com"], &[(80, "127.0.0.1:80", false), (443, "[::]:443", true)]);
        assert_eq!(url(&names, &listeners).as_deref(), Some("https://app.domain.com"));
        assert_eq!(chromium_host_resolver_rules(&names, &listeners), "MAP app.domain.com 127.0.0.1");
        assert_eq!(chromium_host_resolver_rules(&names, &listeners[1..]), "MAP app.domain.com [::1]");
    }

    #[test]
    fn remapped_ports_are_mapped_first() {
        let listeners = [(80, "127.0.0.1:8080", false), (443, "127.0.0.1:8443", true)];
        let (names, listeners) = stack(&["app.domain.com", "*.app.domain.com"], &listeners);
        assert_eq!(url(&names, &listeners).as_deref(), Some("https://app.domain.com:8443"));
        assert_eq!(
            chromium_host_resolver_rules(&names, &listeners),
            "MAP app.domain.com:80 127.0.0.1:8080, MAP app.domain.com:443 127.0.0.1:8443, MAP app.domain.com 127.0.0.1, \
             MAP *.app.domain.com:80 127.0.0.1:8080, MAP *.app.domain.com:443 127.0.0.1:8443, \
             MAP *.app.domain.com 127.0.0.1"
        );
    }

    #[test]
    fn chromium_is_told_of_every_certificate_and_of_none_where_there_is_none() {
        let (names, listeners) = stack(&["a.b"], &[(443, "127.0.0.1:443", true)]);
        let keys = ["one=".to_owned(), "two=".to_owned()];
        let expected = ["--host-resolver-rules=MAP a.b 127.0.0.1", "--ignore-certificate-errors-spki-list=one=,two="];
        assert_eq!(chromium_arguments(&names, &listeners, &keys), expected);
        assert_eq!(chromium_arguments(&names, &listeners, &[]), expected[..1]);
        assert!(chromium_arguments(&[], &listeners, &[]).is_empty());
    }

    #[test]
    fn without_https_the_url_is_that_of_the_first_listener() {
        let (_, listeners) = stack(&[], &[(8080, "0.0.0.0:8080", false)]);
        assert_eq!(url(&[], &listeners).as_deref(), Some("http://localhost:8080"));
        assert_eq!(url(&[], &[]), None);
    }

    #[test]
    fn curl_gets_one_argument_per_name_and_listener() {
        let listeners = [(80, "127.0.0.1:8080", false), (443, "127.0.0.1:443", true)];
        let (names, listeners) = stack(&["app.domain.com", "*.app.domain.com"], &listeners);
        let expected = ["app.domain.com:8080:127.0.0.1", "app.domain.com:443:127.0.0.1"];
        assert_eq!(curl_resolve_arguments(&names, &listeners), expected);
    }

    fn stack(names: &[&str], listeners: &[(u16, &str, bool)]) -> (Vec<DomainName>, Vec<Reachable>) {
        let listener = |&(port, bind, https): &(u16, &str, bool)| Reachable {
            port,
            bind: bind.parse().expect("an address"),
            https,
        };
        (names.iter().map(DomainName::new).collect(), listeners.iter().map(listener).collect())
    }
}
