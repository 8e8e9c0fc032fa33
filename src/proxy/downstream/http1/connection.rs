//! HTTP/1 with clients, and with targets.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::client::{Http1Client, Leg};

use crate::alb::head::headers::ClientProtocol;
use crate::http1::fields::FieldSpan;
use crate::http1::head::{HeadScanner, TooLarge};
use crate::proxy::answer::error::ProxyError;
use crate::proxy::client::RequestBody as _;
use crate::proxy::connection::Connection;
use crate::proxy::context::Worker;
use crate::proxy::io::buffer::Buffer;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::stream::Stream;
use crate::proxy::request;
use crate::proxy::settled::Settled;

/// How long a client may go on sending after it was told that the connection closes. Closing at once would reset the
/// connection and could take the answer away before it was read; nginx lingers for the same reason and as long.
const LINGER: Duration = Duration::from_secs(5);

/// Serves the requests of one connection, one after the other. Requests that are sent ahead wait in the buffer, as does
/// what was `received` before it was known what is spoken.
pub(crate) async fn serve(worker: Rc<Worker>, connection: Connection, stream: Stream, received: &[u8]) {
    let idle = IdleTimer::new(worker.snapshot().table.attributes.idle_timeout);
    let mut spans = Vec::new();
    // What was sent ahead of its turn.
    let mut ahead = (!received.is_empty()).then(|| worker.buffers.lend_with(received));
    let mut draining = pin!(worker.drain.begins());
    while !connection.listener.is_over() {
        let buffer = match ahead.take() {
            Some(buffer) => buffer,
            None => {
                // At rest: no buffer, one timer.
                if !wakes_up(&connection, &stream, &idle, draining.as_mut()).await {
                    break;
                }
                worker.buffers.lend()
            }
        };
        // Boxed: the state of a request is large, and a connection at rest should not carry room for it.
        let request = Box::pin(serve_request(&worker, &connection, &stream, buffer, &mut spans, &idle));
        match request.await {
            Then::Next(buffer) => ahead = Some(buffer).filter(|buffer| !buffer.is_empty()),
            Then::Close => break,
            Then::Abandon => return,
        }
        idle.set_limit(worker.snapshot().table.attributes.idle_timeout);
    }
    let _ = tokio::time::timeout(LINGER, stream.shutdown()).await;
}

/// What follows a request on its connection.
enum Then {
    /// Another one, whose beginning may be here already.
    Next(Buffer),
    /// Close gracefully.
    Close,
    /// Drop the connection; everything has been sent. Closing without a graceful shutdown tells the client that the
    /// response is incomplete.
    Abandon,
}

async fn serve_request(
    worker: &Worker,
    connection: &Connection,
    stream: &Stream,
    mut buffer: Buffer,
    spans: &mut Vec<FieldSpan>,
    idle: &IdleTimer,
) -> Then {
    let is_unwanted = || connection.listener.is_over() || worker.drain.has_begun();
    let head = match read_head(stream, &mut buffer, idle, is_unwanted).await {
        Head::Complete(size) => Ok(size),
        Head::Refused(error) => Err(error),
        Head::None => return Then::Close,
    };
    // This also brings the newest table.
    let mode = worker.snapshot().table.attributes.desync_mitigation_mode;
    if connection.listener.is_over() {
        return Then::Close;
    }
    let may_keep_alive = !connection.has_outlived_keep_alive() && !worker.drain.has_begun();
    let leg = Leg { worker, client: connection.client, stream, buffer: &mut buffer, idle };
    let mut client = match head {
        Ok(size) => Http1Client::new(leg, size, spans, mode, may_keep_alive),
        Err(error) => Http1Client::refused(leg, error),
    };
    let settled = request::serve(worker, connection, ClientProtocol::Http1, &mut client, idle).await;
    let keep_alive = client.keeps_alive();
    match settled {
        Settled::Answered if keep_alive => {
            let discarded = client.into_body().discard(idle).await;
            if discarded.is_ok() { Then::Next(buffer) } else { Then::Abandon }
        }
        Settled::Answered => {
            linger(stream, &mut buffer).await;
            Then::Abandon
        }
        Settled::Aborted => Then::Abandon,
        Settled::Upgraded => Then::Close,
    }
}

/// Waits for the first byte of the next request. `false`: none will come, or none is wanted any more.
async fn wakes_up(
    connection: &Connection,
    stream: &Stream,
    idle: &IdleTimer,
    mut draining: Pin<&mut impl Future<Output = ()>>,
) -> bool {
    poll_fn(|cx| {
        if connection.listener.is_over() {
            return Poll::Ready(false);
        }
        if stream.poll_readable(cx).is_ready() {
            return Poll::Ready(true);
        }
        if draining.as_mut().poll(cx).is_ready() || idle.poll_expired(cx).is_ready() {
            return Poll::Ready(false);
        }
        Poll::Pending
    })
    .await
}

enum Head {
    /// So many bytes at the front of the buffer.
    Complete(usize),
    /// To be answered with an error.
    Refused(ProxyError),
    /// The client left, or never began.
    None,
}

/// A connection may have woken up for nothing, so the reasons not to wait for a request hold until its first byte.
async fn read_head(stream: &Stream, buffer: &mut Buffer, idle: &IdleTimer, is_unwanted: impl Fn() -> bool) -> Head {
    let mut scanner = HeadScanner::for_request();
    loop {
        // Empty lines before a request line do no harm and some old clients send them (RFC 9112, section 2.2).
        if scanner.is_fresh() {
            let blank = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            buffer.consume(blank);
        }
        match scanner.scan(buffer) {
            Ok(Some(size)) => return Head::Complete(size),
            Ok(None) => {
                if let Some(error) = HeadScanner::what_is_no_request(buffer) {
                    return Head::Refused(error.into());
                }
            }
            Err(TooLarge) => return Head::Refused(scanner.what_is_too_large(buffer).into()),
        }
        if buffer.space().is_empty() {
            buffer.grow();
        }
        let at_rest = buffer.is_empty();
        let read = poll_fn(|cx| match stream.poll_read(cx, buffer.space()) {
            Poll::Pending if at_rest && is_unwanted() => Poll::Ready(None),
            Poll::Pending => idle.poll_expired(cx).map(|()| None),
            ready => ready.map(Some),
        });
        match read.await {
            Some(Ok(count @ 1..)) => {
                idle.touch();
                buffer.filled(count);
            }
            None if !buffer.is_empty() => return Head::Refused(ProxyError::RequestTimeout),
            _ => return Head::None,
        }
    }
}

/// Says goodbye and waits, for a while, until the client has read it.
async fn linger(stream: &Stream, buffer: &mut Buffer) {
    let waiting = async {
        stream.shutdown().await?;
        loop {
            let length = buffer.len();
            buffer.consume(length);
            match stream.read(buffer.space()).await? {
                0 => return std::io::Result::Ok(()),
                count => buffer.filled(count),
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, waiting).await;
}
