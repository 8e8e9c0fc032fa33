//! A certificate as it is found.

use crate::aws::action::State;
use crate::control::desired::records::Record;
use crate::model::arn::{ACCOUNT, Arn};
use crate::model::certificate::{IssuedCertificate, KeyAlgorithm};
use crate::model::{CertificateId, DomainName};
use crate::protocols::fault::Fault;

/// What is kept beside the names: how it was asked for, and its tags.
pub(super) const CERTIFICATE: &str = "acm/certificate";

/// A certificate that exists.
pub(super) struct Found {
    pub(super) id: CertificateId,
    pub(super) names: Vec<DomainName>,
    pub(super) key_algorithm: KeyAlgorithm,
    pub(super) record: Record,
}

impl Found {
    /// By ARN.
    pub(super) fn of(state: &State, arn: &str) -> Result<Self, Fault> {
        let found = arn.split_once(":certificate/").and_then(|(_, id)| {
            let id = CertificateId::new(id);
            let resources = state.desired.resources();
            Some(Self::new(state, &id, resources.certificates.get(&id)?))
        });
        found.ok_or_else(|| {
            let message = format!("Certificate {arn} in account {ACCOUNT} not found");
            Fault::new("ResourceNotFoundException", message)
        })
    }

    pub(super) fn all(state: &State) -> Vec<Self> {
        let resources = state.desired.resources();
        resources.certificates.iter().map(|(id, certificate)| Self::new(state, id, certificate)).collect()
    }

    fn new(state: &State, id: &CertificateId, certificate: &IssuedCertificate) -> Self {
        let IssuedCertificate { names, key_algorithm } = certificate.clone();
        Self { record: record(state, id), names, key_algorithm, id: id.clone() }
    }

    pub(super) fn arn(&self) -> String {
        Arn::certificate(&self.id).to_string()
    }
}

fn record(state: &State, id: &CertificateId) -> Record {
    state.desired.records().get(CERTIFICATE, id.as_str()).cloned().unwrap_or_default()
}
