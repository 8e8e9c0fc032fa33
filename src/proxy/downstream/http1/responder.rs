//! Writes a response to an HTTP/1 client.

use std::io::IoSlice;

use crate::http1::chunked::{LAST_CHUNK, size_line};
use crate::http1::fields::FieldKind;
use crate::http1::framing::ResponseFraming;
use crate::proxy::answer::additions::Additions;
use crate::proxy::answer::error::ProxyError;
use crate::proxy::answer::respond;
use crate::proxy::answer::respond::{Answer, ResponseHints};
use crate::proxy::client::{Responder, TargetHead};
use crate::proxy::context::Worker;
use crate::proxy::io::buffer::Scratch;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::stream::Stream;

/// Chunks of at least this size are written from where they lie instead of being gathered.
const LARGE_CHUNK: usize = 4 * 1024;

/// How the client of a request wants to be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResponseMode {
    /// Both sides want to go on afterwards.
    pub(super) keep_alive: bool,
    /// It wants to see a head: not HTTP/0.9.
    pub(super) has_head: bool,
    /// It understands chunks.
    pub(super) is_http11: bool,
    /// It waits for `100 Continue`.
    pub(super) expects_continue: bool,
}

impl ResponseMode {
    /// For a client that nothing is known of yet.
    pub(super) const ONCE: Self = Self { keep_alive: false, has_head: true, is_http11: true, expects_continue: false };
}

/// The response as it goes out.
pub(in crate::proxy) struct Http1Responder<'c> {
    worker: &'c Worker,
    stream: &'c Stream,
    idle: &'c IdleTimer,
    response_mode: ResponseMode,
    /// Prepared and not yet sent.
    out: Scratch,
    /// How the body is delimited.
    chunked: bool,
    sent: u64,
}

impl<'c> Http1Responder<'c> {
    pub(super) fn new(
        worker: &'c Worker,
        stream: &'c Stream,
        idle: &'c IdleTimer,
        response_mode: ResponseMode,
    ) -> Self {
        Self { worker, stream, idle, response_mode, out: worker.buffers.lend_scratch(), chunked: false, sent: 0 }
    }

    /// Whether the client was promised that the connection stays open.
    pub(super) fn keeps_alive(&self) -> bool {
        self.response_mode.keep_alive
    }

    async fn write(&mut self, data: &[&[u8]], last: bool) -> Result<(), ProxyError> {
        if last && !self.response_mode.keep_alive {
            self.stream.hold_until_shutdown();
        }
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
        if std::mem::take(&mut self.response_mode.expects_continue) {
            self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        Ok(())
    }

    async fn answer(&mut self, answer: &Answer, hints: ResponseHints, additions: &Additions) -> Result<(), ProxyError> {
        self.response_mode.keep_alive &= !answer.close;
        let Self { worker, out, response_mode, .. } = self;
        let now = worker.now();
        worker.dates.with(now, |date| {
            if response_mode.has_head {
                respond::write_http1(answer, date, response_mode.keep_alive, hints.head_only, additions, out);
            } else {
                out.extend_from_slice(&answer.body);
            }
        });
        self.write(&[], true).await
    }

    /// In nginx's order, seen behind load balancers too: Date, Content-Type, the length, Connection, then the rest as
    /// the target sent it.
    fn head(&mut self, head: &TargetHead<'_>) -> Result<(), ProxyError> {
        let delimited_by_end = matches!(head.framing, ResponseFraming::Chunked | ResponseFraming::UntilClose);
        self.chunked = self.response_mode.is_http11 && delimited_by_end;
        // An HTTP/1.0 client can tell the end of such a body by the end of the connection only.
        self.response_mode.keep_alive &= self.chunked || !delimited_by_end;
        let connection: &[u8] = match (head.status, self.response_mode.keep_alive) {
            (101, _) => b"upgrade",
            (_, true) => b"keep-alive",
            (_, false) => b"close",
        };
        if self.response_mode.has_head {
            write_head(head, self.chunked, connection, &mut self.out);
        }
        Ok(())
    }

    async fn data(&mut self, data: &[u8], last: bool) -> Result<(), ProxyError> {
        if !self.chunked {
            return self.write(&[data], last).await;
        }
        let mut line = [0; 18];
        let line = size_line(data.len(), &mut line);
        if data.len() >= LARGE_CHUNK {
            return self.write(&[line, data, b"\r\n"], false).await;
        }
        // Small chunks and the end leave together.
        for part in [line, data, b"\r\n"] {
            self.out.extend_from_slice(part);
        }
        if self.out.len() >= 4 * LARGE_CHUNK { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        if self.out.is_empty() { Ok(()) } else { self.write(&[], false).await }
    }

    async fn finish(&mut self) -> Result<(), ProxyError> {
        if self.chunked {
            self.out.extend_from_slice(LAST_CHUNK);
        }
        if self.out.is_empty() { Ok(()) } else { self.write(&[], true).await }
    }

    async fn abort(&mut self) {
        self.response_mode.keep_alive = false;
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
        ResponseFraming::None if head.states_length() => {
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
