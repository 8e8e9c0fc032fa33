//! An incoming HTTP/2 body, from a client or a target.
//!
//! `h2` stores every frame separately, with 250 bytes of overhead: a sender that fills its window with one-byte frames for
//! a receiver that does not read would occupy a quarter of a gigabyte. Frames are therefore taken out of `h2` whenever the
//! stream's task runs, whatever its request is doing, and small ones are merged. This keeps at most the stream's window,
//! which opens again only for data that the receiver has accepted.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;

/// What `h2` may spend on remembering frames, 256 bytes for each small one. Beyond it the connection is closed, with the
/// all other requests, so it is more than can come before the streams' tasks have their turn and take the frames
/// away.
pub(crate) const FRAMES_BUDGET: usize = 64 * 1024 * 1024;
/// What malformed trailers are when they come out of `h2`: a field as no client's are, whose values have no blanks around them.
pub(crate) const MALFORMED_TRAILERS: (&str, &str) = ("malformed", "\t");
/// Smaller frames are copied together; larger ones are worth what it costs to keep them as they are.
const SMALL: usize = 1024;

/// See the module.
pub(crate) struct Inflow {
    stream: RecvStream,
    /// What has come, in its order; the small ones that came last are in `gathered`.
    pieces: VecDeque<Bytes>,
    gathered: BytesMut,
    /// What `Content-Length` says is still to come.
    left: Option<u64>,
    /// What came behind it.
    trailers: Option<HeaderMap>,
    ended: Option<Result<(), Failure>>,
    /// What came before a failure is still given out.
    is_of_response: bool,
}

/// Why a body ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It contradicts its head.
    Malformed(&'static str),
    /// It breaks the rules of HTTP/2.
    OutOfOrder,
    /// Its sender has reset the stream, or is gone.
    Gone,
}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        if error.is_library() { Self::OutOfOrder } else { Self::Gone }
    }
}

impl Inflow {
    /// Of a request: `length` is what its head says.
    pub(crate) fn of_request(stream: RecvStream, length: Option<u64>) -> Self {
        let ended = stream.is_end_stream().then_some(Ok(()));
        let (pieces, gathered) = (VecDeque::new(), BytesMut::new());
        Self { stream, pieces, gathered, left: length, trailers: None, ended, is_of_response: false }
    }

    /// Of a response, whose head `h2` has read.
    pub(crate) fn of_response(stream: RecvStream) -> Self {
        Self { is_of_response: true, ..Self::of_request(stream, None) }
    }

    /// Takes available data out of `h2`. The task is woken when there is more.
    pub(crate) fn gather(&mut self, cx: &mut Context<'_>) -> &Self {
        while self.ended.is_none() {
            match self.stream.poll_data(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(data))) => self.take(data),
                Poll::Ready(Some(Err(error))) => self.ended = Some(Err(error.into())),
                Poll::Ready(None) => match self.stream.poll_trailers(cx) {
                    Poll::Pending => break,
                    Poll::Ready(trailers) => self.end(trailers),
                },
            }
            if self.ended.is_none() && self.stream.is_end_stream() {
                self.ended = Some(Ok(()));
            }
            if let (Some(Ok(())), Some(1..)) = (&self.ended, self.left) {
                self.ended = Some(Err(Failure::Malformed("a body shorter than Content-Length")));
            }
        }
        self
    }

    /// The error in it, unless the client has just gone.
    pub(crate) fn malformed(&self) -> Option<&'static str> {
        match self.ended {
            Some(Err(Failure::Malformed(what))) => Some(what),
            _ => None,
        }
    }

    /// Even callers that forward no trailers must know whether they are valid.
    fn end(&mut self, trailers: Result<Option<HeaderMap>, h2::Error>) {
        self.ended = Some(match trailers {
            Ok(Some(trailers)) if !self.is_of_response && are_malformed(&trailers) => {
                Err(Failure::Malformed("malformed trailers"))
            }
            Ok(trailers) => {
                self.trailers = trailers;
                Ok(())
            }
            Err(error) => Err(error.into()),
        });
    }

    fn take(&mut self, data: Bytes) {
        if let Some(left) = &mut self.left {
            match left.checked_sub(data.len() as u64) {
                Some(less) => *left = less,
                None => self.ended = Some(Err(Failure::Malformed("a body longer than Content-Length"))),
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
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Failure>> {
        self.gather(cx);
        if let Some(Err(failure)) = self.ended
            && !(self.is_of_response && self.holds_some())
        {
            return Poll::Ready(Err(failure));
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

    fn holds_some(&self) -> bool {
        !self.pieces.is_empty() || !self.gathered.is_empty()
    }

    /// Whether nothing comes but what has come already.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some() && !self.holds_some() && self.trailers.is_none() && self.stream.is_end_stream()
    }

    /// The sender may send so much again.
    pub(crate) fn release(&mut self, count: usize) {
        let _ = self.stream.flow_control().release_capacity(count);
    }

    /// What follows the body; only to be asked for when that has ended.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }
}

fn are_malformed(trailers: &HeaderMap) -> bool {
    let (name, value) = MALFORMED_TRAILERS;
    trailers.get(name).is_some_and(|found| found == value)
}
