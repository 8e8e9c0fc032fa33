//! HTTP/2 connections to targets, each shared by many requests of its worker.
//!
//! ```text
//!  a request ──► one with room? ──yes──► a stream on it
//!                     │ no
//!                     └──► dialling already? wait with the others : dial, on a task of its own
//! ```
//!
//! The target's certificate and its choice of protocol are ignored: over plain TCP and TLS alike, the HTTP/2 preface is
//! sent at once ("prior knowledge", RFC 9113, section 3.3), as gRPC servers and clients do.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::pool::{Dial, Opening};
use crate::alb::targets::target_tls::PerPolicy;
use crate::proxy::answer::error::ProxyError;
use crate::proxy::io::inflow::FRAMES_BUDGET;
use crate::proxy::telemetry::meters::{GroupMeter, WorkerMeters};

/// As many as a client may have on a connection to us; more requests open another connection.
const MOST_STREAMS: usize = 128;
/// What a target may send ahead of a client that reads slowly, per request …
const STREAM_WINDOW: u32 = 65_536;
/// … and in all: enough that requests whose clients do not read cannot hold up the others.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * (MOST_STREAMS as u32 + 1);
/// Heads are limited by us, with the load balancer's own answer, so `h2` has to let larger ones through.
const LARGEST_HEADER_LIST: u32 = 128 * 1024;

/// The connections of one worker.
#[derive(Default)]
pub(crate) struct Multiplexed {
    open: RefCell<HashMap<Dial, Vec<Rc<Connection>>>>,
    /// Who waits for a connection that is being made.
    waiting: RefCell<HashMap<Dial, Vec<Waiter>>>,
}

type Waiter = oneshot::Sender<Result<Rc<Connection>, ProxyError>>;

struct Connection {
    requests: SendRequest<Bytes>,
    streams: Cell<usize>,
    last_used: Cell<Instant>,
}

/// Room for one request on a connection, taken until it is dropped.
pub(in crate::proxy) struct Lease {
    connection: Rc<Connection>,
}

impl Multiplexed {
    /// Room on a connection that is there or is made now.
    pub(in crate::proxy) async fn lease(
        self: &Rc<Self>,
        dial: Dial,
        idle_timeout: Duration,
        dialling: impl FnOnce() -> Dialling,
    ) -> Result<Lease, ProxyError> {
        if let Some(connection) = self.with_room(dial, idle_timeout) {
            return Ok(Lease::new(connection));
        }
        let (tell, told) = oneshot::channel();
        if self.wait(dial, tell) {
            // The first caller may go away while the others are still waiting.
            tokio::task::spawn_local(Rc::clone(self).dial(dialling()));
        }
        told.await.unwrap_or(Err(ProxyError::TargetClosed)).map(Lease::new)
    }

    /// Closes connections to whatever is not a target any more once their requests have ended.
    pub(in crate::proxy) fn retain(&self, is_target: impl Fn(SocketAddr) -> bool) {
        self.open.borrow_mut().retain(|dial, _| is_target(dial.address));
    }

    /// Forgets connections that were idle for too long or have ended. Returns whether any are left.
    pub(in crate::proxy) fn sweep(&self, idle_timeout: Duration) -> bool {
        let mut open = self.open.borrow_mut();
        open.retain(|_, connections| {
            connections.retain(|connection| connection.is_usable(idle_timeout));
            !connections.is_empty()
        });
        !open.is_empty()
    }

    /// Joins the queue; returns whether it was empty.
    fn wait(&self, dial: Dial, waiter: Waiter) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let waiters = waiting.entry(dial).or_default();
        waiters.push(waiter);
        waiters.len() == 1
    }

    fn with_room(&self, dial: Dial, idle_timeout: Duration) -> Option<Rc<Connection>> {
        let mut open = self.open.borrow_mut();
        let connections = open.get_mut(&dial)?;
        connections.retain(|connection| connection.is_usable(idle_timeout));
        connections.iter().find(|connection| connection.has_room()).cloned()
    }

    async fn dial(self: Rc<Self>, dialling: Dialling) {
        let dial = dialling.dial;
        let result = dialling.connect().await;
        if let Ok(connection) = &result {
            self.open.borrow_mut().entry(dial).or_default().push(Rc::clone(connection));
        }
        for waiter in self.waiting.borrow_mut().remove(&dial).unwrap_or_default() {
            let _ = waiter.send(result.clone());
        }
    }
}

impl Connection {
    /// Neither closed, nor told to go, nor at rest for too long.
    fn is_usable(&self, idle_timeout: Duration) -> bool {
        // A fresh handle never waits: it is ready, or the connection has ended.
        let mut context = Context::from_waker(Waker::noop());
        let is_open = !matches!(self.requests.clone().poll_ready(&mut context), std::task::Poll::Ready(Err(_)));
        is_open && (self.streams.get() > 0 || self.last_used.get().elapsed() < idle_timeout)
    }

    fn has_room(&self) -> bool {
        self.streams.get() < self.requests.current_max_send_streams().min(MOST_STREAMS)
    }
}

impl Lease {
    fn new(connection: Rc<Connection>) -> Self {
        connection.streams.set(connection.streams.get() + 1);
        Self { connection }
    }

    /// For one request.
    pub(in crate::proxy) fn requests(&self) -> SendRequest<Bytes> {
        self.connection.requests.clone()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.connection.streams.set(self.connection.streams.get() - 1);
        self.connection.last_used.set(Instant::now());
    }
}

/// Everything that a connection needs, owned, because its caller may be gone by the time it is established.
pub(in crate::proxy) struct Dialling {
    pub(in crate::proxy) dial: Dial,
    pub(in crate::proxy) reachable: bool,
    pub(in crate::proxy) timeout: Duration,
    pub(in crate::proxy) tls: PerPolicy<Arc<rustls::ClientConfig>>,
    pub(in crate::proxy) meter: Arc<GroupMeter>,
    pub(in crate::proxy) meters: Arc<WorkerMeters>,
}

impl Dialling {
    async fn connect(self) -> Result<Rc<Connection>, ProxyError> {
        let Self { dial, reachable, timeout, tls, meter, meters } = self;
        let io = Opening { dial, reachable, timeout, tls: &tls, meter: &meter }.open().await?;
        let counted = meters.open_connection();
        let handshake = h2::client::Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .data_frame_budget(FRAMES_BUDGET)
            .max_header_list_size(LARGEST_HEADER_LIST)
            .enable_push(false)
            .handshake(io);
        let (requests, connection) = handshake.await.map_err(|_| ProxyError::TargetClosed)?;
        // Ends with the connection, or when its last handle is dropped and its last stream has ended.
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(target = %dial.address, %error, "an HTTP/2 connection to a target failed");
            }
            drop(counted);
        });
        Ok(Rc::new(Connection { requests, streams: Cell::new(0), last_used: Cell::new(Instant::now()) }))
    }
}
