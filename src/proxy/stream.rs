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
use tokio_rustls::server::TlsStream;

use super::meters::OpenConnection;

/// Either leg of a request.
pub(super) struct Stream {
    io: RefCell<Io>,
    /// Its end is what counts.
    _counted: Option<OpenConnection>,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self { io: RefCell::new(Io::Plain(stream)), _counted: None }
    }
}

impl From<Box<TlsStream<TcpStream>>> for Stream {
    fn from(stream: Box<TlsStream<TcpStream>>) -> Self {
        Self { io: RefCell::new(Io::Tls(stream)), _counted: None }
    }
}

impl Stream {
    /// Counts as open until it is dropped.
    pub(super) fn counted(self, counted: OpenConnection) -> Self {
        Self { _counted: Some(counted), ..self }
    }

    /// Reads what is there; 0 is the end.
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut space = ReadBuf::new(space);
        let result = match &mut *self.io.borrow_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, &mut space),
            Io::Tls(stream) => Pin::new(stream).poll_read(cx, &mut space),
        };
        ready!(result)?;
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Ready when reading is worth a try: bytes or the end may have arrived. Needs no buffer, so that a connection
    /// at rest holds none.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.io.borrow_mut() {
            Io::Plain(stream) => stream.poll_read_ready(cx).map(|_| ()),
            Io::Tls(stream) => {
                let (tcp, session) = stream.get_mut();
                // What rustls has decrypted already makes no noise on the socket.
                let held_back = match session.process_new_packets() {
                    Ok(state) => state.plaintext_bytes_to_read() > 0 || state.peer_has_closed(),
                    Err(_) => true,
                };
                if held_back { Poll::Ready(()) } else { tcp.poll_read_ready(cx).map(|_| ()) }
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut *self.io.borrow_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Io::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.io.borrow_mut() {
            Io::Plain(_) => Poll::Ready(Ok(())),
            Io::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.io.borrow_mut() {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Reads once.
    pub(super) async fn read(&self, space: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_read(cx, space)).await
    }

    /// Writes everything; `progress` is told after every part that was taken.
    pub(super) async fn write_all(&self, mut slices: &mut [IoSlice<'_>], progress: impl Fn()) -> io::Result<()> {
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

    /// Says that nothing more will be written (TLS: `close_notify` first).
    pub(super) async fn shutdown(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_shutdown(cx)).await
    }
}
