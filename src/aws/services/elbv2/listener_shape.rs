//! A listener as DescribeListeners returns it, and the certificates that ARNs name.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::{self, BEFORE};
use super::faults::{missing, refused};
use super::known::{Known, listener_arn};
use crate::alb::violation::Violation;
use crate::aws::action::drop_nulls;
use crate::control::desired::resources::OwnedListener;
use crate::model::arn::{self, Arn};
use crate::model::listener::{Certificate, ListenerProtocol};
use crate::model::{CertificateId, ListenerId};
use crate::protocols::fault::Fault;

/// The members of a record that are returned as they were sent.
pub(super) const MUTUAL_AUTHENTICATION: &str = "mutualAuthentication";

/// A listener. Of its certificates, only the default one is shown.
pub(super) fn shape(known: &Known<'_>, id: &ListenerId, owned: &OwnedListener) -> Value {
    let OwnedListener { load_balancer, listener } = owned;
    let arn = listener_arn(id, load_balancer);
    let (protocol, settings) = match &listener.protocol {
        ListenerProtocol::Http => ("HTTP", None),
        ListenerProtocol::Https(settings) => ("HTTPS", Some(settings)),
    };
    let first = settings.and_then(|settings| settings.certificates.first());
    let off = settings.map(|_| json!({ "Mode": "off" }));
    let mut shape = json!({
        "ListenerArn": arn,
        "LoadBalancerArn": Arn::load_balancer(load_balancer),
        "Port": listener.port,
        "Protocol": protocol,
        "Certificates": first.map(|certificate| vec![json!({ "CertificateArn": certificate_arn(certificate) })]),
        "SslPolicy": settings.map(|settings| &settings.ssl_policy),
        "DefaultActions": actions::shape(&listener.default_actions, known.member(&arn, BEFORE)),
        "MutualAuthentication": known.member(&arn, MUTUAL_AUTHENTICATION).or(off),
    });
    drop_nulls(&mut shape);
    shape
}

/// The ARN of a certificate. One from files follows from where they are, since ACM does not know it.
pub(super) fn certificate_arn(certificate: &Certificate) -> Arn {
    let id = match certificate {
        Certificate::Issued(issued) => issued.id(),
        Certificate::Files { certificate, .. } => of_file(certificate),
    };
    Arn::certificate(&id)
}

fn of_file(path: &Path) -> CertificateId {
    CertificateId::new(arn::uuid(&["certificate of a file", &path.to_string_lossy()]))
}

/// `Certificate`
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Given {
    pub(super) certificate_arn: Option<String>,
}

/// The certificate that an ARN names: one that was requested, or one that the listener has already.
///
/// # Errors
///
/// There is none.
pub(super) fn find(known: &Known<'_>, given: &Given, own: &[Certificate]) -> Result<Certificate, Fault> {
    let arn = given.certificate_arn.as_deref().ok_or_else(|| missing("certificates.1.member.certificateArn"))?;
    if let Some(certificate) = own.iter().find(|certificate| certificate_arn(certificate).as_str() == arn) {
        return Ok(certificate.clone());
    }
    let mut requested = known.resources.certificates.iter();
    let found = requested.find(|(id, _)| Arn::certificate(id).as_str() == arn);
    let found = found.map(|(_, certificate)| Certificate::Issued(certificate.clone()));
    found.ok_or_else(|| {
        let id = arn.rsplit('/').next().unwrap_or_default();
        let fault = refused(&Violation::CertificateNotFound(CertificateId::new(id)));
        Fault { message: format!("Certificate '{arn}' not found"), ..fault }
    })
}
