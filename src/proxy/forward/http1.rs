//! Forwarding to a target over HTTP/1.1.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::IoSlice;
use std::task::Poll;

use super::exchange::{Upload, UploadError, additions, note_answer, watch_client};
use super::order::Forward;
use crate::http1::body::Next;
use crate::http1::chunked;
use crate::http1::framing::BodyHeader;
use crate::http1::framing::{ResponseFraming, response_framing};
use crate::proxy::answer::error::ProxyError;
use crate::proxy::client::{RequestBody, Responder, TargetHead};
use crate::proxy::context::Worker;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::stream::Stream;
use crate::proxy::telemetry::transaction::Transaction;
use crate::proxy::upstream::pool::Opening;
use crate::proxy::upstream::target;
use crate::proxy::upstream::target::TargetReader;

/// Interim responses and the final head together. "The target response header exceeded 32 K for the entire response header"
/// (ALB user guide, Troubleshooting, HTTP 502) does not say whether interim ones count; unless they do, a target that sends
/// nothing else keeps a request for ever.
const MOST_OF_HEADS: usize = 32 * 1024;

/// How a response ended.
pub(crate) enum Downloaded {
    /// Completely; the target allows another request on the connection.
    Complete { reusable: bool },
    /// With 101: both ends now speak something else.
    Upgraded,
}

pub(crate) async fn connect(worker: &Worker, forward: &Forward) -> Result<Stream, ProxyError> {
    let opening = Opening {
        dial: forward.dial,
        reachable: forward.reachable,
        timeout: worker.shared.connect_timeout,
        tls: &worker.shared.target_tls.http1,
        meter: &forward.meter,
    };
    Ok(Stream::from(opening.open().await?).counted(worker.meters.open_connection()))
}

/// Sends head and body to the target, then watches whether the client stays. Ends only when the request is lost.
pub(crate) async fn upload(
    body: &mut impl RequestBody,
    target: &Stream,
    forward: &Forward,
    progress: &Cell<Upload>,
    idle: &IdleTimer,
) -> ProxyError {
    let uploaded = upload_all(body, target, forward, progress, idle).await;
    watch_client(uploaded, body, progress).await
}

pub(crate) async fn upload_all(
    body: &mut impl RequestBody,
    target: &Stream,
    forward: &Forward,
    progress: &Cell<Upload>,
    idle: &IdleTimer,
) -> Result<(), UploadError> {
    let mut head: &[u8] = &forward.head;
    let chunked = forward.body == BodyHeader::Chunked;
    loop {
        // What has arrived together with the head leaves together with it; otherwise the head does not wait.
        let next = poll_fn(|cx| match body.poll_next(cx) {
            Poll::Pending if !head.is_empty() => Poll::Ready(None),
            next => next.map(Some),
        });
        progress.set(Upload::FromClient);
        let next = next.await.transpose().map_err(UploadError::Client)?;
        progress.set(Upload::ToTarget);

        let mut line = [0; 18];
        let (framing, data, end): (&[u8], &[u8], &[u8]) = match next {
            None => (b"", b"", b""),
            Some(Next::Data { length, last }) if chunked => {
                let end: &[u8] = if last { b"\r\n0\r\n\r\n" } else { b"\r\n" };
                (chunked::size_line(length, &mut line), &body.data()[..length], end)
            }
            Some(Next::Data { length, .. }) => (b"", &body.data()[..length], b""),
            Some(Next::End | Next::More) => (b"", b"", if chunked { chunked::LAST_CHUNK } else { b"" }),
        };
        let mut slices = [IoSlice::new(head), IoSlice::new(framing), IoSlice::new(data), IoSlice::new(end)];
        let written = target.write_all(&mut slices, || idle.touch()).await;
        written.map_err(|_| UploadError::Target)?;
        head = b"";
        match next {
            None => {}
            Some(Next::Data { length, last }) => {
                body.consume(length);
                if last {
                    return Ok(());
                }
            }
            Some(Next::End | Next::More) => return Ok(()),
        }
    }
}

/// Reads the response and passes it on.
pub(crate) async fn download(
    worker: &Worker,
    forward: &Forward,
    mut target: TargetReader<'_>,
    responder: &mut impl Responder,
    transaction: &mut Transaction,
) -> Result<Downloaded, ProxyError> {
    let mut heads = 0;
    let (framing, reusable) = loop {
        let size = target.read_head().await?;
        heads += size;
        if heads > MOST_OF_HEADS {
            return Err(ProxyError::ResponseHeadTooLarge);
        }
        let head = prepare_head(worker, forward, &target, size, responder, transaction)?;
        target.consume(size);
        match head {
            Head::Interim => {}
            Head::Upgraded => {
                responder.flush().await?;
                return Ok(Downloaded::Upgraded);
            }
            Head::Final { framing, reusable } => break (framing, reusable),
        }
    };
    let mut body = target.body(framing);
    loop {
        match body.next()? {
            Next::Data { length, last } => {
                responder.data(&body.data()[..length], last).await?;
                transaction.note_responding();
                body.consume(length);
            }
            Next::More => {
                responder.flush().await?;
                transaction.note_responding();
                body.fill().await?;
            }
            Next::End => {
                responder.finish().await?;
                transaction.note_responding();
                return Ok(Downloaded::Complete { reusable });
            }
        }
    }
}

/// A head that was read from the target.
pub(crate) enum Head {
    /// 1xx: the real one follows.
    Interim,
    /// 101: no response follows, but another protocol.
    Upgraded,
    /// The real one.
    Final { framing: ResponseFraming, reusable: bool },
}

/// Takes the head apart that lies in the first `size` bytes, and prepares the client's.
pub(crate) fn prepare_head(
    worker: &Worker,
    forward: &Forward,
    target: &TargetReader<'_>,
    size: usize,
    responder: &mut impl Responder,
    transaction: &mut Transaction,
) -> Result<Head, ProxyError> {
    let mut spans = worker.spans.borrow_mut();
    let (line, fields) = target.parse_head(size, &mut spans)?;
    let status = line.status;
    match status {
        101 if !forward.upgrade => return Err(ProxyError::MalformedResponse("101 without having been asked")),
        101 => {}
        // These stop here: 100 was answered by us already, and whether ALB passes 103 on is unknown.
        100..=199 => return Ok(Head::Interim),
        _ => {}
    }
    note_answer(forward, transaction, status);
    let framing = response_framing(status, forward.head_only, fields).map_err(ProxyError::MalformedResponse)?;
    let reason = target.reason(&line);
    let additions = additions(worker, forward, fields);
    responder.head(&TargetHead { status, reason, fields, framing, additions: &additions })?;
    transaction.status = status;
    if status == 101 {
        return Ok(Head::Upgraded);
    }
    Ok(Head::Final { framing, reusable: target::target_keeps_open(&line, fields, framing) })
}
