//! Reading a target's response.

use crate::http1::body::{BodyReader, Next};
use crate::http1::fields::{FieldKind, FieldSpan, Fields};
use crate::http1::framing::ResponseFraming;
use crate::http1::head::{HeadScanner, StatusLine, Version, parse_response};
use crate::proxy::answer::error::ProxyError;
use crate::proxy::io::buffer::Buffer;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::stream::Stream;

/// The receiving half of a connection to a target.
pub(in crate::proxy) struct TargetReader<'c> {
    stream: &'c Stream,
    buffer: &'c mut Buffer,
    idle: &'c IdleTimer,
}

impl<'c> TargetReader<'c> {
    pub(in crate::proxy) fn new(stream: &'c Stream, buffer: &'c mut Buffer, idle: &'c IdleTimer) -> Self {
        Self { stream, buffer, idle }
    }

    /// Waits for a complete head; returns its length.
    pub(in crate::proxy) async fn read_head(&mut self) -> Result<usize, ProxyError> {
        let mut scanner = HeadScanner::for_response();
        loop {
            if let Some(size) = scanner.scan(self.buffer).map_err(|_| ProxyError::ResponseHeadTooLarge)? {
                return Ok(size);
            }
            if self.buffer.space().is_empty() {
                self.buffer.grow();
            }
            self.read().await?;
        }
    }

    /// Takes the head apart that lies at the front.
    pub(in crate::proxy) fn parse_head<'s>(
        &'s self,
        size: usize,
        spans: &'s mut Vec<FieldSpan>,
    ) -> Result<(StatusLine, Fields<'s>), ProxyError> {
        let head = &self.buffer[..size];
        let line = parse_response(head, spans).map_err(ProxyError::MalformedResponse)?;
        Ok((line, Fields::new(head, spans)))
    }

    /// The reason phrase of the head at the front.
    pub(in crate::proxy) fn reason(&self, line: &StatusLine) -> &[u8] {
        &self.buffer[line.reason.clone()]
    }

    /// Forgets bytes at the front.
    pub(in crate::proxy) fn consume(&mut self, count: usize) {
        self.buffer.consume(count);
    }

    /// Goes on with the body.
    pub(in crate::proxy) fn body(self, framing: ResponseFraming) -> TargetBody<'c> {
        TargetBody { reader: framing.into(), target: self }
    }

    /// Any end here is too early.
    async fn read(&mut self) -> Result<(), ProxyError> {
        let count = self.stream.read(self.buffer.space()).await.map_err(|_| ProxyError::TargetClosed)?;
        if count == 0 {
            return Err(ProxyError::TargetClosed);
        }
        self.idle.touch();
        self.buffer.filled(count);
        Ok(())
    }
}

/// The body of a response as it comes in.
pub(in crate::proxy) struct TargetBody<'c> {
    reader: BodyReader,
    target: TargetReader<'c>,
}

impl TargetBody<'_> {
    /// The available bytes, without waiting.
    pub(in crate::proxy) fn next(&mut self) -> Result<Next, ProxyError> {
        let next = self.reader.next(self.target.buffer);
        let (framing, next) = next.map_err(|_| ProxyError::MalformedResponse("a malformed chunk"))?;
        self.target.buffer.consume(framing);
        Ok(next)
    }

    /// Data that [`TargetBody::next`] announced.
    pub(in crate::proxy) fn data(&self) -> &[u8] {
        self.target.buffer
    }

    /// Takes data away.
    pub(in crate::proxy) fn consume(&mut self, count: usize) {
        self.target.buffer.consume(count);
        self.reader.consume(count);
    }

    /// Waits for more.
    pub(in crate::proxy) async fn fill(&mut self) -> Result<(), ProxyError> {
        if self.reader.is_large() {
            self.target.buffer.enlarge();
        }
        match self.target.read().await {
            Err(ProxyError::TargetClosed) if self.reader.ends_with_connection() => {
                self.reader = BodyReader::Length(0);
                Ok(())
            }
            result => result,
        }
    }
}

/// Whether the connection can serve another request once this response is complete.
pub(in crate::proxy) fn target_keeps_open(line: &StatusLine, fields: Fields<'_>, framing: ResponseFraming) -> bool {
    let says = |word: &[u8]| fields.lists(FieldKind::Connection, word);
    let open = match line.version {
        Version::Http11 => !says(b"close"),
        Version::Http09 | Version::Http10 => says(b"keep-alive"),
    };
    // With both, the two ends could disagree on where the response ends.
    let ambiguous = framing == ResponseFraming::Chunked && fields.first(FieldKind::ContentLength).is_some();
    open && !ambiguous && framing != ResponseFraming::UntilClose
}
