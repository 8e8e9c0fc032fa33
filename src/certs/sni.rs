//! The certificates of a listener for handshakes; [`crate::alb::certificates`] decides which one a handshake gets.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;

use super::authority::timestamp;
use crate::alb::certificates::{CertificateTraits, best};
use crate::model::DomainName;

/// A certificate of a listener, and what choosing it depends on.
#[derive(Clone, Debug)]
pub struct ListedCertificate {
    /// Its names, key and validity.
    pub traits: CertificateTraits,
    /// The chain to send, and the key to sign with.
    pub certified: Arc<CertifiedKey>,
}

/// Of the certificate that a server shows first.
pub fn traits(leaf: &X509Certificate<'_>, names: Vec<DomainName>) -> CertificateTraits {
    let sha = match leaf.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => 0,
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => 1,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => 384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => 512,
        // RSA-PSS and whatever else there is, as well as the two of SHA-256 themselves.
        _ => 256,
    };
    let key = leaf.public_key().parsed().ok();
    CertificateTraits {
        names,
        is_ecdsa: matches!(key, Some(PublicKey::EC(_))),
        sha,
        key_bits: key.map_or(0, |key| key.key_size()),
        not_before: timestamp(leaf.validity().not_before.timestamp()),
        not_after: timestamp(leaf.validity().not_after.timestamp()),
    }
}

/// The certificates of one listener.
#[derive(Debug)]
pub struct BySni {
    default: Arc<CertifiedKey>,
    list: Vec<ListedCertificate>,
    /// Certificates expire while the listener is there, so each handshake looks at it.
    clock: fn() -> Timestamp,
}

impl BySni {
    /// Of a listener with this default certificate and this certificate list.
    pub fn new(default: Arc<CertifiedKey>, list: Vec<ListedCertificate>, clock: fn() -> Timestamp) -> Self {
        Self { default, list, clock }
    }

    fn choose(&self, server_name: Option<&str>, supported: impl Fn(&CertifiedKey) -> bool) -> &Arc<CertifiedKey> {
        let usable = self.list.iter().filter(|listed| supported(&listed.certified));
        let usable = usable.map(|listed| (&listed.traits, &listed.certified));
        server_name.and_then(|asked| best(usable, asked, (self.clock)())).unwrap_or(&self.default)
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let supported =
            |certified: &CertifiedKey| certified.key.choose_scheme(client_hello.signature_schemes()).is_some();
        Some(self.choose(client_hello.server_name(), supported).clone())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};
    use rustls::crypto::aws_lc_rs;
    use x509_parser::prelude::FromDer;

    use super::*;

    /// For a name, with this key, from 2026 on for so many days.
    fn certificate(algorithm: &'static SignatureAlgorithm, days: u64) -> ListedCertificate {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(["app.example.com".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = params.not_before + std::time::Duration::from_secs(days * 86_400);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let leaf = X509Certificate::from_der(&certificate).unwrap().1;
        let traits = traits(&leaf, vec![DomainName::new("app.example.com")]);
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let certified = CertifiedKey::from_der(vec![certificate], key, &aws_lc_rs::default_provider()).unwrap();
        ListedCertificate { traits, certified: Arc::new(certified) }
    }

    #[test]
    fn what_a_choice_depends_on_is_read_from_the_certificate() {
        let p256 = certificate(&rcgen::PKCS_ECDSA_P256_SHA256, 90).traits;
        assert_eq!((p256.is_ecdsa, p256.sha, p256.key_bits), (true, 256, 256));
        assert_eq!(p256.not_before.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(p256.not_after.to_string(), "2026-04-01T00:00:00Z");
        let p384 = certificate(&rcgen::PKCS_ECDSA_P384_SHA384, 30).traits;
        assert_eq!((p384.is_ecdsa, p384.sha, p384.key_bits), (true, 384, 384));
        let rsa = certificate(&rcgen::PKCS_RSA_SHA512, 30).traits;
        assert_eq!((rsa.is_ecdsa, rsa.sha, rsa.key_bits), (false, 512, 2048));
    }

    #[test]
    fn a_certificate_loses_its_rank_when_it_expires_and_not_before() {
        let [default, p256, p384] = [
            certificate(&rcgen::PKCS_ECDSA_P256_SHA256, 365),
            certificate(&rcgen::PKCS_ECDSA_P256_SHA256, 365),
            certificate(&rcgen::PKCS_ECDSA_P384_SHA384, 30),
        ];
        let mut sni = BySni::new(default.certified, vec![p256.clone(), p384.clone()], || {
            "2026-01-30T00:00:00Z".parse().expect("a time")
        });
        let any = |_: &CertifiedKey| true;
        assert!(Arc::ptr_eq(sni.choose(Some("app.example.com"), any), &p384.certified), "the stronger hash");
        sni.clock = || "2026-02-01T00:00:00Z".parse().expect("a time");
        assert!(Arc::ptr_eq(sni.choose(Some("app.example.com"), any), &p256.certified), "it has not expired");
    }
}
