//! Takes a connection from accept to its protocol.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ProtocolVersion;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::{http1, http2};
use crate::alb::logs::connection::{ConnectionEntry, Handshake};
use crate::alb::metrics::figures::Count;
use crate::model::listener::ListenerProtocol;
use crate::proxy::connection::Connection;
use crate::proxy::context::Worker;
use crate::proxy::io::cork::Corked;
use crate::proxy::io::stream::Stream;
use crate::proxy::telemetry::certificate::Recorder;
use crate::proxy::telemetry::transaction::ConnectionSink;
use crate::proxy::tls::TlsFacts;

/// What rustls encrypts at most before it is written: all that is read from a target at once, so that it leaves at once.
/// With rustls's own limit, 64 KiB, the same body took four times as many writes and 13 % more CPU time.
pub(crate) const LARGEST_WRITE: usize = 320 * 1024;

/// Serves a connection until it ends.
pub(crate) async fn serve(worker: Rc<Worker>, stream: TcpStream, client: SocketAddr, port: u16) {
    let snapshot = worker.snapshot();
    let table = &snapshot.table;
    // Between a listener's removal and the closing of its socket.
    let Some(listener) = table.listener_by_port(port) else { return };
    let is_tls = matches!(table.listeners[listener].protocol, ListenerProtocol::Https(_));
    let (keep_alive, handshake_timeout) = (table.attributes.client_keep_alive, table.attributes.idle_timeout);
    drop(snapshot);
    let _open = worker.meters.open_connection();
    let id = worker.random.connection_id();
    let life = worker.listener_life(port, is_tls);
    let _enlisted = worker.wakers.enlist().await;
    let connection = |tls: Option<Arc<TlsFacts>>| Connection {
        client,
        listener_port: port,
        mistaken: is_tls && tls.is_none(),
        tls,
        id,
        listener: life,
        last_request_after: Instant::now() + keep_alive,
    };
    let sink = worker.shared.connections.as_ref().filter(|sink| ConnectionSink::is_open(sink));
    let node = sink.as_ref().and_then(|_| Some(stream.local_addr().ok()?.ip()));
    let log = |tls| {
        if let Some(sink) = &sink {
            sink.accept(ConnectionEntry { time: worker.now(), client, listener_port: port, tls, node, id });
        }
    };

    if !is_tls {
        log(None);
        http1::connection::serve(worker, connection(None), Stream::from(stream), &[]).await;
        return;
    }
    let begun = Instant::now();
    let (tls, facts) = match handshake(&worker, stream, port, handshake_timeout).await {
        Greeting::Secured(tls, facts) => (tls, facts),
        Greeting::Plain(stream, received) => {
            log(None);
            http1::connection::serve(worker, connection(None), Stream::from(stream), &received).await;
            return;
        }
        Greeting::Failed => {
            worker.meters.add(Count::ClientTlsNegotiationErrors, 1);
            log(Some(Handshake::Failed));
            return;
        }
    };
    log(Some(Handshake::Established {
        protocol: facts.version,
        cipher: facts.cipher,
        took: begun.elapsed(),
        key_exchange: facts.key_exchange,
    }));
    let facts = Arc::new(facts);
    if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
        // Boxed, because its state is large, and the other protocol's connections should not carry room for it.
        Box::pin(http2::connection::serve(worker, connection(Some(facts)), *tls)).await;
    } else {
        http1::connection::serve(worker, connection(Some(facts)), Stream::from(tls), &[]).await;
    }
}

/// What a client of an HTTPS listener begins with.
pub(crate) enum Greeting {
    Secured(Box<tokio_rustls::server::TlsStream<Corked>>, TlsFacts),
    /// No handshake: most likely HTTP, and this much of it.
    Plain(TcpStream, Vec<u8>),
    /// It ends the connection and nothing else; rustls has sent the alert.
    Failed,
}

pub(crate) async fn handshake(worker: &Worker, stream: TcpStream, port: u16, timeout: Duration) -> Greeting {
    let Some(config) = worker.shared.tls.config(port) else {
        tracing::warn!(port, "an HTTPS listener has no certificate yet");
        return Greeting::Failed;
    };
    let (config, recorder) = if worker.logs_requests() {
        let (config, recorder) = Recorder::wrap(&config);
        (config, Some(recorder))
    } else {
        (config, None)
    };
    // Boxed: the handshake's state is large, and an idle connection should not carry room for it.
    let accepting = Box::pin(async {
        let mut stream = TlsAcceptor::from(config).accept(Corked::new(stream)).into_fallible().await?;
        let (corked, session) = stream.get_mut();
        corked.open();
        session.set_buffer_limit(Some(LARGEST_WRITE));
        // Without tickets to wait with, what was held is what the client waits for.
        if stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            // The next reader notices that the other end is gone.
            let _ = stream.flush().await;
        }
        Ok::<_, (std::io::Error, Corked)>(stream)
    });
    match tokio::time::timeout(timeout, accepting).await {
        Ok(Ok(stream)) => {
            let certificate = recorder.and_then(|recorder| worker.certificates.look_up(&recorder));
            let facts = TlsFacts::from_session(stream.get_ref().1, certificate);
            Greeting::Secured(Box::new(stream), facts)
        }
        Ok(Err((error, corked))) => match corked.into_plain() {
            Some((stream, received)) => Greeting::Plain(stream, received),
            None => {
                tracing::debug!(port, %error, "TLS handshake failed");
                Greeting::Failed
            }
        },
        Err(_) => Greeting::Failed,
    }
}
