//! Which certificate of a listener a client gets (ALB user guide, "Default certificate" and "Certificate list").
//!
//! The name the client asks for is compared with the names of each certificate, wildcards standing for one label. Of
//! several that match, the best the client supports is taken; what is best, [`Rank`] says. No match, or no name, means the default
//! certificate: the connection is never refused for its name, the client may not like the certificate, though.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;

use crate::model::DomainName;

/// A certificate of a listener, with its names.
#[derive(Clone, Debug)]
pub struct NamedCertificate {
    /// Lower-case; `*.` stands for one label.
    pub names: Vec<DomainName>,
    /// What is sent and signed with.
    pub certified: Arc<CertifiedKey>,
    /// How it compares with others of the same name.
    pub rank: Rank,
}

/// The larger the better, by the guide's list ("HTTPS listeners", "SNI support"): public key algorithm, hashing
/// algorithm, key length, validity period. What the list has second, that it has not expired, goes without saying: one
/// that has is refused when it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    is_ecdsa: bool,
    hash_bits: u16,
    key_bits: usize,
    validity_seconds: i64,
}

impl Rank {
    /// Of the certificate that a server shows first.
    pub fn of(leaf: &X509Certificate<'_>) -> Self {
        let hash_bits = match leaf.signature_algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.4" => 128,
            "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => 160,
            "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => 384,
            "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => 512,
            // RSA-PSS and whatever else there is, as well as the two of SHA-256 themselves.
            _ => 256,
        };
        let key = leaf.public_key().parsed().ok();
        let validity = leaf.validity();
        Self {
            is_ecdsa: matches!(key, Some(PublicKey::EC(_))),
            hash_bits,
            key_bits: key.map_or(0, |key| key.key_size()),
            validity_seconds: validity.not_after.timestamp() - validity.not_before.timestamp(),
        }
    }
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
        // The last of equals is taken, and the default one is to win a draw.
        self.others
            .iter()
            .rev()
            .chain([&self.default])
            .filter(matching)
            .filter(|certificate| supported(&certificate.certified))
            .max_by_key(|certificate| certificate.rank)
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
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};
    use rustls::crypto::aws_lc_rs;
    use x509_parser::prelude::FromDer;

    use super::*;

    fn certificate(algorithm: &'static SignatureAlgorithm, days: i64) -> NamedCertificate {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(["app.example.com".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = params.not_before + std::time::Duration::from_secs(days as u64 * 86_400);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let rank = Rank::of(&X509Certificate::from_der(&certificate).unwrap().1);
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let certified = CertifiedKey::from_der(vec![certificate], key, &aws_lc_rs::default_provider()).unwrap();
        NamedCertificate { names: vec![DomainName::new("app.example.com")], certified: Arc::new(certified), rank }
    }

    #[test]
    fn of_several_certificates_for_a_name_the_best_is_taken() {
        let p256 = certificate(&rcgen::PKCS_ECDSA_P256_SHA256, 90);
        let p384 = certificate(&rcgen::PKCS_ECDSA_P384_SHA384, 30);
        let long = certificate(&rcgen::PKCS_ECDSA_P256_SHA256, 365);
        let best = |all: &[&NamedCertificate], supports: &dyn Fn(&CertifiedKey) -> bool| {
            let sni = BySni::new(all[0].clone(), all[1..].iter().copied().cloned().collect());
            let chosen = Arc::clone(sni.choose(Some("app.example.com"), supports));
            all.iter().position(|certificate| Arc::ptr_eq(&certificate.certified, &chosen)).unwrap()
        };
        let any = |_: &CertifiedKey| true;
        assert_eq!(best(&[&p256, &p384], &any), 1, "the stronger hash");
        assert_eq!(best(&[&p256, &long], &any), 1, "the longer validity");
        assert_eq!(best(&[&p384, &long, &p256], &any), 0);
        assert_eq!(best(&[&p256, &p256.clone()], &any), 0, "the default one of two that are equal");
        let strongest = Arc::clone(&p384.certified);
        assert_eq!(best(&[&p256, &p384], &|key| !std::ptr::eq(key, &*strongest)), 0, "what the client supports");
        assert!(
            Rank { is_ecdsa: true, ..Rank::default() } > Rank { key_bits: 4096, hash_bits: 512, ..Rank::default() }
        );
    }

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
