//! One client connection, from accept to the protocol it speaks.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::stream::Stream;
use super::tls::TlsFacts;
use super::worker::Worker;
use super::{http1, http2};
use crate::model::listener::ListenerProtocol;

/// What stays the same for all requests of a connection.
pub(super) struct Connection {
    pub(super) client: SocketAddr,
    /// AWS's port of the listener.
    pub(super) listener_port: u16,
    /// Of HTTPS listeners.
    pub(super) tls: Option<TlsFacts>,
    /// `client_keep_alive`, fixed when the connection was made: after this moment one more request is served.
    last_request_after: Instant,
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

/// Serves a connection until it ends.
pub(super) async fn serve(worker: Rc<Worker>, stream: TcpStream, client: SocketAddr, port: u16) {
    let _ = stream.set_nodelay(true);
    let snapshot = worker.snapshot();
    let table = &snapshot.table;
    // Between a listener's removal and the closing of its socket.
    let Some(listener) = table.listener_by_port(port) else { return };
    let is_tls = matches!(table.listeners[listener].protocol, ListenerProtocol::Https(_));
    let (keep_alive, handshake_timeout) = (table.attributes.client_keep_alive, table.attributes.idle_timeout);
    drop(snapshot);
    let connection =
        |tls| Connection { client, listener_port: port, tls, last_request_after: Instant::now() + keep_alive };

    if !is_tls {
        http1::serve(worker, connection(None), Stream::from(stream)).await;
        return;
    }
    let Some(tls) = handshake(&worker, stream, port, handshake_timeout).await else { return };
    let facts = TlsFacts::of(tls.get_ref().1);
    if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(worker, connection(Some(facts)), *tls).await;
    } else {
        http1::serve(worker, connection(Some(facts)), Stream::from(tls)).await;
    }
}

/// A failed handshake ends the connection and nothing else; rustls has sent the alert.
async fn handshake(
    worker: &Worker,
    stream: TcpStream,
    port: u16,
    timeout: Duration,
) -> Option<Box<tokio_rustls::server::TlsStream<TcpStream>>> {
    let Some(config) = worker.shared.tls.config(port) else {
        tracing::warn!(port, "an HTTPS listener has no certificate yet");
        return None;
    };
    // Boxed: the handshake's state is large, and an idle connection should not carry room for it.
    let accepting = Box::pin(TlsAcceptor::from(config).accept(stream));
    match tokio::time::timeout(timeout, accepting).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            tracing::debug!(port, %error, "TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}
