//! What connections to targets have in common, whether they carry requests or health checks.

use std::sync::Arc;

use rustls::ClientConfig;

use crate::alb::targets::target_tls::PerPolicy;

/// TLS towards targets. Those of HTTP/1.1 are offered no protocol, as nginx does; HTTP/2 has to be agreed upon.
#[derive(Clone, Debug)]
pub struct TargetTls {
    /// Where HTTP/1.1 is going to be spoken.
    pub http1: PerPolicy<Arc<ClientConfig>>,
    /// Where HTTP/2 is: `h2` is offered.
    pub http2: PerPolicy<Arc<ClientConfig>>,
}

impl TargetTls {
    /// From configurations that offer no protocol.
    pub fn new(http1: PerPolicy<Arc<ClientConfig>>) -> Self {
        let http2 = http1.map(|http1| {
            let mut http2 = ClientConfig::clone(http1);
            http2.alpn_protocols = vec![b"h2".to_vec()];
            Arc::new(http2)
        });
        Self { http1, http2 }
    }
}
