//! Which certificate of a listener a client gets (ALB user guide, "Default certificate" and "Certificate list").
//!
//! The name the client asks for is compared with the names of each certificate, wildcards standing for one label. Of
//! several that match, the best the client supports is taken, ECDSA before RSA. No match, or no name, means the default
//! certificate: the connection is never refused for its name, the client may not like the certificate, though.

use std::sync::Arc;

use rustls::SignatureAlgorithm;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::model::DomainName;

/// A certificate of a listener, with its names.
#[derive(Clone, Debug)]
pub struct NamedCertificate {
    /// Lower-case; `*.` stands for one label.
    pub names: Vec<DomainName>,
    /// What is sent and signed with.
    pub certified: Arc<CertifiedKey>,
}

/// The certificates of one listener.
#[derive(Debug)]
pub struct BySni {
    default: NamedCertificate,
    others: Vec<NamedCertificate>,
}

impl BySni {
    /// The default certificate takes part in the matching like the others.
    pub fn new(default: NamedCertificate, others: Vec<NamedCertificate>) -> Self {
        Self { default, others }
    }

    fn choose(&self, server_name: Option<&str>, supported: impl Fn(&CertifiedKey) -> bool) -> &Arc<CertifiedKey> {
        let matching = |certificate: &&NamedCertificate| {
            server_name.is_some_and(|asked| certificate.names.iter().any(|name| matches(name.as_str(), asked)))
        };
        std::iter::once(&self.default)
            .chain(&self.others)
            .filter(matching)
            .filter(|certificate| supported(&certificate.certified))
            .min_by_key(|certificate| certificate.certified.key.algorithm() != SignatureAlgorithm::ECDSA)
            .map_or(&self.default.certified, |certificate| &certificate.certified)
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let supported =
            |certified: &CertifiedKey| certified.key.choose_scheme(client_hello.signature_schemes()).is_some();
        Some(self.choose(client_hello.server_name(), supported).clone())
    }
}

/// Whether a certificate's name covers the one asked for.
fn matches(name: &str, asked: &str) -> bool {
    match name.strip_prefix("*.") {
        None => name.eq_ignore_ascii_case(asked),
        Some(parent) => {
            asked.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        for (name, asked, expected) in [
            ("app.example.com", "app.example.com", true),
            ("app.example.com", "APP.example.com", true),
            ("app.example.com", "x.app.example.com", false),
            ("*.example.com", "app.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", ".example.com", false),
        ] {
            assert_eq!(matches(name, asked), expected, "{name} for {asked}");
        }
    }
}
