//! A connection that can be read and written at the same time from one task.
//!
//! All methods take `&self`: a request is uploaded and its response downloaded by two futures of the same task, which
//! take turns. The cell inside is borrowed only while one of them is being polled, never across a wait.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{client, server};
use tokio_util::either::Either;

use super::cork::{Corked, poll_write_socket};
use crate::proxy::telemetry::meters::OpenConnection;

/// A connection to a target, as it was opened.
pub(crate) type TargetIo = Either<TcpStream, Box<client::TlsStream<TcpStream>>>;

/// Either leg of a request.
pub(crate) struct Stream {
    io: RefCell<Io>,
    /// Its end is what counts.
    _counted: Option<OpenConnection>,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<server::TlsStream<Corked>>),
    /// With a target.
    TargetTls(Box<client::TlsStream<TcpStream>>),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self { io: RefCell::new(Io::Plain(stream)), _counted: None }
    }
}

impl From<Box<server::TlsStream<Corked>>> for Stream {
    fn from(stream: Box<server::TlsStream<Corked>>) -> Self {
        Self { io: RefCell::new(Io::Tls(stream)), _counted: None }
    }
}

impl From<TargetIo> for Stream {
    fn from(stream: TargetIo) -> Self {
        let io = match stream {
            Either::Left(plain) => Io::Plain(plain),
            Either::Right(tls) => Io::TargetTls(tls),
        };
        Self { io: RefCell::new(io), _counted: None }
    }
}

impl Stream {
    /// Counts as open until it is dropped.
    pub(crate) fn counted(self, counted: OpenConnection) -> Self {
        Self { _counted: Some(counted), ..self }
    }

    /// Reads available bytes; 0 is the end.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut space = ReadBuf::new(space);
        let result = match &mut *self.io.borrow_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, &mut space),
            Io::Tls(stream) => Pin::new(stream).poll_read(cx, &mut space),
            Io::TargetTls(stream) => Pin::new(stream).poll_read(cx, &mut space),
        };
        ready!(result)?;
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Ready when reading is worth a try: bytes or the end may have arrived. Needs no buffer, so that a connection
    /// at rest holds none.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.io.borrow_mut() {
            Io::Plain(stream) => poll_socket(stream, cx),
            Io::Tls(stream) => {
                let (tcp, session) = stream.get_mut();
                if holds_back(session.process_new_packets()) { Poll::Ready(()) } else { tcp.poll_read_ready(cx) }
            }
            Io::TargetTls(stream) => {
                let (tcp, session) = stream.get_mut();
                if holds_back(session.process_new_packets()) { Poll::Ready(()) } else { poll_socket(tcp, cx) }
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut *self.io.borrow_mut() {
            Io::Plain(stream) => poll_write_socket(stream, cx, slices),
            Io::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Io::TargetTls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.io.borrow_mut() {
            Io::Plain(_) => Poll::Ready(Ok(())),
            Io::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Io::TargetTls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.io.borrow_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::TargetTls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Reads once.
    pub(crate) async fn read(&self, space: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_read(cx, space)).await
    }

    /// Writes everything; `progress` is told after every part that was taken.
    pub(crate) async fn write_all(&self, mut slices: &mut [IoSlice<'_>], progress: impl Fn()) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            let written = std::future::poll_fn(|cx| self.poll_write(cx, slices)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            progress();
            IoSlice::advance_slices(&mut slices, written);
        }
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Data written from now on is the last, and may leave together with the end of the connection.
    pub(crate) fn hold_until_shutdown(&self) {
        match &mut *self.io.borrow_mut() {
            // Plain ones have no end to say, and ours towards targets are kept.
            Io::Plain(_) | Io::TargetTls(_) => {}
            Io::Tls(stream) => stream.get_mut().0.hold_until_shutdown(),
        }
    }

    /// Says that nothing more will be written (TLS: `close_notify` first).
    pub(crate) async fn shutdown(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_shutdown(cx)).await
    }
}

fn poll_socket(tcp: &TcpStream, cx: &mut Context<'_>) -> Poll<()> {
    tcp.poll_read_ready(cx).map(|_| ())
}

/// What rustls has decrypted already makes no noise on the socket.
fn holds_back(state: Result<rustls::IoState, rustls::Error>) -> bool {
    state.map_or(true, |state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
}
