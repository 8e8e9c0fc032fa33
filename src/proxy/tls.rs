//! TLS towards clients: its configurations and the facts from a handshake.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::{HandshakeKind, NamedGroup, ProtocolVersion, ServerConfig};
use tokio::sync::watch;

use super::telemetry::certificate::CertificateFacts;
use crate::alb::logs::access::TlsWords;
use crate::model::LoadBalancerName;

/// The current TLS configurations of HTTPS listeners, by load balancer and AWS's port.
type Configs = Arc<HashMap<(LoadBalancerName, u16), Arc<ServerConfig>>>;

/// Those of one load balancer. New connections use the one in place when they arrive, so certificates can change without
/// anything being closed.
#[derive(Clone, Debug)]
pub struct ListenerTls {
    load_balancer: LoadBalancerName,
    configs: watch::Receiver<Configs>,
}

impl ListenerTls {
    /// Picks them from those of all.
    pub fn new(load_balancer: LoadBalancerName, configs: watch::Receiver<Configs>) -> Self {
        Self { load_balancer, configs }
    }

    /// For load balancers without HTTPS listeners.
    pub fn none() -> Self {
        Self::new(LoadBalancerName::new(""), watch::channel(Arc::default()).1)
    }

    pub(super) fn config(&self, port: u16) -> Option<Arc<ServerConfig>> {
        self.configs.borrow().get(&(self.load_balancer.clone(), port)).cloned()
    }
}

/// What a handshake ended in, in OpenSSL's names, which is how ALB writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3`
    pub version: &'static str,
    /// `ECDHE-ECDSA-AES128-GCM-SHA256`
    pub cipher: &'static str,
    /// `x25519`
    pub key_exchange: &'static str,
    /// The name asked for.
    pub server_name: Option<String>,
    /// A session was resumed, so no certificate was shown.
    pub resumed: bool,
    /// The certificate for the name; only looked at for a log.
    pub certificate: Option<Arc<CertificateFacts>>,
}

impl TlsFacts {
    pub(super) fn from_session(session: &rustls::ServerConnection, certificate: Option<Arc<CertificateFacts>>) -> Self {
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "-",
        };
        use rustls::CipherSuite as C;
        let cipher = match session.negotiated_cipher_suite().map(|suite| suite.suite()) {
            Some(C::TLS13_AES_128_GCM_SHA256) => "TLS_AES_128_GCM_SHA256",
            Some(C::TLS13_AES_256_GCM_SHA384) => "TLS_AES_256_GCM_SHA384",
            Some(C::TLS13_CHACHA20_POLY1305_SHA256) => "TLS_CHACHA20_POLY1305_SHA256",
            Some(C::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) => "ECDHE-ECDSA-AES128-GCM-SHA256",
            Some(C::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) => "ECDHE-ECDSA-AES256-GCM-SHA384",
            Some(C::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) => "ECDHE-RSA-AES128-GCM-SHA256",
            Some(C::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) => "ECDHE-RSA-AES256-GCM-SHA384",
            Some(C::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-ECDSA-CHACHA20-POLY1305",
            Some(C::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => "ECDHE-RSA-CHACHA20-POLY1305",
            _ => "-",
        };
        let key_exchange = match session.negotiated_key_exchange_group().map(|group| group.name()) {
            Some(NamedGroup::X25519) => "x25519",
            Some(NamedGroup::secp256r1) => "secp256r1",
            Some(NamedGroup::secp384r1) => "secp384r1",
            Some(NamedGroup::secp521r1) => "secp521r1",
            Some(NamedGroup::X25519MLKEM768) => "X25519MLKEM768",
            Some(NamedGroup::secp256r1MLKEM768) => "SecP256r1MLKEM768",
            _ => "-",
        };
        let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        let server_name = session.server_name().map(str::to_owned);
        Self { version, cipher, key_exchange, server_name, resumed, certificate }
    }

    /// For an access log. The name is that of the handshake "if … the domain doesn't match a certificate" nothing is
    /// written; the certificate of a resumed session is `session-reused` (ALB user guide, "Access logs").
    pub fn words(&self) -> TlsWords<'_> {
        let certificate = self.certificate.as_deref();
        let covered = |name: &&str| certificate.is_some_and(|certificate| certificate.covers(name));
        TlsWords {
            cipher: self.cipher,
            protocol: self.version,
            domain_name: self.server_name.as_deref().filter(covered),
            certificate: if self.resumed {
                Some("session-reused")
            } else {
                certificate.map(|certificate| certificate.arn.as_str())
            },
        }
    }
}
