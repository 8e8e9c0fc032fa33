//! A client that speaks HTTP/1: one request, its body, and the way its response is written.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use super::body::{BodyReader, Next, RequestFraming, ResponseFraming, request_framing};
use super::chunked::{LAST_CHUNK, size_line};
use super::head::{RequestLine, Version, parse_request};
use super::target::lists;
use crate::engine::desync::{Judgement, Verdict};
use crate::engine::facts::{FieldKind, FieldSpan, Fields, RequestFacts};
use crate::engine::headers::{BodyHeader, Front};
use crate::proxy::buffer::{Buffer, Scratch};
use crate::proxy::client::{Additions, Client, Request, RequestBody, Responder, TargetHead};
use crate::proxy::error::ProxyError;
use crate::proxy::idle::IdleTimer;
use crate::proxy::respond::{self, Answer, Traits};
use crate::proxy::stream::Stream;
use crate::proxy::worker::Worker;

/// Chunks of at least this size are written from where they lie instead of being gathered.
const LARGE_CHUNK: usize = 4 * 1024;

/// One request of an HTTP/1 connection.
pub(super) struct Http1Client<'c> {
    parsed: Result<Parsed, Option<ProxyError>>,
    judgement: Judgement,
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

impl<'c> Http1Client<'c> {
    /// Takes the head apart that lies in the first `head_size` bytes of the buffer. `may_keep_alive` is what we are
    /// willing to do; the client has to want it too.
    #[expect(clippy::too_many_arguments, reason = "all of it is the connection's, and there is one caller")]
    pub(super) fn new(
        worker: &'c Worker,
        client: SocketAddr,
        stream: &'c Stream,
        buffer: &'c mut Buffer,
        head_size: usize,
        spans: &'c mut Vec<FieldSpan>,
        may_keep_alive: bool,
        judgement: Judgement,
        idle: &'c IdleTimer,
    ) -> Self {
        let head = &buffer[..head_size];
        let mut keep_alive = false;
        let mut expects_continue = false;
        let mut is_http11 = true;
        let parsed = parse_request(head, spans).and_then(|line| {
            let fields = Fields::new(head, spans);
            is_http11 = line.version == Version::Http11;
            let RequestFraming { body, ambiguous } = request_framing(line.version, fields)?;
            let unsuspicious = !ambiguous && judgement.verdict == Verdict::Pass;
            keep_alive = may_keep_alive && unsuspicious && client_keeps_open(line.version, fields);
            expects_continue =
                is_http11 && body != BodyHeader::None && lists(fields, FieldKind::Expect, b"100-continue");
            let upgrade = is_http11
                && lists(fields, FieldKind::Connection, b"upgrade")
                && lists(fields, FieldKind::Upgrade, b"websocket");
            Ok(Parsed { line, body, upgrade })
        });
        let body = parsed.as_ref().map_or(BodyHeader::None, |parsed| parsed.body);
        Self {
            parsed: parsed.map_err(Some),
            judgement,
            spans,
            client,
            body: Http1Body {
                stream,
                buffer,
                // The head stays in the buffer until it has been decided upon.
                head: head_size,
                reader: body.into(),
                received: head_size as u64,
                idle,
            },
            responder: Http1Responder {
                worker,
                stream,
                out: worker.buffers.lend_scratch(),
                idle,
                chunked: false,
                keep_alive,
                is_http11,
                expects_continue,
                sent: 0,
            },
        }
    }

    /// A request whose head could not even be read.
    pub(super) fn refused(
        worker: &'c Worker,
        client: SocketAddr,
        stream: &'c Stream,
        buffer: &'c mut Buffer,
        idle: &'c IdleTimer,
        error: ProxyError,
    ) -> Self {
        let received = buffer.len() as u64;
        Self {
            parsed: Err(Some(error)),
            judgement: Judgement::default(),
            spans: &[],
            client,
            body: Http1Body { stream, buffer, head: 0, reader: BodyReader::Length(0), received, idle },
            responder: Http1Responder {
                worker,
                stream,
                out: worker.buffers.lend_scratch(),
                idle,
                chunked: false,
                keep_alive: false,
                is_http11: true,
                expects_continue: false,
                sent: 0,
            },
        }
    }

    /// Whether the connection was promised to stay open.
    pub(super) fn keeps_alive(&self) -> bool {
        self.responder.keep_alive
    }

    /// The body, of which something may be left.
    pub(super) fn into_body(self) -> Http1Body<'c> {
        self.body
    }
}

/// What the client wants: HTTP/1.1 stays open unless it says no, HTTP/1.0 only if it says so.
fn client_keeps_open(version: Version, fields: Fields<'_>) -> bool {
    match version {
        Version::Http11 => !lists(fields, FieldKind::Connection, b"close"),
        Version::Http10 => lists(fields, FieldKind::Connection, b"keep-alive"),
    }
}

impl<'c> Client for Http1Client<'c> {
    type Body = Http1Body<'c>;
    type Responder = Http1Responder<'c>;

    fn take_judgement(&mut self) -> Judgement {
        std::mem::take(&mut self.judgement)
    }

    fn take_refusal(&mut self) -> Option<ProxyError> {
        self.parsed.as_mut().err().and_then(Option::take)
    }

    fn request(&self) -> Request<'_> {
        let Ok(Parsed { line, body, upgrade }) = &self.parsed else {
            unreachable!("a refused head is not asked for");
        };
        let head = &self.body.buffer[..self.body.head];
        let fields = Fields::new(head, self.spans);
        let path = &head[line.path.clone()];
        let method = &head[line.method.clone()];
        Request {
            facts: RequestFacts {
                method,
                authority: line.authority.clone().map(|range| &head[range]),
                // `http://host` without a path means `/`.
                path: if path.is_empty() { b"/" } else { path },
                query: line.query.clone().map(|range| &head[range]),
                fields,
                client: self.client,
            },
            front: Front::Http1,
            version: if line.version == Version::Http11 { "HTTP/1.1" } else { "HTTP/1.0" },
            body: *body,
            upgrade: *upgrade,
            traits: Traits::new(method, fields.first(FieldKind::UserAgent)),
            head_size: self.body.head,
        }
    }

    fn legs(&mut self) -> (&mut Http1Body<'c>, &mut Http1Responder<'c>) {
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

    /// Reads on until the body has ended and throws it away: what a client still sends after an early answer.
    pub(super) async fn discard(&mut self) -> Result<(), ProxyError> {
        loop {
            let next = std::future::poll_fn(|cx| match self.poll_next(cx) {
                Poll::Pending => self.idle.poll_expired(cx).map(|()| Err(ProxyError::RequestTimeout)),
                ready => ready,
            });
            match next.await? {
                Next::Data { length, .. } => self.consume(length),
                Next::More | Next::End => return Ok(()),
            }
        }
    }
}

impl RequestBody for Http1Body<'_> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, ProxyError>> {
        loop {
            let before = self.buffer.len();
            let next = self.reader.next(self.buffer);
            self.received += (before - self.buffer.len()) as u64;
            match next {
                Ok(Next::More) => {}
                Ok(next) => return Poll::Ready(Ok(next)),
                Err(_) => return Poll::Ready(Err(ProxyError::MalformedRequest("a malformed chunk"))),
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
        self.reader.consume(self.buffer, count);
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

/// The response as it goes out.
pub(in crate::proxy) struct Http1Responder<'c> {
    worker: &'c Worker,
    stream: &'c Stream,
    /// Prepared and not yet sent.
    out: Scratch,
    idle: &'c IdleTimer,
    /// How the body is delimited.
    chunked: bool,
    keep_alive: bool,
    is_http11: bool,
    expects_continue: bool,
    sent: u64,
}

impl Http1Responder<'_> {
    async fn write(&mut self, data: &[&[u8]]) -> Result<(), ProxyError> {
        let mut slices: [IoSlice<'_>; 4] = std::array::from_fn(|index| match index {
            0 => IoSlice::new(&self.out),
            _ => IoSlice::new(data.get(index - 1).copied().unwrap_or_default()),
        });
        self.sent += slices.iter().map(|slice| slice.len() as u64).sum::<u64>();
        let written = self.stream.write_all(&mut slices, || self.idle.touch()).await;
        self.out.clear();
        written.map_err(|_| ProxyError::ClientGone)
    }
}

impl Responder for Http1Responder<'_> {
    async fn send_continue(&mut self) -> Result<(), ProxyError> {
        if std::mem::take(&mut self.expects_continue) {
            self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        Ok(())
    }

    async fn answer(&mut self, answer: &Answer, traits: Traits, additions: &Additions) -> Result<(), ProxyError> {
        self.keep_alive &= !answer.close;
        let Self { worker, out, keep_alive, .. } = self;
        let now = worker.now();
        worker.dates.with(now, |date| {
            respond::write_http1(answer, date, *keep_alive, traits.head_only, additions, out);
        });
        self.flush().await
    }

    /// In nginx's order, seen behind load balancers too: Date, Content-Type, the length, Connection, then the rest as
    /// the target sent it.
    fn head(&mut self, head: &TargetHead<'_>) -> Result<(), ProxyError> {
        let delimited_by_end = matches!(head.framing, ResponseFraming::Chunked | ResponseFraming::UntilClose);
        self.chunked = self.is_http11 && delimited_by_end;
        // An HTTP/1.0 client can tell the end of such a body by the end of the connection only.
        self.keep_alive &= self.chunked || !delimited_by_end;
        let connection: &[u8] = match (head.status, self.keep_alive) {
            (101, _) => b"upgrade",
            (_, true) => b"keep-alive",
            (_, false) => b"close",
        };
        write_head(head, self.chunked, connection, &mut self.out);
        Ok(())
    }

    async fn data(&mut self, data: &[u8], _last: bool) -> Result<(), ProxyError> {
        if !self.chunked {
            return self.write(&[data]).await;
        }
        let mut line = [0; 18];
        let line = size_line(data.len(), &mut line);
        if data.len() >= LARGE_CHUNK {
            return self.write(&[line, data, b"\r\n"]).await;
        }
        // Small chunks and the end leave together.
        for part in [line, data, b"\r\n"] {
            self.out.extend_from_slice(part);
        }
        if self.out.len() >= 4 * LARGE_CHUNK { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        if self.out.is_empty() { Ok(()) } else { self.write(&[]).await }
    }

    async fn finish(&mut self) -> Result<(), ProxyError> {
        if self.chunked {
            self.out.extend_from_slice(LAST_CHUNK);
        }
        self.flush().await
    }

    async fn cut(&mut self) {
        self.keep_alive = false;
    }

    fn sent_bytes(&self) -> u64 {
        self.sent
    }
}

fn write_head(head: &TargetHead<'_>, chunked: bool, connection: &[u8], out: &mut Vec<u8>) {
    let mut number = itoa::Buffer::new();
    for part in [b"HTTP/1.1 ", number.format(head.status).as_bytes(), b" ", head.reason, b"\r\n"] {
        out.extend_from_slice(part);
    }
    let mut line = |name: &[u8], value: &[u8]| {
        [name, b": ", value, b"\r\n"].iter().for_each(|part| out.extend_from_slice(part));
    };
    if let Some(date) = head.fields.first(FieldKind::Date) {
        line(b"Date", date);
    }
    if let Some(content_type) = head.fields.first(FieldKind::ContentType) {
        line(b"Content-Type", content_type);
    }
    match head.framing {
        ResponseFraming::Length(length) => line(b"Content-Length", number.format(length).as_bytes()),
        _ if chunked => line(b"Transfer-Encoding", b"chunked"),
        // The length that a GET would have had.
        ResponseFraming::None if head.head_only || head.status == 304 => {
            if let Some(length) = head.fields.first(FieldKind::ContentLength) {
                line(b"Content-Length", length);
            }
        }
        _ => {}
    }
    line(b"Connection", connection);
    // Before what the target sent, as captures show.
    for cookie in &head.additions.cookies {
        line(b"Set-Cookie", cookie.as_bytes());
    }
    for field in head.fields.iter() {
        match field.kind {
            FieldKind::Date
            | FieldKind::ContentType
            | FieldKind::ContentLength
            | FieldKind::TransferEncoding
            | FieldKind::Connection
            | FieldKind::KeepAlive => {}
            _ if head.additions.replace(field.name) => {}
            _ => line(field.name, field.value),
        }
    }
    for (name, value) in head.additions.set() {
        line(name.as_bytes(), value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}
