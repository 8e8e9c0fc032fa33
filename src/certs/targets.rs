//! TLS towards targets: its possible policies, and the acceptance of every certificate: "The load balancer establishes TLS connections with the
//! targets using certificates that you install on the targets. The load balancer does not validate these certificates"
//! (ALB user guide, "Target groups for your Application Load Balancers", routing configuration).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::error::CertError;
use super::ssl_policy;
use crate::alb::targets::target_tls::{PerPolicy, TargetPolicy};

/// A configuration for each policy.
pub type ClientConfigs = PerPolicy<Arc<ClientConfig>>;

/// How both requests and health checks open TLS connections to targets. No protocol is offered; who speaks HTTP/2 adds
/// that.
pub fn client_configs() -> Result<ClientConfigs, CertError> {
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

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use serde::Deserialize;

    use super::*;
    use crate::certs::testing::handshake;
    use neargate_fixture as fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        /// Self-signed, for this name.
        certificate: String,
        #[serde(default)]
        expired: bool,
    }

    #[test]
    fn certificates_of_targets_are_not_validated() {
        let clients = client_configs().unwrap();
        fixture::each("alb/tls/target-certificates", |case: Case| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new([case.certificate]).unwrap();
            if case.expired {
                params.not_after = rcgen::date_time_ymd(2020, 1, 1);
            }
            let certificate = params.self_signed(&key).unwrap().der().clone();
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let server =
                ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
            let server = Arc::new(server);
            for policy in TargetPolicy::ALL {
                let agreed = handshake(clients.get(policy), &server, "127.0.0.1");
                assert!(agreed.is_ok(), "{} ({}): {agreed:?}", case.name, policy.name());
            }
        });
    }
}
