//! A line of the access log (ALB user guide, "Access logs for your Application Load Balancer", access log entries).

use std::net::SocketAddr;
use std::time::Duration;

use jiff::{Timestamp, Unit};

use super::line::{Fields, Names};

/// "If the string is longer than 8 KB, it is truncated."
const LONGEST_USER_AGENT: usize = 8 * 1024;

/// Everything that the log says about one request.
#[derive(Clone, Copy, Debug)]
pub struct AccessEntry<'a> {
    /// The kind of request or connection.
    pub kind: Kind,
    /// When the response was complete, or the WebSocket was closed.
    pub time: Timestamp,
    /// The client.
    pub client: SocketAddr,
    /// The target, if one was chosen.
    pub target: Option<SocketAddr>,
    /// How long its steps took.
    pub timings: Timings,
    /// Status sent to the client; 460 if the client closed the connection first.
    pub status: u16,
    /// Status from the target.
    pub target_status: Option<u16>,
    /// Bytes from the client.
    pub received_bytes: u64,
    /// Bytes to the client.
    pub sent_bytes: u64,
    /// `None` if it could not be parsed.
    pub request: Option<RequestWords<'a>>,
    /// AWS's port of the listener.
    pub listener_port: u16,
    /// HTTPS listeners only.
    pub tls: Option<TlsWords<'a>>,
    /// ARN of the chosen target group.
    pub target_group_arn: Option<&'a str>,
    /// Priority of the rule, 0 for the default rule; `None` if no rule was evaluated.
    pub rule: Option<u32>,
    /// When the request had arrived.
    pub created: Timestamp,
    /// The rule's action.
    pub action: Option<&'static str>,
    /// Target of a redirect.
    pub redirect_url: Option<&'a [u8]>,
    /// A code from the guide's table "Error reason codes".
    pub error_reason: Option<&'a str>,
    /// Classification and its reason.
    pub classification: Option<(&'a str, &'a str)>,
    /// Result of the rule's transforms.
    pub transform: Option<TransformWords<'a>>,
    /// Trace ID of the connection.
    pub connection: u128,
}

/// Result of rewriting a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransformWords<'a> {
    /// The new host, if it changed.
    pub host: Option<&'a [u8]>,
    /// The new path and query, if they changed.
    pub uri: Option<&'a [u8]>,
    /// `TransformSuccess`, or the reason for the failure.
    pub status: &'a str,
}

/// `type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `http`
    Http,
    /// `https`
    Https,
    /// `h2`
    Http2,
    /// `grpcs`
    Grpc,
    /// `ws`
    WebSocket,
    /// `wss`
    WebSocketTls,
}

impl Kind {
    /// As written in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Http2 => "h2",
            Self::Grpc => "grpcs",
            Self::WebSocket => "ws",
            Self::WebSocketTls => "wss",
        }
    }

    /// `http` or `https`, whatever runs on top of it.
    fn scheme(self) -> &'static str {
        if matches!(self, Self::Http | Self::WebSocket) { "http" } else { "https" }
    }
}

/// How long the steps of a request took, each counted from the end of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// From its arrival until it was sent to the target; `None` if it was not.
    pub request: Option<Duration>,
    /// From then until the target's response head arrived, or, if none did, until the load balancer gave up on the
    /// target.
    pub target: Duration,
    /// From then until the response began; `None` if no response head arrived.
    pub response: Option<Duration>,
}

impl Timings {
    /// The three numbers; `None` is written as -1.
    ///
    /// - Not dispatched: -1, -1, -1. The same if the client left before a response (captures of 460).
    /// - Dispatched to a target that closed: the time until then, and -1 for the response (captures of 502).
    /// - Dispatched to a target that stayed silent: -1 for target and response ("if the registered target does not
    ///   respond before the idle timeout").
    fn numbers(&self, status: u16) -> [Option<Duration>; 3] {
        match (self.request, self.response) {
            (None, _) => [None; 3],
            (Some(_), None) if status == 460 => [None; 3],
            (Some(request), None) if status == 504 => [Some(request), None, None],
            (Some(request), response) => [Some(request), Some(self.target), response],
        }
    }
}

/// A request that could be parsed.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestWords<'a> {
    /// As sent by the client.
    pub method: &'a [u8],
    /// Host of the URL, possibly with a port; empty if there was none.
    pub host: &'a [u8],
    /// Path and query, as sent.
    pub target: &'a [u8],
    /// `HTTP/1.1`
    pub version: &'a str,
    /// `User-Agent`; empty if there was none.
    pub user_agent: &'a [u8],
    /// The complete `X-Amzn-Trace-Id`; empty if routing was not reached.
    pub trace_id: &'a [u8],
}

/// Result of a TLS handshake.
#[derive(Clone, Copy, Debug)]
pub struct TlsWords<'a> {
    /// OpenSSL's name.
    pub cipher: &'a str,
    /// `TLSv1.3`
    pub protocol: &'a str,
    /// The requested server name, if a certificate covers it.
    pub domain_name: Option<&'a str>,
    /// The ARN of the certificate, or `session-reused`.
    pub certificate: Option<&'a str>,
}

/// Status of a successful transform; with any other status nothing was rewritten.
const TRANSFORMED: &str = "TransformSuccess";

impl AccessEntry<'_> {
    /// Appends the line: 33 fields.
    pub fn write(&self, names: Names<'_>, out: &mut Vec<u8>) {
        let words = self.request.unwrap_or_default();
        let target = self.target.map(|target| target.to_string());
        let target_status = self.target_status.map(|status| status.to_string());
        let mut fields = Fields::new(out);

        fields.bare(self.kind.as_str());
        fields.time(self.time);
        fields.bare(names.id);
        fields.shown(self.client);
        fields.optional(target.as_deref());
        for time in self.timings.numbers(self.status) {
            match time {
                Some(time) => fields.shown(format_args!("{}.{:03}", time.as_secs(), time.subsec_millis())),
                None => fields.bare("-1"),
            }
        }
        // 000: the connection ended before there was a decision.
        fields.shown(format_args!("{:03}", self.status));
        fields.optional(target_status.as_deref());
        // Bytes of an unparsable request are not counted (captures of malformed requests).
        fields.number(if self.request.is_some() { self.received_bytes } else { 0 });
        fields.number(self.sent_bytes);

        self.write_request_line(&words, names, fields.next());
        let agent = &words.user_agent[..words.user_agent.len().min(LONGEST_USER_AGENT)];
        fields.quoted(Some(agent));
        fields.optional(self.tls.map(|tls| tls.cipher));
        fields.optional(self.tls.map(|tls| tls.protocol));
        fields.optional(self.target_group_arn);
        fields.quoted(Some(words.trace_id));
        fields.quoted(self.tls.and_then(|tls| tls.domain_name).map(str::as_bytes));
        fields.quoted(self.tls.and_then(|tls| tls.certificate).map(str::as_bytes));
        match self.rule {
            Some(priority) => fields.number(priority.into()),
            None => fields.bare("-"),
        }
        fields.time(to_milliseconds(self.created));
        match self.action {
            // The list has the actions in the order in which they were taken.
            Some(action) if self.transform.is_some_and(|transform| transform.status == TRANSFORMED) => {
                fields.quoted(Some([b"rewrite,", action.as_bytes()].concat().as_slice()));
            }
            action => fields.quoted(action.map(str::as_bytes)),
        }
        fields.quoted(self.redirect_url);
        fields.quoted(self.error_reason.map(str::as_bytes));
        // "Currently, this list can contain one item and it matches the target:port field"; likewise the next.
        fields.quoted(target.as_deref().map(str::as_bytes));
        fields.quoted(target_status.as_deref().map(str::as_bytes));
        fields.quoted(self.classification.map(|(class, _)| class.as_bytes()));
        fields.quoted(self.classification.map(|(_, reason)| reason.as_bytes()));
        fields.connection(self.connection);
        fields.quoted(self.transform.and_then(|transform| transform.host));
        fields.quoted(self.transform.and_then(|transform| transform.uri));
        fields.quoted(self.transform.map(|transform| transform.status.as_bytes()));
    }

    /// `"METHOD protocol://host:port/uri HTTP/version"`. An unparsable request has dashes in place of its words, and
    /// the load balancer's own name as host (captures of malformed requests). The port is the listener's, whatever port
    /// the client sent: every published line has it, and with `--listen` it keeps local ports out of the log.
    fn write_request_line(&self, words: &RequestWords<'_>, names: Names<'_>, out: &mut Vec<u8>) {
        let (host, _) = split_port(words.host);
        let mut port = itoa::Buffer::new();
        let understood = self.request.is_some();

        out.push(b'"');
        super::line::escape(if understood { words.method } else { b"-" }, out);
        out.push(b' ');
        out.extend_from_slice(self.kind.scheme().as_bytes());
        out.extend_from_slice(b"://");
        super::line::escape(if host.is_empty() { names.dns_name.as_bytes() } else { host }, out);
        out.push(b':');
        out.extend_from_slice(port.format(self.listener_port).as_bytes());
        super::line::escape(if understood { words.target } else { b"-" }, out);
        out.push(b' ');
        super::line::escape(if understood { words.version.as_bytes() } else { b"-" }, out);
        out.push(b'"');
    }
}

/// `[::1]:80` and `e.com:80` have a port, `[::1]` and `e.com` do not.
fn split_port(host: &[u8]) -> (&[u8], Option<&[u8]>) {
    match host.iter().rposition(|&byte| byte == b':') {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => (&host[..colon], Some(&host[colon + 1..])),
        _ => (host, None),
    }
}

/// Creation times end in three zeros in the guide's examples and in every capture.
fn to_milliseconds(time: Timestamp) -> Timestamp {
    time.round(jiff::TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Trunc)).unwrap_or(time)
}

#[cfg(test)]
mod tests;
