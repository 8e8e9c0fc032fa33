//! One client connection, from accept to its protocol.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;

use super::context::ListenerLife;
use super::tls::TlsFacts;

/// What stays the same for all requests of a connection.
pub(super) struct Connection {
    pub(super) client: SocketAddr,
    /// AWS's port of the listener.
    pub(super) listener_port: u16,
    /// Of HTTPS listeners.
    pub(super) tls: Option<Arc<TlsFacts>>,
    /// Its client speaks plain HTTP to an HTTPS listener.
    pub(super) mistaken: bool,
    /// In logs `TID_` and 32 digits.
    pub(super) id: u128,
    /// The listener it was made to.
    pub(super) listener: Rc<ListenerLife>,
    /// `client_keep_alive`, fixed when the connection was made: after this moment one more request is served.
    pub(super) last_request_after: Instant,
}

impl Connection {
    /// Whether the request now being served must be the last.
    pub(super) fn has_outlived_keep_alive(&self) -> bool {
        Instant::now() >= self.last_request_after
    }

    pub(super) fn last_request_after(&self) -> Instant {
        self.last_request_after
    }
}
