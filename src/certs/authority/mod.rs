//! The local certificate authority of one project, and the leaf certificates it issues.
//!
//! A root that every browser trusts is a liability, so this one can do as little as possible:
//!
//! - **Name constraints**: it permits only the names in the file and their subdomains, and no IP address. A constraint of
//!   one type leaves the others open (RFC 5280, section 4.2.1.10), hence the explicit exclusion of all addresses.
//!   `localhost` is not permitted unless the file says so: browsers treat it as secure without TLS.
//! - **Usage**: it signs only server certificates; no intermediates.
//! - **825 days**: with a longer validity, a forgotten root would stay trusted for years after its project is gone; with a
//!   shorter one, people would have to trust it again every few months.
//!
//! Leaves are valid for 90 days and are replaced when a third of that is left, so a long-running stack never serves an
//! expired one.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PublicKeyData, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::error::CertError;
use super::rsa_key::RsaKey;
use crate::model::certificate::KeyAlgorithm;
use crate::model::{DomainName, ProjectName};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// See the module's documentation.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(825 * 24 * 60 * 60);
const LEAF_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// An authority with less left than this is replaced when it is opened.
const AUTHORITY_RESERVE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A leaf with less left than this is replaced.
const LEAF_RESERVE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// `ub-common-name` of RFC 5280, appendix A.
const COMMON_NAME_MAX: usize = 64;

/// A certificate authority that can issue for its names.
pub struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    permitted: Vec<String>,
    not_after: Timestamp,
    issuer: Issuer<'static, KeyPair>,
    rsa_key: RsaKey,
}

/// A certificate issued by the authority, with its key.
#[derive(Debug)]
pub struct Leaf {
    /// The certificate alone: the root is not sent, clients have it or do not trust it.
    pub chain: Vec<CertificateDer<'static>>,
    /// PKCS#8.
    pub key: PrivateKeyDer<'static>,
    /// When it ends.
    pub not_after: Timestamp,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("permitted", &self.permitted).finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority for these names. Its key exists in memory only; see [`super::folder`] for one that is kept.
    pub fn generate(
        project: &ProjectName,
        owner: &str,
        names: &[DomainName],
        now: Timestamp,
    ) -> Result<Self, CertError> {
        let issue = |source| CertError::Issue { names: list(names), source };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(issue)?;
        let permitted = constraints(names);
        let params = authority_params(project, owner, &permitted, now);
        let certificate = params.self_signed(&key).map_err(issue)?;
        Self::from_parts(certificate.der().clone(), key)
            .map_err(|problem| CertError::Unusable { path: "the new authority".into(), problem })
    }

    /// An authority from its two parts. The error is the end of a sentence about the certificate.
    pub(super) fn from_parts(certificate: CertificateDer<'static>, key: KeyPair) -> Result<Self, String> {
        let (_, parsed) =
            X509Certificate::from_der(&certificate).map_err(|error| format!("is not a certificate ({error})"))?;
        if parsed.tbs_certificate.subject_pki.raw != key.subject_public_key_info() {
            return Err("does not belong to its key".into());
        }
        if !parsed.is_ca() {
            return Err("is not a certificate authority's".into());
        }
        let not_after = timestamp(parsed.validity().not_after.timestamp());
        let permitted = permitted_names(&parsed);
        let pem = pem("CERTIFICATE", &certificate);
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| format!("is not a certificate authority's ({error})"))?;
        Ok(Self { certificate, pem, permitted, not_after, issuer, rsa_key: RsaKey::default() })
    }

    /// The certificate, for people and for trust stores.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// The certificate.
    pub fn certificate_der(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The key, for the one place that writes it to its folder.
    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// The same with its RSA key kept in a file, so that it need not be found again.
    #[must_use]
    pub(super) fn with_rsa_key(mut self, rsa_key: RsaKey) -> Self {
        self.rsa_key = rsa_key;
        self
    }

    /// When the authority ends.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The names it is limited to; each includes its subdomains.
    pub fn permitted(&self) -> &[String] {
        &self.permitted
    }

    /// Why this authority cannot serve these names any longer, as the end of a sentence; `None` if it can.
    pub fn unfit_for(&self, names: &[DomainName], now: Timestamp) -> Option<String> {
        if let Some(name) = names.iter().find(|name| !self.permits(name)) {
            return Some(format!("was limited to {} and does not cover {name}", self.permitted.join(", ")));
        }
        if self.not_after < now {
            return Some(format!("expired on {}", date(self.not_after)));
        }
        (self.not_after < now + AUTHORITY_RESERVE).then(|| format!("expires on {}", date(self.not_after)))
    }

    fn permits(&self, name: &DomainName) -> bool {
        let name = constraint(name);
        self.permitted.iter().any(|permitted| {
            name == permitted || name.strip_suffix(permitted.as_str()).is_some_and(|below| below.ends_with('.'))
        })
    }

    /// A certificate for these names, with a key of this kind.
    pub fn issue(&self, names: &[DomainName], key_algorithm: KeyAlgorithm, now: Timestamp) -> Result<Leaf, CertError> {
        if let Some(name) = names.iter().find(|name| !self.permits(name)) {
            return Err(CertError::NotPermitted { name: name.to_string(), permitted: self.permitted.join(", ") });
        }
        let issue = |source| CertError::Issue { names: list(names), source };
        let new;
        let key = match key_algorithm {
            KeyAlgorithm::Rsa2048 => self.rsa_key.get().map_err(issue)?,
            KeyAlgorithm::P256 => {
                new = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(issue)?;
                &new
            }
            KeyAlgorithm::P384 => {
                new = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).map_err(issue)?;
                &new
            }
        };
        let not_after = self.not_after.min(now + LEAF_LIFETIME);
        let params = leaf_params(names, now, not_after).map_err(issue)?;
        let certificate = params.signed_by(key, &self.issuer).map_err(issue)?;
        Ok(Leaf {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            not_after,
        })
    }
}

impl Leaf {
    /// From when it should be replaced.
    pub fn renew_from(&self) -> Timestamp {
        self.not_after - LEAF_RESERVE
    }
}

/// `user@host`, which tells one person's roots in a list from another's.
pub fn owner() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).or_else(|| variable("USERNAME"));
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .or_else(|| variable("HOSTNAME"))
        .or_else(|| variable("COMPUTERNAME"));
    format!("{}@{}", user.as_deref().unwrap_or("user"), host.as_deref().map_or("localhost", str::trim))
}

/// The day of an instant, for messages.
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Seconds of an X.509 time; a certificate outside jiff's range (year 9999) never expires.
pub(super) fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// Names in a row, for messages.
fn list(names: &[DomainName]) -> String {
    names.iter().map(DomainName::as_str).collect::<Vec<_>>().join(", ")
}

/// The constraint that permits a name: for a wildcard, what it stands under.
fn constraint(name: &DomainName) -> &str {
    name.as_str().strip_prefix("*.").unwrap_or(name.as_str())
}

fn constraints(names: &[DomainName]) -> Vec<String> {
    let mut permitted: Vec<String> = names.iter().map(|name| constraint(name).to_owned()).collect();
    permitted.sort();
    permitted.dedup();
    permitted
}

fn authority_params(project: &ProjectName, owner: &str, permitted: &[String], now: Timestamp) -> CertificateParams {
    let mut common_name = format!("neargate local CA ({project}, {owner})");
    if common_name.len() > COMMON_NAME_MAX {
        common_name = format!("neargate local CA ({project})").chars().take(COMMON_NAME_MAX).collect();
    }
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "neargate local CA");
    subject.push(DnType::CommonName, common_name);

    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    set_validity(&mut params, now - DAY, now - DAY + AUTHORITY_LIFETIME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: permitted.iter().cloned().map(GeneralSubtree::DnsName).collect(),
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
        ],
    });
    params
}

fn leaf_params(names: &[DomainName], now: Timestamp, not_after: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut subject = DistinguishedName::new();
    if let Some(name) = names.first().filter(|name| name.as_str().len() <= COMMON_NAME_MAX) {
        subject.push(DnType::CommonName, name.as_str());
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.subject_alt_names =
        names.iter().map(|name| name.as_str().try_into().map(SanType::DnsName)).collect::<Result<_, _>>()?;
    // A clock that is a little behind must not find the certificate in its future.
    set_validity(&mut params, now - DAY, not_after);
    // The library writes a subject key identifier only where it writes basic constraints.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The library's kind of time is that of a crate this one does not depend on; it can be added to, though.
fn set_validity(params: &mut CertificateParams, from: Timestamp, to: Timestamp) {
    let since_epoch = |at: Timestamp| Duration::from_secs(at.as_second().max(0).unsigned_abs());
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(from);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(to);
}

fn permitted_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(constraints)) = certificate.name_constraints() else { return Vec::new() };
    let permitted = constraints.value.permitted_subtrees.iter().flatten();
    permitted
        .filter_map(|subtree| match subtree.base {
            GeneralName::DNSName(name) => Some(name.to_owned()),
            _ => None,
        })
        .collect()
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests;
