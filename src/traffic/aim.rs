//! Where requests go, and what they ask for.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

/// Where requests go, and what they ask for.
#[derive(Clone, Debug)]
pub struct Aim {
    /// Where the listener is bound.
    pub address: SocketAddr,
    /// The name, for TLS.
    pub domain: String,
    /// The name, with the port if it is not the usual one.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// TLS as clients speak it, if the listener does.
    pub tls: Option<Arc<ClientConfig>>,
}
