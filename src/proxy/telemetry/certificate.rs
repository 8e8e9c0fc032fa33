//! Which certificate a client was shown.
//!
//! rustls does not expose this after a handshake. While a log needs it, each handshake gets a separate resolver that
//! records the answer of the listener's resolver; the rest of the configuration, including tickets and sessions, stays
//! shared.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::alb::certificates;
use crate::model::arn::{self, Arn};
use crate::model::certificate::KeyAlgorithm;

/// More certificates than this are not remembered at once; a listener has at most 25 beside the default one.
const MOST_REMEMBERED: usize = 64;

/// What logs say of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// `arn:aws:acm:…`
    pub arn: Arn,
    /// Its names, in lower case.
    pub names: Vec<String>,
}

impl CertificateFacts {
    fn from_certified(certified: &CertifiedKey) -> Self {
        let leaf = certified.cert.first().and_then(|leaf| X509Certificate::from_der(leaf).ok());
        let names = leaf.as_ref().map(|(_, leaf)| names_of(leaf)).unwrap_or_default();
        let key_algorithm = leaf.map(|(_, leaf)| key_algorithm_of(&leaf)).unwrap_or_default();
        Self { arn: Arn::certificate(&arn::certificate_id(&names, key_algorithm)), names }
    }

    /// Whether it is for this name.
    pub fn covers(&self, asked: &str) -> bool {
        self.names.iter().any(|name| certificates::covers(name, asked))
    }
}

/// Of a certificate that was not issued here, the one that stands for it.
fn key_algorithm_of(leaf: &X509Certificate<'_>) -> KeyAlgorithm {
    match leaf.public_key().parsed() {
        Ok(PublicKey::EC(point)) if point.key_size() > 256 => KeyAlgorithm::P384,
        Ok(PublicKey::EC(_)) => KeyAlgorithm::P256,
        _ => KeyAlgorithm::Rsa2048,
    }
}

fn names_of(leaf: &X509Certificate<'_>) -> Vec<String> {
    match leaf.subject_alternative_name() {
        Ok(Some(alternatives)) => {
            let names = alternatives.value.general_names.iter();
            names
                .filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
                    _ => None,
                })
                .collect()
        }
        _ => {
            let common = leaf.subject().iter_common_name().filter_map(|name| name.as_str().ok());
            common.map(str::to_ascii_lowercase).collect()
        }
    }
}

/// Notes which certificate one handshake chose.
#[derive(Debug)]
pub(crate) struct Recorder {
    inner: Arc<dyn ResolvesServerCert>,
    chosen: OnceLock<Arc<CertifiedKey>>,
}

impl Recorder {
    /// The same configuration, watched.
    pub(crate) fn wrap(config: &ServerConfig) -> (Arc<ServerConfig>, Arc<Self>) {
        let recorder = Arc::new(Self { inner: Arc::clone(&config.cert_resolver), chosen: OnceLock::new() });
        let mut config = config.clone();
        config.cert_resolver = recorder.clone();
        (Arc::new(config), recorder)
    }
}

impl ResolvesServerCert for Recorder {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chosen = self.inner.resolve(client_hello)?;
        let _ = self.chosen.set(Arc::clone(&chosen));
        Some(chosen)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.inner.only_raw_public_keys()
    }
}

/// Facts about certificates, cached per worker: parsing a certificate takes longer than everything else a log needs.
#[derive(Default)]
pub(crate) struct CertificateBook(RefCell<Vec<(Arc<CertifiedKey>, Arc<CertificateFacts>)>>);

impl CertificateBook {
    /// The facts of what was chosen; `None` if it did not come to that.
    pub(crate) fn look_up(&self, recorder: &Recorder) -> Option<Arc<CertificateFacts>> {
        let chosen = recorder.chosen.get()?;
        let mut known = self.0.borrow_mut();
        if let Some((_, facts)) = known.iter().find(|(certified, _)| Arc::ptr_eq(certified, chosen)) {
            return Some(Arc::clone(facts));
        }
        // Renewed ones are forgotten with the rest.
        if known.len() == MOST_REMEMBERED {
            known.clear();
        }
        let facts = Arc::new(CertificateFacts::from_certified(chosen));
        known.push((Arc::clone(chosen), Arc::clone(&facts)));
        Some(facts)
    }
}
