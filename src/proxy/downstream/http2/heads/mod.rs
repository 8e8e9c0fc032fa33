//! Parses request heads below `h2`.
//!
//! ```text
//!           HEADERS, CONTINUATION ──► decoded ──► HEADERS, with the head as the value of one field ──┐
//!  TLS ──► [Heads]                                                                                  ├──► h2
//!           every other frame ───────────────────────────────────────────────────────── untouched ──┘
//! ```
//!
//! `h2` restricts requests to the grammar of the `http` types, which is narrower than what an ALB accepts and forwards: a
//! quotation mark in a query costs the stream, a control character in a value costs the connection, and we can observe
//! neither. So `h2` does what it is good at (frames, streams, windows, protection from floods) and never sees a real head:
//! it gets a substitute with the real head as one opaque value, and passes that on. As with HTTP/1, we then interpret the
//! head ourselves, from its bytes and in their order ([`super::head`]).
//!
//! This module also replaces `h2`'s protection from floods of heads: see the limits.

mod reader;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::refused::Refusals;
pub(super) use reader::Fault;
use reader::Reader;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use reader::passed;

/// A connection under `h2`.
pub(super) struct Heads<T> {
    inner: T,
    reader: Reader,
}

impl<T> Heads<T> {
    pub(super) fn new(inner: T, fault: Fault, refusals: Rc<Refusals>) -> Self {
        Self { inner, reader: Reader::new(fault, refusals) }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Heads<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { inner, reader } = self.get_mut();
        loop {
            if reader.give(space) {
                return Poll::Ready(Ok(()));
            }
            if reader.fault.get().is_some() {
                return Poll::Pending;
            }
            let start = space.filled().len();
            ready!(Pin::new(&mut *inner).poll_read(cx, space))?;
            let read = &space.filled()[start..];
            if read.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let untouched = reader.take(read);
            space.set_filled(start + untouched);
            if untouched > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Heads<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, data))?;
        self.reader.refusals.watch(&data[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            let count = left.min(slice.len());
            self.reader.refusals.watch(&slice[..count]);
            left -= count;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
