//! The environment of `neargate run -- CMD`: how one command trusts and reaches the stack while nothing on the machine is
//! changed. No store, no `/etc/hosts`, no root needed, and gone with the command.
//!
//! Two kinds of variables for the certificate, because programs mean different things by them:
//!
//! - `NODE_EXTRA_CA_CERTS` is *added* to what Node trusts: our root alone.
//! - `SSL_CERT_FILE` (OpenSSL, Go, Rust), `REQUESTS_CA_BUNDLE` (Python) and `CURL_CA_BUNDLE` *replace* what the program
//!   trusts: with our root alone, the command could no longer install a package or call an API. They get a file that
//!   holds the machine's roots and ours.
//!
//! Names are reached by rules for Chromium and for curl; a program that only knows the resolver needs `neargate hosts`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::engine::routing::RoutedListener;
use crate::model::DomainName;
use crate::model::listener::ListenerProtocol;

/// A listener as far as reaching it goes.
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

/// The variables, by name.
///
/// `root` is a file with our root alone, `bundle` one with the text of [`combined_bundle`].
pub fn environment(
    root: &Path,
    bundle: &Path,
    domains: &[DomainName],
    listeners: &[Reachable],
) -> BTreeMap<&'static str, String> {
    let mut variables = BTreeMap::new();
    if let Some(url) = url(domains, listeners) {
        variables.insert("NEARGATE_URL", url);
    }
    variables.insert("NODE_EXTRA_CA_CERTS", root.display().to_string());
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        variables.insert(name, bundle.display().to_string());
    }
    variables.insert("NEARGATE_CHROMIUM_HOST_RESOLVER_RULES", chromium_host_resolver_rules(domains, listeners));
    variables
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

/// The machine's roots and ours, for variables that replace the former. `None` for the machine's roots (macOS and
/// Windows keep them elsewhere) leaves ours alone, which is then said by the caller.
pub fn combined_bundle(system: Option<&str>, root_pem: &str) -> String {
    let mut bundle = system.unwrap_or_default().trim_end().to_owned();
    if !bundle.is_empty() {
        bundle.push_str("\n\n");
    }
    bundle.push_str("# the local authority of this neargate project\n");
    bundle.push_str(root_pem.trim_end());
    bundle.push('\n');
    bundle
}

/// A listener on every address is reached on loopback.
fn reachable_address(bind: IpAddr) -> IpAddr {
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
        let variables = variables(&["app.domain.com"], &[(80, "127.0.0.1:80", false), (443, "127.0.0.1:443", true)]);
        assert_eq!(variables["NEARGATE_URL"], "https://app.domain.com");
        assert_eq!(variables["NEARGATE_CHROMIUM_HOST_RESOLVER_RULES"], "MAP app.domain.com 127.0.0.1");
    }

    #[test]
    fn remapped_ports_are_mapped_first() {
        let listeners = [(80, "127.0.0.1:8080", false), (443, "127.0.0.1:8443", true)];
        let variables = variables(&["app.domain.com", "*.app.domain.com"], &listeners);
        assert_eq!(variables["NEARGATE_URL"], "https://app.domain.com:8443");
        assert_eq!(
            variables["NEARGATE_CHROMIUM_HOST_RESOLVER_RULES"],
            "MAP app.domain.com:80 127.0.0.1:8080, MAP app.domain.com:443 127.0.0.1:8443, MAP app.domain.com 127.0.0.1, \
             MAP *.app.domain.com:80 127.0.0.1:8080, MAP *.app.domain.com:443 127.0.0.1:8443, \
             MAP *.app.domain.com 127.0.0.1"
        );
    }

    #[test]
    fn variables_that_replace_get_the_bundle_and_the_one_that_adds_gets_the_root() {
        let variables = variables(&["app.domain.com"], &[(443, "[::]:443", true)]);
        assert_eq!(variables["NODE_EXTRA_CA_CERTS"], "/state/ca.pem");
        for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
            assert_eq!(variables[name], "/state/bundle.pem", "{name}");
        }
        assert_eq!(variables["NEARGATE_CHROMIUM_HOST_RESOLVER_RULES"], "MAP app.domain.com [::1]");
    }

    #[test]
    fn without_https_the_url_is_that_of_the_first_listener() {
        let listeners = reachable(&[(8080, "0.0.0.0:8080", false)]);
        assert_eq!(url(&[], &listeners).as_deref(), Some("http://localhost:8080"));
        assert_eq!(url(&[], &[]), None);
    }

    #[test]
    fn curl_gets_one_argument_per_name_and_listener() {
        let listeners = reachable(&[(80, "127.0.0.1:8080", false), (443, "127.0.0.1:443", true)]);
        let names = [DomainName::new("app.domain.com"), DomainName::new("*.app.domain.com")];
        let expected = ["app.domain.com:8080:127.0.0.1", "app.domain.com:443:127.0.0.1"];
        assert_eq!(curl_resolve_arguments(&names, &listeners), expected);
    }

    #[test]
    fn the_bundle_holds_the_machines_roots_and_ours() {
        let ours = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n";
        let note = "# the local authority of this neargate project\n";
        assert_eq!(combined_bundle(Some("theirs\n"), ours), format!("theirs\n\n{note}{ours}"));
        assert_eq!(combined_bundle(None, ours), format!("{note}{ours}"));
    }

    fn variables(domains: &[&str], listeners: &[(u16, &str, bool)]) -> BTreeMap<&'static str, String> {
        let domains: Vec<_> = domains.iter().map(DomainName::new).collect();
        environment(Path::new("/state/ca.pem"), Path::new("/state/bundle.pem"), &domains, &reachable(listeners))
    }

    fn reachable(listeners: &[(u16, &str, bool)]) -> Vec<Reachable> {
        let listener = |&(port, bind, https): &(u16, &str, bool)| Reachable {
            port,
            bind: bind.parse().expect("an address"),
            https,
        };
        listeners.iter().map(listener).collect()
    }
}
