//! An HTTP/1 client: one request and its body.

use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use super::responder::{Http1Responder, ResponseMode};
use crate::alb::head::headers::ClientProtocol;
use crate::alb::request::desync;
use crate::alb::request::desync::{Assessment, Verdict};
use crate::alb::request::facts::RequestFacts;
use crate::http1::body::{BodyReader, Next};
use crate::http1::fields::{FieldKind, FieldSpan, Fields};
use crate::http1::framing::BodyHeader;
use crate::http1::framing::{RequestFraming, request_framing};
use crate::http1::head::{RequestLine, Version, parse_request};
use crate::model::listener::DesyncMode;
use crate::proxy::answer::error::ProxyError;
use crate::proxy::answer::respond::ResponseHints;
use crate::proxy::client::{Client, Request, RequestBody};
use crate::proxy::context::Worker;
use crate::proxy::io::buffer::Buffer;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::stream::Stream;
use crate::proxy::telemetry::transaction::HttpVersion;

/// One request of an HTTP/1 connection.
pub(super) struct Http1Client<'c> {
    parsed: Result<Parsed, ProxyError>,
    assessment: Assessment,
    spans: &'c [FieldSpan],
    client: SocketAddr,
    body: Http1Body<'c>,
    responder: Http1Responder<'c>,
}

struct Parsed {
    line: RequestLine,
    body: BodyHeader,
    upgrade: bool,
}

/// What a request borrows of its connection.
pub(super) struct Leg<'c> {
    pub(super) worker: &'c Worker,
    pub(super) client: SocketAddr,
    pub(super) stream: &'c Stream,
    pub(super) buffer: &'c mut Buffer,
    pub(super) idle: &'c IdleTimer,
}

impl<'c> Http1Client<'c> {
    /// Takes the head apart that lies in the first `head_size` bytes of the buffer. `may_keep_alive` is what we are
    /// willing to do; the client has to want it too.
    pub(super) fn new(
        leg: Leg<'c>,
        head_size: usize,
        spans: &'c mut Vec<FieldSpan>,
        mode: DesyncMode,
        may_keep_alive: bool,
    ) -> Self {
        let head = &leg.buffer[..head_size];
        let mut response_mode = ResponseMode::ONCE;
        let line = parse_request(head, spans);
        let fields = Fields::new(head, spans);
        let assessment = judge(head, fields, mode);
        let parsed = line.map_err(ProxyError::from).and_then(|line| {
            response_mode.has_head = line.version != Version::Http09;
            response_mode.is_http11 = line.version == Version::Http11;
            let RequestFraming { body, ambiguous } = request_framing(line.version, fields)?;
            let unsuspicious = !ambiguous && assessment.verdict == Verdict::Pass;
            response_mode.keep_alive = may_keep_alive && unsuspicious && client_keeps_open(line.version, fields);
            // Whether or not there is a body, as the guide has it, and nginx.
            response_mode.expects_continue =
                response_mode.is_http11 && fields.lists(FieldKind::Expect, b"100-continue");
            let upgrade = response_mode.is_http11
                && fields.lists(FieldKind::Connection, b"upgrade")
                && fields.lists(FieldKind::Upgrade, b"websocket");
            Ok(Parsed { line, body, upgrade })
        });
        Self::with(leg, head_size, spans, parsed, assessment, response_mode)
    }

    /// A request whose head could not even be read.
    pub(super) fn refused(leg: Leg<'c>, error: ProxyError) -> Self {
        Self::with(leg, 0, &[], Err(error), Assessment::default(), ResponseMode::ONCE)
    }

    fn with(
        leg: Leg<'c>,
        head_size: usize,
        spans: &'c [FieldSpan],
        parsed: Result<Parsed, ProxyError>,
        assessment: Assessment,
        response_mode: ResponseMode,
    ) -> Self {
        let Leg { worker, client, stream, buffer, idle } = leg;
        let framing = parsed.as_ref().map_or(BodyHeader::None, |parsed| parsed.body);
        let received = if head_size > 0 { head_size } else { buffer.len() } as u64;
        Self {
            parsed,
            assessment,
            spans,
            client,
            // The head stays in the buffer until it has been decided upon.
            body: Http1Body { stream, buffer, head: head_size, reader: framing.into(), received, idle },
            responder: Http1Responder::new(worker, stream, idle, response_mode),
        }
    }

    /// Whether the connection was promised to stay open.
    pub(super) fn keeps_alive(&self) -> bool {
        self.responder.keeps_alive()
    }

    /// The body, of which something may be left.
    pub(super) fn into_body(self) -> Http1Body<'c> {
        self.body
    }
}

/// A request of HTTP/0.9 has no empty line that could be missing.
fn judge(head: &[u8], fields: Fields<'_>, mode: DesyncMode) -> Assessment {
    if head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n") {
        desync::judge(head, fields, mode)
    } else {
        desync::judge(&[head, b"\r\n"].concat(), Fields::default(), mode)
    }
}

/// What the client wants: HTTP/1.1 stays open unless it says no, HTTP/1.0 only if it says so.
fn client_keeps_open(version: Version, fields: Fields<'_>) -> bool {
    match version {
        Version::Http11 => !fields.lists(FieldKind::Connection, b"close"),
        Version::Http09 => false,
        Version::Http10 => fields.lists(FieldKind::Connection, b"keep-alive"),
    }
}

impl<'c> Client for Http1Client<'c> {
    type Body = Http1Body<'c>;
    type Responder = Http1Responder<'c>;

    fn take_assessment(&mut self) -> Assessment {
        std::mem::take(&mut self.assessment)
    }

    fn hints(&self) -> ResponseHints {
        let Ok(Parsed { line, .. }) = &self.parsed else { return ResponseHints::default() };
        let head = &self.body.buffer[..self.body.head];
        ResponseHints::new(&head[line.method.clone()], Fields::new(head, self.spans).first(FieldKind::UserAgent))
    }

    fn request(&self) -> Result<Request<'_>, ProxyError> {
        let Parsed { line, body, upgrade } = self.parsed.as_ref().map_err(ProxyError::clone)?;
        let head = &self.body.buffer[..self.body.head];
        let fields = Fields::new(head, self.spans);
        let path = &head[line.path.clone()];
        let method = &head[line.method.clone()];
        Ok(Request {
            facts: RequestFacts {
                method,
                authority: line.authority.clone().map(|range| &head[range]),
                // `http://host` without a path means `/`.
                path: if path.is_empty() { b"/" } else { path },
                query: line.query.clone().map(|range| &head[range]),
                fields,
                client: self.client,
            },
            client_protocol: ClientProtocol::Http1,
            version: match line.version {
                Version::Http09 => HttpVersion::Http09,
                Version::Http10 => HttpVersion::Http10,
                Version::Http11 => HttpVersion::Http11,
            },
            body: *body,
            upgrade: *upgrade,
            head_size: self.body.head,
        })
    }

    fn split(&mut self) -> (&mut Http1Body<'c>, &mut Http1Responder<'c>) {
        self.body.drop_head();
        (&mut self.body, &mut self.responder)
    }
}

/// The body of a request as it comes in.
pub(in crate::proxy) struct Http1Body<'c> {
    stream: &'c Stream,
    buffer: &'c mut Buffer,
    /// Length of the head, as long as that lies in front of the body.
    head: usize,
    reader: BodyReader,
    received: u64,
    idle: &'c IdleTimer,
}

impl Http1Body<'_> {
    fn drop_head(&mut self) {
        self.buffer.consume(std::mem::take(&mut self.head));
    }
}

impl RequestBody for Http1Body<'_> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, ProxyError>> {
        loop {
            let Ok((framing, next)) = self.reader.next(self.buffer) else {
                return Poll::Ready(Err(ProxyError::MalformedRequest("a malformed chunk")));
            };
            self.buffer.consume(framing);
            self.received += framing as u64;
            if next != Next::More {
                return Poll::Ready(Ok(next));
            }
            if self.reader.is_large() {
                self.buffer.enlarge();
            }
            match ready!(self.stream.poll_read(cx, self.buffer.space())) {
                Ok(0) => return Poll::Ready(Err(ProxyError::MalformedRequest("the client closed within the body"))),
                Ok(count) => {
                    self.idle.touch();
                    self.buffer.filled(count);
                }
                Err(_) => return Poll::Ready(Err(ProxyError::ClientGone)),
            }
        }
    }

    fn data(&self) -> &[u8] {
        self.buffer
    }

    fn consume(&mut self, count: usize) {
        self.received += count as u64;
        self.buffer.consume(count);
        self.reader.consume(count);
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Pipelined requests are in the way; their client is obviously there.
        if !self.buffer.is_empty() {
            return Poll::Pending;
        }
        match ready!(self.stream.poll_read(cx, self.buffer.space())) {
            Ok(0) | Err(_) => Poll::Ready(()),
            Ok(count) => {
                self.buffer.filled(count);
                Poll::Pending
            }
        }
    }

    fn raw(&mut self) -> Option<(&Stream, &mut Buffer)> {
        Some((self.stream, self.buffer))
    }

    fn received_bytes(&self) -> u64 {
        self.received
    }
}
