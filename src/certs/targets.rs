//! TLS towards targets: each policy there may be for it, and that every certificate will do: "The load balancer establishes TLS connections with the
//! targets using certificates that you install on the targets. The load balancer does not validate these certificates"
//! (ALB user guide, "Target groups for your Application Load Balancers", routing configuration).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::{CertError, ssl_policy};
use crate::engine::target_tls::{PerPolicy, TargetPolicy};

/// How both requests and health checks open TLS connections to targets. No protocol is offered; who speaks HTTP/2 adds
/// that.
pub fn client_configs() -> Result<PerPolicy<Arc<ClientConfig>>, CertError> {
    PerPolicy::new(|policy| client_config(policy).map(Arc::new))
}

fn client_config(policy: TargetPolicy) -> Result<ClientConfig, CertError> {
    let policy = ssl_policy::find(policy.name())?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(policy.provider()))
        .with_protocol_versions(&policy.versions())
        .map_err(CertError::TargetTls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    // Sessions are kept by name, and targets have none: those of one machine would get each other's.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// Accepts whatever the target shows: expired, self-signed, for another name.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
