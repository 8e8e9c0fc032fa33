//! Certificates (ACM API reference, RequestCertificate, DeleteCertificate).

use super::super::resources::{Resources, issued};
use crate::alb::violation::Violation;
use crate::model::CertificateId;
use crate::model::certificate::IssuedCertificate;
use crate::model::listener::ListenerProtocol;

/// Its id follows from it, so asking twice changes nothing (RequestCertificate, `IdempotencyToken`).
pub(super) fn request(certificate: &IssuedCertificate, resources: &mut Resources) -> Result<(), Violation> {
    resources.certificates.insert(certificate.id(), certificate.clone());
    Ok(())
}

/// "You cannot delete an ACM certificate that is being used by another AWS service" (DeleteCertificate).
pub(super) fn delete(id: &CertificateId, resources: &mut Resources) -> Result<(), Violation> {
    if !resources.certificates.contains_key(id) {
        return Err(Violation::NoSuchCertificate(id.clone()));
    }
    let mut in_use = resources.listeners.values().flat_map(|owned| issued(&owned.listener.protocol));
    if in_use.any(|certificate| certificate.id() == *id) {
        return Err(Violation::CertificateInUse(id.clone()));
    }
    resources.certificates.remove(id);
    Ok(())
}

/// A listener has only certificates that exist.
pub(super) fn check(protocol: &ListenerProtocol, resources: &Resources) -> Result<(), Violation> {
    for certificate in issued(protocol) {
        let id = certificate.id();
        if !resources.certificates.contains_key(&id) {
            return Err(Violation::CertificateNotFound(id));
        }
    }
    Ok(())
}
