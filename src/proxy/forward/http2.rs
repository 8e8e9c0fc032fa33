//! Forwarding to a target over HTTP/2: a stream on a shared connection, trailers both ways.
//!
//! Only HTTP/2 clients get here; HTTP/1.1 clients were answered with 464. Neither side is read ahead of the other: a
//! window opens again only for data that the other side has accepted.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::ready;
use std::time::Instant;

use bytes::Bytes;
use h2::SendStream;
use h2::client::ResponseFuture;
use http::header::{HeaderName, HeaderValue};

use super::exchange;
use super::exchange::{Upload, UploadError, additions, note_answer, watch_client, while_wanted};
use super::order::Forward;
use crate::http1::body::Next;
use crate::http1::fields::FieldList;
use crate::http1::framing::BodyHeader;
use crate::http1::framing::ResponseFraming;
use crate::http1::message;
use crate::proxy::answer::error::ProxyError;
use crate::proxy::client::{RequestBody, Responder, TargetHead};
use crate::proxy::context::Worker;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::inflow::{Failure, Inflow};
use crate::proxy::settled::Settled;
use crate::proxy::telemetry::transaction::Transaction;
use crate::proxy::upstream::multiplexed::{Dialling, Lease};

/// ALB user guide, quotas: "Maximum … Response header size: 32 K".
const LARGEST_HEAD: usize = 32 * 1024;

/// As [`super::run`].
pub(super) async fn run(
    worker: &Worker,
    forward: &Forward,
    body: &mut impl RequestBody,
    responder: &mut impl Responder,
    idle: &IdleTimer,
    transaction: &mut Transaction,
) -> Result<Settled, ProxyError> {
    let request = request(forward)?;
    let lease = while_wanted(lease(worker, forward), forward, body).await?;
    worker.sweep_multiplexed();
    let mut requests = lease.requests();
    poll_fn(|cx| requests.poll_ready(cx)).await.map_err(failed)?;
    idle.touch();
    transaction.steps.dispatched = Some(Instant::now());

    let without_body = matches!(forward.body, BodyHeader::None | BodyHeader::Length(0));
    let (response, mut stream) = requests.send_request(request, without_body).map_err(failed)?;
    let progress = Cell::new(if without_body { Upload::Done } else { Upload::FromClient });
    let uploading = pin!(async {
        let uploaded = if without_body { Ok(()) } else { upload_all(body, &mut stream, &progress, idle).await };
        watch_client(uploaded, body, &progress).await
    });
    let downloading = download(worker, forward, response, responder, idle, transaction);
    exchange(uploading, downloading, &progress, forward, idle).await?;
    Ok(Settled::Answered)
}

/// Room on a connection to the target, one that is there or a new one.
async fn lease(worker: &Worker, forward: &Forward) -> Result<Lease, ProxyError> {
    let dialling = || Dialling {
        dial: forward.dial,
        reachable: forward.reachable,
        timeout: worker.shared.connect_timeout,
        tls: worker.shared.target_tls.http2.clone(),
        meter: Arc::clone(&forward.meter),
        meters: Arc::clone(&worker.meters),
    };
    worker.multiplexed.lease(forward.dial, forward.idle_timeout, dialling).await
}

/// The head as it was written for HTTP/1.1, in HTTP/2's terms.
fn request(forward: &Forward) -> Result<http::Request<()>, ProxyError> {
    const UNFIT: ProxyError = ProxyError::MalformedRequest("a request that HTTP/2 cannot express");
    let mut lines = forward.head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next().and_then(|line| line.strip_suffix(b" HTTP/1.1")).ok_or(UNFIT)?;
    let space = memchr::memchr(b' ', line).ok_or(UNFIT)?;
    let (method, target) = (&line[..space], &line[space + 1..]);
    let mut request = http::Request::new(());
    *request.method_mut() = http::Method::from_bytes(method).map_err(|_| UNFIT)?;
    let mut authority = &b""[..];
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = memchr::memmem::find(line, b": ").ok_or(UNFIT)?;
        let (name, value) = (&line[..colon], &line[colon + 2..]);
        if name.eq_ignore_ascii_case(b"host") {
            authority = value;
        } else if !message::is_of_connection(name) {
            let name = HeaderName::from_bytes(name).map_err(|_| UNFIT)?;
            request.headers_mut().append(name, HeaderValue::from_bytes(value).map_err(|_| UNFIT)?);
        }
    }
    let uri = http::Uri::builder().scheme(if forward.dial.tls.is_some() { "https" } else { "http" });
    *request.uri_mut() = uri.authority(authority).path_and_query(target).build().map_err(|_| UNFIT)?;
    // `h2` would make something else of it than the client meant.
    if *request.method() == http::Method::CONNECT { Err(UNFIT) } else { Ok(request) }
}

async fn upload_all(
    body: &mut impl RequestBody,
    target: &mut SendStream<Bytes>,
    progress: &Cell<Upload>,
    idle: &IdleTimer,
) -> Result<(), UploadError> {
    loop {
        progress.set(Upload::FromClient);
        let next = poll_fn(|cx| body.poll_next(cx)).await.map_err(UploadError::Client)?;
        progress.set(Upload::ToTarget);
        let Next::Data { length, last } = next else { break };
        let mut sent = 0;
        while sent < length {
            let room = room(target, length - sent).await?;
            let data = Bytes::copy_from_slice(&body.data()[sent..sent + room]);
            sent += room;
            target.send_data(data, last && sent == length).map_err(|_| UploadError::Target)?;
            idle.touch();
        }
        body.consume(length);
        if last {
            return Ok(());
        }
    }
    progress.set(Upload::FromClient);
    let trailers = poll_fn(|cx| body.poll_trailers(cx)).await.map_err(UploadError::Client)?;
    progress.set(Upload::ToTarget);
    let ended = match trailers {
        Some(trailers) => target.send_trailers(trailers),
        None => target.send_data(Bytes::new(), true),
    };
    ended.map_err(|_| UploadError::Target)
}

/// Waits until the target is willing to take some of `wanted` bytes.
async fn room(target: &mut SendStream<Bytes>, wanted: usize) -> Result<usize, UploadError> {
    target.reserve_capacity(wanted);
    poll_fn(|cx| {
        loop {
            match target.capacity() {
                0 => match ready!(target.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    _ => return std::task::Poll::Ready(Err(UploadError::Target)),
                },
                room => return std::task::Poll::Ready(Ok(room.min(wanted))),
            }
        }
    })
    .await
}

/// Reads the response and passes it on.
async fn download(
    worker: &Worker,
    forward: &Forward,
    response: ResponseFuture,
    responder: &mut impl Responder,
    idle: &IdleTimer,
    transaction: &mut Transaction,
) -> Result<(), ProxyError> {
    let (head, body) = response.await.map_err(failed)?.into_parts();
    idle.touch();
    let ended = body.is_end_stream() || !message::has_content(head.status.as_u16(), forward.head_only);
    pass_head(worker, forward, &head, ended, responder, transaction)?;
    if ended && !body.is_end_stream() {
        // Anything that still follows is discarded.
        return Ok(());
    }
    let inflow = RefCell::new(Inflow::of_response(body));
    let mut passing = pin!(pass_body(&inflow, responder, idle, transaction));
    poll_fn(|cx| {
        // Whatever the client does: what has come must not wait in `h2`.
        inflow.borrow_mut().gather(cx);
        passing.as_mut().poll(cx)
    })
    .await
}

async fn pass_body(
    inflow: &RefCell<Inflow>,
    responder: &mut impl Responder,
    idle: &IdleTimer,
    transaction: &mut Transaction,
) -> Result<(), ProxyError> {
    while let Some(data) = poll_fn(|cx| inflow.borrow_mut().poll_next(cx)).await.map_err(failed)? {
        idle.touch();
        let last = inflow.borrow().is_over();
        responder.data(&data, last).await?;
        transaction.note_responding();
        // The target may send as much again only now that the client has taken it.
        inflow.borrow_mut().release(data.len());
        if last {
            return Ok(());
        }
    }
    let trailers = inflow.borrow_mut().take_trailers();
    match trailers {
        Some(trailers) => responder.trailers(trailers).await?,
        None => responder.finish().await?,
    }
    transaction.note_responding();
    Ok(())
}

fn pass_head(
    worker: &Worker,
    forward: &Forward,
    head: &http::response::Parts,
    ended: bool,
    responder: &mut impl Responder,
    transaction: &mut Transaction,
) -> Result<(), ProxyError> {
    let mut list = FieldList::default();
    for (name, value) in &head.headers {
        list.push(name.as_str().as_bytes(), value.as_bytes());
    }
    if list.size() > LARGEST_HEAD {
        return Err(ProxyError::ResponseHeadTooLarge);
    }
    let status = head.status.as_u16();
    let fields = list.fields();
    note_answer(forward, transaction, status);
    // The length, if there is one, is a field like any other: frames say where the body ends, and `h2` has them agree.
    let framing = if ended { ResponseFraming::None } else { ResponseFraming::UntilClose };
    let additions = additions(worker, forward, fields);
    responder.head(&TargetHead { status, reason: b"", fields, framing, additions: &additions })?;
    transaction.status = status;
    Ok(())
}

/// What the target did, or what `h2` makes of what it sent.
fn failed(failure: impl Into<Failure>) -> ProxyError {
    match failure.into() {
        Failure::Malformed(what) => ProxyError::MalformedResponse(what),
        Failure::OutOfOrder => ProxyError::MalformedResponse("not HTTP/2, or not in order"),
        Failure::Gone => ProxyError::TargetClosed,
    }
}
