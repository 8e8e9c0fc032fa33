//! A request's body as it comes in.
//!
//! `h2` keeps every frame by itself, and 250 bytes with it: a client that sends its window in frames of one byte to a target
//! that does not read would have a quarter of a gigabyte kept for it. So frames are taken out of `h2` whenever the stream's
//! task runs, wherever its request is just then, and small ones are copied together. What is kept so is no more than the
//! stream's window, which opens again only for what the target has taken.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;

use crate::proxy::answer::error::ProxyError;

/// Smaller frames are copied together; larger ones are worth what it costs to keep them as they are.
const SMALL: usize = 1024;

/// See the module.
pub(super) struct Inflow {
    stream: RecvStream,
    /// What has come, in its order; the small ones that came last are in `gathered`.
    pieces: VecDeque<Bytes>,
    gathered: BytesMut,
    /// What `Content-Length` says is still to come.
    left: Option<u64>,
    ended: Option<Result<(), ProxyError>>,
}

impl Inflow {
    /// `length` is what the head says.
    pub(super) fn new(stream: RecvStream, length: Option<u64>) -> Self {
        let ended = stream.is_end_stream().then_some(Ok(()));
        Self { stream, pieces: VecDeque::new(), gathered: BytesMut::new(), left: length, ended }
    }

    /// Takes what is there out of `h2`. The task is woken when more is.
    pub(super) fn gather(&mut self, cx: &mut Context<'_>) -> &Self {
        while self.ended.is_none() {
            match self.stream.poll_data(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(data))) => self.take(data),
                Poll::Ready(Some(Err(error))) => self.ended = Some(Err(failure(&error))),
                Poll::Ready(None) => self.ended = Some(Ok(())),
            }
            if self.ended.is_none() && self.stream.is_end_stream() {
                self.ended = Some(Ok(()));
            }
            if let (Some(Ok(())), Some(1..)) = (&self.ended, self.left) {
                self.ended = Some(Err(ProxyError::MalformedRequest("a body shorter than Content-Length")));
            }
        }
        self
    }

    /// What is wrong with it, unless the client has just gone.
    pub(super) fn malformed(&self) -> Option<&'static str> {
        match self.ended {
            Some(Err(ProxyError::MalformedRequest(what))) => Some(what),
            _ => None,
        }
    }

    fn take(&mut self, data: Bytes) {
        if let Some(left) = &mut self.left {
            match left.checked_sub(data.len() as u64) {
                Some(less) => *left = less,
                None => self.ended = Some(Err(ProxyError::MalformedRequest("a body longer than Content-Length"))),
            }
        }
        if data.len() < SMALL {
            self.gathered.extend_from_slice(&data);
            return;
        }
        if !self.gathered.is_empty() {
            self.pieces.push_back(self.gathered.split().freeze());
        }
        self.pieces.push_back(data);
    }

    /// The next piece, the end, or what went wrong, which nothing that came before can mend.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ProxyError>> {
        self.gather(cx);
        if let Some(Err(error)) = &self.ended {
            return Poll::Ready(Err(match error {
                ProxyError::MalformedRequest(what) => ProxyError::MalformedRequest(what),
                _ => ProxyError::ClientGone,
            }));
        }
        let next = self.pieces.pop_front().or_else(|| {
            let gathered = self.gathered.split().freeze();
            Some(gathered).filter(|gathered| !gathered.is_empty())
        });
        match next {
            None if self.ended.is_none() => Poll::Pending,
            next => Poll::Ready(Ok(next)),
        }
    }

    /// Whether nothing comes but what has come already.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some() && self.pieces.is_empty() && self.gathered.is_empty() && self.stream.is_end_stream()
    }

    /// The client may send so much again.
    pub(super) fn release(&mut self, count: usize) {
        let _ = self.stream.flow_control().release_capacity(count);
    }

    /// What follows the body.
    pub(super) fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, ProxyError>> {
        self.stream.poll_trailers(cx).map_err(|error| failure(&error))
    }
}

/// What the client did, or what `h2` makes of what it sent.
fn failure(error: &h2::Error) -> ProxyError {
    if error.is_library() { ProxyError::MalformedRequest("frames out of order") } else { ProxyError::ClientGone }
}
