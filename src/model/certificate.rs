//! Certificates that the local authority issues, as ACM does (ACM API, RequestCertificate).

use serde::{Deserialize, Serialize};

pub use super::key_algorithm::KeyAlgorithm;

use super::ids::{CertificateId, DomainName};

/// What is issued for a listener: the same names with the same kind of key are the same certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCertificate {
    /// Subject alternative names; never empty.
    pub names: Vec<DomainName>,
    /// `KeyAlgorithm`
    #[serde(default)]
    pub key_algorithm: KeyAlgorithm,
}

impl IssuedCertificate {
    /// With the key that ACM gives to a certificate unless it is told otherwise.
    pub fn new(names: Vec<DomainName>) -> Self {
        Self { names, key_algorithm: KeyAlgorithm::default() }
    }

    /// The last part of its ARN.
    pub fn id(&self) -> CertificateId {
        super::arn::certificate_id(&self.names, self.key_algorithm)
    }
}
