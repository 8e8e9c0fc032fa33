//! The account of one request, filled as it moves, handed over when it is settled.
//!
//! Access logs and metrics are made of it, elsewhere and later: here it is only written down. What would have to be
//! allocated (the request line, say) is kept only if somebody listens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::engine::desync::Classification;
use crate::engine::headers::Front;
use crate::engine::transform::{TransformStatus, Transformed};

/// One request from its first byte to its last.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// HTTP/1.x or HTTP/2 on the client's side.
    pub front: Front,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// It became a WebSocket.
    pub upgraded: bool,
    /// Who asked.
    pub client: SocketAddr,
    /// AWS's port of the listener.
    pub listener_port: u16,
    /// When its head was complete.
    pub created: Timestamp,
    /// When its last byte was sent.
    pub settled: Timestamp,
    /// The steps, on a clock that never jumps.
    pub steps: Steps,
    /// What the client got; 460 if it had gone, 0 if the connection was cut before anything was decided.
    pub status: u16,
    /// What the target said.
    pub target_status: Option<u16>,
    /// Head and body from the client.
    pub received_bytes: u64,
    /// Head and body to the client.
    pub sent_bytes: u64,
    /// Priority of the rule; 0 for the default rule; `None` if routing was not reached.
    pub rule: Option<u32>,
    /// What the rule did.
    pub action: Option<ActionKind>,
    /// Where it was sent.
    pub target: Option<SocketAddr>,
    /// How far its form was from RFC 7230; `None` if it complied, or was not HTTP/1.
    pub classification: Option<Classification>,
    /// The client asked for a target or a group by cookie and got another one (CloudWatch: `NonStickyRequestCount`).
    pub non_sticky: bool,
    /// `error_reason` of an access log.
    pub error_reason: Option<&'static str>,
    /// How its transforms went; `None` if the rule has none.
    pub transform_status: Option<TransformStatus>,
    /// Why it failed.
    pub error: Option<String>,
    /// Texts; only kept for a sink.
    pub text: Option<Box<Text>>,
}

/// Version of HTTP on the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

impl HttpVersion {
    /// As access logs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// When the steps of a request were taken.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Its head was complete.
    pub received: Instant,
    /// Its head went to the target.
    pub dispatched: Option<Instant>,
    /// The target's head was complete.
    pub answered: Option<Instant>,
    /// The last byte was sent.
    pub ended: Option<Instant>,
}

/// `actions_executed` of an access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// `forward`
    Forward,
    /// `redirect`
    Redirect,
    /// `fixed-response`
    FixedResponse,
}

/// The texts of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// As sent.
    pub method: String,
    /// Host and port of the URL.
    pub host: String,
    /// Path and query.
    pub path_and_query: String,
    /// `HTTP/1.1`
    pub version: &'static str,
    /// `User-Agent`
    pub user_agent: String,
    /// The complete `X-Amzn-Trace-Id` sent to the target.
    pub trace_id: String,
    /// Of the target group.
    pub target_group_arn: Option<String>,
    /// Host and URL after transforms, where these changed them.
    pub transformed: Transformed,
    /// Of a redirect.
    pub redirect_url: Option<String>,
    /// TLS cipher and version.
    pub tls: Option<(String, String)>,
    /// Name asked for in the TLS handshake.
    pub server_name: Option<String>,
}

/// Where accounts go: a bounded queue. When it is full they are dropped and counted; a request never waits for its
/// log line.
#[derive(Clone, Debug)]
pub struct AccessSink {
    queue: mpsc::Sender<Transaction>,
    dropped: Arc<AtomicU64>,
}

impl AccessSink {
    /// A sink and the end to read it from.
    pub fn bounded(capacity: usize) -> (Self, mpsc::Receiver<Transaction>) {
        let (queue, reader) = mpsc::channel(capacity);
        (Self { queue, dropped: Arc::default() }, reader)
    }

    /// How many accounts were lost to a full queue.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn accept(&self, transaction: Transaction) {
        if self.queue.try_send(transaction).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
