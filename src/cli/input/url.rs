//! Parses the URL for `explain` as people write it: complete, without a scheme, or only its path.

use crate::cli::failure::Failure;
use crate::machine::trust::reach::reachable_address;
use crate::model::listener::{Listener, ListenerProtocol, LoadBalancer};

/// The parts of a URL that the load balancer sees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

impl Url {
    /// Defaults are those of a browser: HTTPS if the load balancer has such a listener, and its first name.
    pub(crate) fn parse(text: &str, balancer: &LoadBalancer) -> Result<Self, Failure> {
        let listeners = &balancer.listeners;
        let usual = listeners.iter().find(|listener| is_https(listener)).or(listeners.first());
        let (scheme, own_port) = usual.map_or(("https", 443), |usual| match is_https(usual) {
            true => ("https", usual.port),
            false => ("http", usual.port),
        });
        let whole = match (text.contains("://"), text.starts_with('/')) {
            (true, _) => text.to_owned(),
            (false, false) => format!("{scheme}://{text}"),
            (false, true) => {
                let address = || reachable_address(balancer.bind_address).to_string();
                let domain = balancer.domains.first().map_or_else(address, |domain| domain.to_string());
                format!("{scheme}://{}{text}", domain.replacen("*.", "www.", 1))
            }
        };
        let uri: http::Uri = whole.parse().map_err(|error| {
            Failure::usage(format!("{text}: not a URL ({error}); e.g. https://app.domain.com/api/x"))
        })?;
        let (Some(given), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(Failure::usage(format!("{text}: no host; e.g. https://app.domain.com/api/x")));
        };
        let port = match (uri.port_u16(), given) {
            (Some(port), _) => port,
            (None, _) if !text.contains("://") => own_port,
            (None, "http") => 80,
            (None, "https") => 443,
            (None, other) => {
                return Err(Failure::usage(format!("{text}: the scheme `{other}` is neither http nor https")));
            }
        };
        Ok(Self {
            scheme: given.to_owned(),
            host: host.to_owned(),
            port,
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }

    /// What a browser would put into `Host`.
    pub(crate) fn authority(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => self.host.clone(),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// In full.
    pub(crate) fn shown(&self) -> String {
        let query = self.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}://{}{}{query}", self.scheme, self.authority(), self.path)
    }
}

fn is_https(listener: &Listener) -> bool {
    matches!(listener.protocol, ListenerProtocol::Https(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::failure::ExitStatus;
    use crate::cli::input::testing::topology;

    /// HTTP on 80 and HTTPS on 443 for two names.
    const FILE: &str = "name: a\ndomain: [app.domain.com, b.com]\nload_balancer:\n  listeners:\n    - { port: 80, protocol: HTTP, \
             default_action: { fixed_response: { status_code: 200 } } }\n    - { port: 443, protocol: HTTPS, default_action: \
             { fixed_response: { status_code: 200 } } }\n";

    #[test]
    fn a_url_gives_what_a_browser_would_send() {
        let topology = topology(FILE);
        let balancer = topology.main_load_balancer();
        let url = |text: &str| Url::parse(text, balancer).map(|url| url.shown());
        for (written, meant) in [
            ("https://app.domain.com:8443/api/x?a=1", "https://app.domain.com:8443/api/x?a=1"),
            ("http://a.b", "http://a.b/"),
            ("b.com", "https://b.com/"),
            ("b.com:80/x", "https://b.com:80/x"),
            ("/api/x?a=1", "https://app.domain.com/api/x?a=1"),
        ] {
            assert_eq!(url(written).unwrap(), meant, "{written}");
        }
        assert_eq!(url("ftp://a.b/").unwrap_err().status, ExitStatus::USAGE);
        assert_eq!(url("https:///x").unwrap_err().status, ExitStatus::USAGE);
    }
}
