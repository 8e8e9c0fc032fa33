//! One `rustls::ServerConfig` per HTTPS listener, published as one value.
//!
//! On any change (the file, a user's certificate, the age of an issued one), the whole set is computed first and published
//! only if every listener has what it needs; until then, connections use the previous set. A listener whose inputs did not
//! change keeps the same configuration, so clients can still resume their sessions.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authority::Authority;
use super::authority::{date, timestamp};
use super::error::CertError;
use super::sni::{BySni, ListedCertificate, traits};
use super::ssl_policy;
use crate::model::certificate::IssuedCertificate;
use crate::model::listener::{Certificate, ListenerProtocol, LoadBalancer, TlsSettings};
use crate::model::{DomainName, LoadBalancerName};

/// By load balancer and the port of the file (not the one really bound).
pub type TlsConfigs = Arc<HashMap<(LoadBalancerName, u16), Arc<ServerConfig>>>;

/// How often ages are looked at. Not one long sleep until the next expiry: a laptop that sleeps stops the clock that
/// such a sleep is measured with.
const RENEWAL_CHECK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Makes and publishes what the listeners need for TLS.
#[derive(Debug)]
pub struct CertStore {
    state: Mutex<State>,
    published: watch::Sender<TlsConfigs>,
}

#[derive(Debug)]
struct State {
    authority: Arc<Authority>,
    /// What was asked for last, for renewal.
    load_balancers: Vec<LoadBalancer>,
    held: Vec<Held>,
    listeners: HashMap<(LoadBalancerName, u16), Listening>,
}

/// A certificate in use.
#[derive(Clone, Debug)]
struct Held {
    source: Certificate,
    certificate: ListedCertificate,
    freshness: Freshness,
}

#[derive(Clone, Debug)]
enum Freshness {
    /// Issued here, to be replaced from then on.
    RenewFrom(Timestamp),
    /// Read from files that held this.
    Contents { certificate: Vec<u8>, private_key: Vec<u8> },
}

/// A listener's configuration and what it was made from.
#[derive(Debug)]
struct Listening {
    ssl_policy: String,
    http2: bool,
    certificates: Vec<Arc<CertifiedKey>>,
    config: Arc<ServerConfig>,
}

impl CertStore {
    /// Nothing is published yet.
    pub fn new(authority: Arc<Authority>) -> Self {
        let state = State { authority, load_balancers: Vec::new(), held: Vec::new(), listeners: HashMap::new() };
        Self { state: Mutex::new(state), published: watch::Sender::default() }
    }

    /// What listeners are to offer, now and whenever it changes.
    pub fn subscribe(&self) -> watch::Receiver<TlsConfigs> {
        self.published.subscribe()
    }

    /// The authority that issues.
    pub fn authority(&self) -> Arc<Authority> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).authority)
    }

    /// Issues from this authority from now on; what the previous one issued is replaced by the next update.
    pub fn replace_authority(&self, authority: Arc<Authority>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.authority.certificate_der() != authority.certificate_der() {
            state.held.retain(|held| matches!(held.source, Certificate::Files { .. }));
        }
        state.authority = authority;
    }

    /// Makes what the listeners of these load balancers need and publishes it, or changes nothing.
    pub fn update<'l>(
        &self,
        load_balancers: impl IntoIterator<Item = &'l LoadBalancer>,
        now: Timestamp,
    ) -> Result<(), CertError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = Vec::new();
        let mut listeners = HashMap::new();
        let mut wanted = Vec::new();
        for balancer in load_balancers {
            for listener in &balancer.listeners {
                if let ListenerProtocol::Https(settings) = &listener.protocol {
                    let http2 = balancer.attributes.http2_enabled;
                    let at = (balancer.name.clone(), listener.port);
                    let listening = state.listening(&at, settings, http2, &mut held, now)?;
                    listeners.insert(at, listening);
                }
            }
            wanted.push(balancer.clone());
        }
        let configs: HashMap<_, _> =
            listeners.iter().map(|(at, listening)| (at.clone(), listening.config.clone())).collect();
        state.held = held;
        state.listeners = listeners;
        state.load_balancers = wanted;
        self.published.send_if_modified(|published| {
            let same = published.len() == configs.len()
                && published.iter().all(|(at, config)| configs.get(at).is_some_and(|new| Arc::ptr_eq(config, new)));
            if !same {
                *published = Arc::new(configs);
            }
            !same
        });
        Ok(())
    }

    /// SHA-256 of the public key of every certificate that a listener may show, in base64 (RFC 7469, section 2.4): what
    /// Chromium calls SPKI, and takes a list of.
    pub fn public_key_hashes(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let certificates = state.listeners.values().flat_map(|listening| &listening.certificates);
        let hashes: BTreeSet<String> =
            certificates.filter_map(|certificate| public_key_hash(certificate.cert.first()?)).collect();
        hashes.into_iter().collect()
    }

    /// Replaces certificates that are about to expire or have changed on disk.
    pub fn renew(&self, now: Timestamp) -> Result<(), CertError> {
        let wanted = self.state.lock().unwrap_or_else(PoisonError::into_inner).load_balancers.clone();
        self.update(&wanted, now)
    }

    /// Renews in time, for as long as it is polled.
    pub async fn renew_in_time(&self) {
        loop {
            tokio::time::sleep(RENEWAL_CHECK_INTERVAL).await;
            if let Err(error) = self.renew(Timestamp::now()) {
                tracing::warn!(error = &error as &dyn std::error::Error, "certificates stay as they are");
            }
        }
    }
}

impl State {
    fn listening(
        &self,
        at: &(LoadBalancerName, u16),
        settings: &TlsSettings,
        http2: bool,
        held: &mut Vec<Held>,
        now: Timestamp,
    ) -> Result<Listening, CertError> {
        let certificates: Vec<_> =
            settings.certificates.iter().map(|source| self.certificate(source, held, now)).collect::<Result<_, _>>()?;
        let keys: Vec<_> = certificates.iter().map(|certificate| certificate.certified.clone()).collect();
        if let Some(before) = self.listeners.get(at)
            && before.ssl_policy == settings.ssl_policy
            && before.http2 == http2
            && before.certificates.len() == keys.len()
            && before.certificates.iter().zip(&keys).all(|(before, now)| Arc::ptr_eq(before, now))
        {
            let config = before.config.clone();
            return Ok(Listening { ssl_policy: settings.ssl_policy.clone(), http2, certificates: keys, config });
        }
        let config = Arc::new(server_config(at.1, &settings.ssl_policy, http2, certificates)?);
        Ok(Listening { ssl_policy: settings.ssl_policy.clone(), http2, certificates: keys, config })
    }

    /// The held certificate, or a new one. Listeners that name the same one share it.
    fn certificate(
        &self,
        source: &Certificate,
        held: &mut Vec<Held>,
        now: Timestamp,
    ) -> Result<ListedCertificate, CertError> {
        if let Some(shared) = held.iter().find(|held| held.source == *source) {
            return Ok(shared.certificate.clone());
        }
        let before = self.held.iter().find(|held| held.source == *source);
        let fresh = match source {
            Certificate::Issued(wanted) => match before {
                Some(before) if matches!(before.freshness, Freshness::RenewFrom(from) if now < from) => before.clone(),
                _ => self.issue(source, wanted, now)?,
            },
            Certificate::Files { certificate, private_key } => {
                let contents = (read(certificate)?, read(private_key)?);
                match before {
                    Some(before) if before.freshness.is_of(&contents) => before.clone(),
                    _ => {
                        let certificate = from_files((certificate, private_key), &contents, now)?;
                        let freshness = Freshness::Contents { certificate: contents.0, private_key: contents.1 };
                        Held { source: source.clone(), certificate, freshness }
                    }
                }
            }
        };
        let certificate = fresh.certificate.clone();
        held.push(fresh);
        Ok(certificate)
    }

    fn issue(&self, source: &Certificate, wanted: &IssuedCertificate, now: Timestamp) -> Result<Held, CertError> {
        let leaf = self.authority.issue(&wanted.names, wanted.key_algorithm, now)?;
        let freshness = Freshness::RenewFrom(leaf.renew_from());
        let unusable = |problem| CertError::Unusable { path: "the issued certificate".into(), problem };
        let first = leaf.chain.first().ok_or_else(|| unusable("is empty".to_owned()))?;
        let (_, first) = X509Certificate::from_der(first).map_err(|error| unusable(error.to_string()))?;
        let traits = traits(&first, wanted.names.clone());
        let certified = CertifiedKey::from_der(leaf.chain, leaf.key, &aws_lc_rs::default_provider())
            .map_err(|error| unusable(error.to_string()))?;
        let certificate = ListedCertificate { traits, certified: Arc::new(certified) };
        Ok(Held { source: source.clone(), certificate, freshness })
    }
}

impl Freshness {
    fn is_of(&self, contents: &(Vec<u8>, Vec<u8>)) -> bool {
        matches!(self, Self::Contents { certificate, private_key }
            if *certificate == contents.0 && *private_key == contents.1)
    }
}

fn server_config(
    port: u16,
    policy: &str,
    http2: bool,
    certificates: Vec<ListedCertificate>,
) -> Result<ServerConfig, CertError> {
    let policy = ssl_policy::find(policy)?;
    let versions = policy.versions();
    if versions.is_empty() || policy.cipher_suites().is_empty() {
        return Err(CertError::EmptyPolicy { name: policy.name.to_owned() });
    }
    let mut certificates = certificates.into_iter();
    let default = certificates.next().ok_or(CertError::NoCertificate { port })?;
    let resolver = BySni::new(default.certified, certificates.collect(), Timestamp::now);

    let tls = |source| CertError::Tls { port, source };
    let mut config = ServerConfig::builder_with_provider(Arc::new(policy.provider()))
        .with_protocol_versions(&versions)
        .map_err(tls)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    // "By default, the first cipher on the server's list that matches any one of the client's ciphers is selected"
    // (ALB user guide, "Security policies").
    config.ignore_client_order = true;
    complete(&mut config, http2).map_err(tls)?;
    Ok(config)
}

/// Sets what every listener wants of its configuration, whoever chose its certificates: the protocols that are offered, and
/// resumption.
pub fn complete(config: &mut ServerConfig, http2: bool) -> Result<(), rustls::Error> {
    config.alpn_protocols = if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    // As many as AWS's own TLS library, s2n, sends unless it is told otherwise.
    config.send_tls13_tickets = 1;
    Ok(())
}

fn public_key_hash(certificate: &CertificateDer<'_>) -> Option<String> {
    use base64::Engine as _;
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let hash = digest::digest(&digest::SHA256, certificate.public_key().raw);
    Some(base64::engine::general_purpose::STANDARD.encode(hash))
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, CertError> {
    crate::machine::files::read_bytes(path).map_err(|source| CertError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    })
}

/// Whether a listener could use these files of a user's.
pub fn check_files(
    certificate: &std::path::Path,
    private_key: &std::path::Path,
    now: Timestamp,
) -> Result<(), CertError> {
    from_files((certificate, private_key), &(read(certificate)?, read(private_key)?), now).map(|_| ())
}

/// A user's own certificate. One that has expired is refused, as its import would be (ACM API, ImportCertificate).
fn from_files(
    (certificate_path, key_path): (&std::path::Path, &std::path::Path),
    (certificate, private_key): &(Vec<u8>, Vec<u8>),
    now: Timestamp,
) -> Result<ListedCertificate, CertError> {
    let unusable = |path: &std::path::Path, problem: &str| CertError::Unusable {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| unusable(certificate_path, "is not in PEM form"))?;
    let leaf = chain.first().ok_or_else(|| unusable(certificate_path, "contains no certificate"))?.clone();
    let (_, leaf) = X509Certificate::from_der(&leaf)
        .map_err(|_| unusable(certificate_path, "contains something other than a certificate"))?;
    let not_after = timestamp(leaf.validity().not_after.timestamp());
    if not_after < now {
        return Err(unusable(certificate_path, &format!("expired on {}", date(not_after))));
    }
    let traits = traits(&leaf, names_of(&leaf));
    if !traits.key_is_supported() {
        return Err(unusable(certificate_path, "has a key that is neither ECDSA nor RSA of 2048, 3072 or 4096 bits"));
    }
    let key = PrivateKeyDer::from_pem_slice(private_key).map_err(|_| unusable(key_path, "contains no private key"))?;
    let certified =
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                unusable(key_path, &format!("is not the key of {}", certificate_path.display()))
            }
            other => unusable(key_path, &format!("cannot be used ({other})")),
        })?;
    Ok(ListedCertificate { traits, certified: Arc::new(certified) })
}

/// The alternative names, or the common name of a certificate that has none.
fn names_of(certificate: &X509Certificate<'_>) -> Vec<DomainName> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        return common.map(|name| DomainName::new(name.to_ascii_lowercase())).collect();
    };
    let names = alternatives.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(DomainName::new(name.to_ascii_lowercase())),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
