//! Connections to servers that carry requests: of HTTP/1.1 those that are idle, of HTTP/2 one to each server.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::dial::dial;
use crate::ecs::service_connect::servers::Server;

/// Idle connections to a server that are kept.
const IDLE: usize = 16;

/// A connection on which a request can be sent.
pub(super) enum Sender {
    Http1(http1::SendRequest<Incoming>),
    Http2(http2::SendRequest<Incoming>),
}

impl Sender {
    /// The answer; or the request, if nothing of it has been sent.
    pub(super) async fn send(
        &mut self,
        request: Request<Incoming>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Incoming>>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        }
    }
}

#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<HashMap<SocketAddr, Vec<http1::SendRequest<Incoming>>>>,
    shared: Mutex<HashMap<SocketAddr, http2::SendRequest<Incoming>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// A connection that is there.
    pub(super) fn take(&self, server: &Server, http2: bool) -> Option<Sender> {
        let address = server.dial?;
        if http2 {
            let shared = lock(&self.shared).get(&address).filter(|sender| !sender.is_closed()).cloned();
            return shared.map(Sender::Http2);
        }
        let mut idle = lock(&self.idle);
        let senders = idle.get_mut(&address)?;
        let sender = std::iter::from_fn(|| senders.pop()).find(|sender| !sender.is_closed() && sender.is_ready());
        if senders.is_empty() {
            idle.remove(&address);
        }
        sender.map(Sender::Http1)
    }

    /// Another connection.
    pub(super) async fn open(&self, server: &Server, http2: bool) -> io::Result<Sender> {
        let stream = TokioIo::new(dial(server).await?);
        if http2 {
            let builder = http2::Builder::new(TokioExecutor::new());
            let (sender, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
            tokio::spawn(connection);
            if let Some(address) = server.dial {
                lock(&self.shared).insert(address, sender.clone());
            }
            return Ok(Sender::Http2(sender));
        }
        let builder = http1::Builder::new().preserve_header_case(true).clone();
        let (sender, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
        tokio::spawn(connection.with_upgrades());
        Ok(Sender::Http1(sender))
    }

    /// Takes a connection back once its answer has been read to the end.
    pub(super) fn give_back(self: &Arc<Self>, server: &Server, sender: Sender) {
        let (Sender::Http1(mut sender), Some(address)) = (sender, server.dial) else { return };
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            if sender.ready().await.is_err() {
                return;
            }
            let mut idle = lock(&pool.idle);
            let senders = idle.entry(address).or_default();
            senders.retain(|sender| !sender.is_closed());
            if senders.len() < IDLE {
                senders.push(sender);
            }
        });
    }
}
