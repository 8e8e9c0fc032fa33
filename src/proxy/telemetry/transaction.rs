//! The record of one request, filled along the way, handed over when the request is settled.
//!
//! Access logs and metrics are produced from it elsewhere, later. Parts that need an allocation (such as the request line)
//! are kept only if a log needs them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::alb::actions::transform::{TransformStatus, Transformed};
use crate::alb::logs::access::{AccessEntry, Kind, RequestWords, Timings, TransformWords};
use crate::alb::logs::connection::ConnectionEntry;
use crate::alb::logs::line::{LogLine, Names};
use crate::alb::request::desync::Classification;
use crate::alb::targets::protocols::RequestProtocol;
use crate::control::sink::Sink;
use crate::model::settled_request::{SettledRequest, TargetFault};
use crate::proxy::tls::TlsFacts;

/// One request from its first byte to its last.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// HTTP/1.x, HTTP/2 or gRPC on the client's side.
    pub protocol: RequestProtocol,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// It became a WebSocket.
    pub upgraded: bool,
    /// Of the connection; lines of the connection log have the same.
    pub connection: u128,
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
    /// How far its form was from RFC 7230; `None` if it complied.
    pub classification: Option<Classification>,
    /// Its group is sticky, and a new target had to be chosen.
    pub non_sticky: bool,
    /// `error_reason` of an access log.
    pub error_reason: Option<&'static str>,
    /// How its transforms went; `None` if the rule has none.
    pub transform_status: Option<TransformStatus>,
    /// Why it failed.
    pub error: Option<String>,
    /// What was wrong with the target, if that is why.
    pub fault: Option<TargetFault>,
    /// Texts; only kept for a sink.
    pub text: Option<Box<Text>>,
}

/// Version of HTTP on the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/0.9
    Http09,
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
            Self::Http09 => "HTTP/0.9",
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
    /// The first of it was sent to the client; only noted for a sink.
    pub responding: Option<Instant>,
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

impl ActionKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Redirect => "redirect",
            Self::FixedResponse => "fixed-response",
        }
    }
}

/// The texts of a request, as they came, in one piece of memory: one allocation per request that is logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Method, host, path with query, user agent, trace id.
    words: Vec<u8>,
    /// Where the first four end.
    ends: [usize; 4],
    /// `HTTP/1.1`
    pub version: &'static str,
    /// Of the target group.
    pub target_group_arn: Option<crate::model::arn::Arn>,
    /// Host and URL after transforms, where these changed them.
    pub transformed: Transformed,
    /// Of a redirect.
    pub redirect_url: Option<Vec<u8>>,
    /// Of HTTPS listeners.
    pub tls: Option<Arc<TlsFacts>>,
}

impl Text {
    /// Keeps words: method, host (possibly with a port), path, query, user agent.
    pub(crate) fn new(method: &[u8], host: &[u8], path: &[u8], query: Option<&[u8]>, user_agent: &[u8]) -> Self {
        // With room for the trace id.
        let size = method.len() + host.len() + path.len() + query.map_or(0, |query| query.len() + 1);
        let mut words = Vec::with_capacity(size + user_agent.len() + 48);
        words.extend_from_slice(method);
        words.extend_from_slice(host);
        words.extend_from_slice(path);
        if let Some(query) = query {
            words.push(b'?');
            words.extend_from_slice(query);
        }
        words.extend_from_slice(user_agent);
        let target = method.len() + host.len();
        Self { words, ends: [method.len(), target, size, size + user_agent.len()], ..Self::default() }
    }

    /// As sent.
    pub fn method(&self) -> &[u8] {
        &self.words[..self.ends[0]]
    }

    /// Host and port of the URL; empty if there was none.
    pub fn host(&self) -> &[u8] {
        &self.words[self.ends[0]..self.ends[1]]
    }

    /// Path and query.
    pub fn path_and_query(&self) -> &[u8] {
        &self.words[self.ends[1]..self.ends[2]]
    }

    /// `User-Agent`; empty if there was none.
    pub fn user_agent(&self) -> &[u8] {
        &self.words[self.ends[2]..self.ends[3]]
    }

    /// The complete `X-Amzn-Trace-Id` sent to the target; empty if there is none.
    pub fn trace_id(&self) -> &[u8] {
        &self.words[self.ends[3]..]
    }

    /// Where the trace id is to be written.
    pub(crate) fn trace_id_space(&mut self) -> &mut Vec<u8> {
        self.words.truncate(self.ends[3]);
        &mut self.words
    }
}

/// Where accounts of requests go.
pub type AccessSink = Sink<Transaction>;

/// Where accounts of connections go.
pub type ConnectionSink = Sink<ConnectionEntry>;

impl LogLine for Transaction {
    fn write(&self, names: Names<'_>, out: &mut Vec<u8>) {
        let text = self.text.as_deref();
        AccessEntry {
            kind: self.kind(),
            time: self.settled,
            client: self.client,
            target: self.target,
            timings: self.timings(),
            status: self.status,
            target_status: self.target_status,
            received_bytes: self.received_bytes,
            sent_bytes: self.sent_bytes,
            request: text.map(|text| RequestWords {
                method: text.method(),
                host: text.host(),
                target: text.path_and_query(),
                version: text.version,
                user_agent: text.user_agent(),
                trace_id: text.trace_id(),
            }),
            listener_port: self.listener_port,
            tls: text.and_then(|text| text.tls.as_deref()).map(TlsFacts::words),
            target_group_arn: text.and_then(|text| text.target_group_arn.as_ref()).map(|arn| arn.as_str()),
            rule: self.rule,
            created: self.created,
            action: self.action.map(ActionKind::as_str),
            redirect_url: text.and_then(|text| text.redirect_url.as_deref()),
            error_reason: self.error_reason,
            classification: self.classification.as_ref().map(|found| (found.tier.name(), &*found.reason)),
            transform: self.transform_status.map(|status| TransformWords {
                host: text.and_then(|text| text.transformed.host.as_deref()),
                uri: text.and_then(|text| text.transformed.uri.as_deref()),
                status: status.name(),
            }),
            connection: self.connection,
        }
        .write(names, out);
    }

    fn settled(&self) -> Option<SettledRequest> {
        let text = self.text.as_deref()?;
        Some(SettledRequest {
            trace_id: String::from_utf8_lossy(text.trace_id()).into_owned(),
            target: self.target,
            status: self.status,
            target_status: self.target_status,
            fault: self.fault,
        })
    }
}

impl Transaction {
    /// The first of the response has been sent.
    pub(crate) fn note_responding(&mut self) {
        if self.text.is_some() && self.steps.responding.is_none() {
            self.steps.responding = Some(Instant::now());
        }
    }

    fn kind(&self) -> Kind {
        match (self.protocol, self.scheme, self.upgraded) {
            (RequestProtocol::Grpc, ..) => Kind::Grpc,
            (RequestProtocol::Http2, ..) => Kind::Http2,
            (RequestProtocol::Http1, "https", false) => Kind::Https,
            (RequestProtocol::Http1, "https", true) => Kind::WebSocketTls,
            (RequestProtocol::Http1, _, false) => Kind::Http,
            (RequestProtocol::Http1, _, true) => Kind::WebSocket,
        }
    }

    fn timings(&self) -> Timings {
        let Steps { received, dispatched, answered, responding, ended } = self.steps;
        let Some(dispatched) = dispatched else { return Timings::default() };
        let ended = ended.unwrap_or(dispatched);
        Timings {
            request: Some(dispatched.saturating_duration_since(received)),
            target: answered.unwrap_or(ended).saturating_duration_since(dispatched),
            response: answered.map(|answered| responding.unwrap_or(answered).saturating_duration_since(answered)),
        }
    }
}
