//! Forwarding to a target: one request up, one response down, both at the same time. HTTP/1.1 is here, HTTP/2 in
//! [`http2`].
//!
//! ```text
//!  client ──body──> [upload] ──head, body──> target
//!  client <──head, body── [download] <──head, body── target
//!                 idle timer: any byte on either leg restarts it
//! ```
//!
//! Upload and download are two futures of one task. A target may respond before it has read everything, so the download
//! decides when the exchange is over; the upload can end it only with an error.

pub(crate) mod exchange;
pub(crate) mod http1;
mod http2;
pub(crate) mod order;
pub(crate) mod upgrade;

use std::cell::Cell;
use std::pin::pin;
use std::time::Instant;

use super::answer::error::ProxyError;
use super::client::{RequestBody, Responder};
use super::context::Worker;
use super::io::idle::IdleTimer;
use super::settled::Settled;
use super::telemetry::transaction::Transaction;
use super::upstream::target::TargetReader;
use crate::model::target_group::ProtocolVersion;
use exchange::{Upload, exchange, while_wanted};
use http1::{Downloaded, connect, download, upload};
use order::Forward;

/// Forwards a request and its response. An error that comes after the response has begun leaves it incomplete.
pub(super) async fn run(
    worker: &Worker,
    forward: &Forward,
    body: &mut impl RequestBody,
    responder: &mut impl Responder,
    idle: &IdleTimer,
    transaction: &mut Transaction,
) -> Result<Settled, ProxyError> {
    responder.send_continue().await?;
    if forward.version != ProtocolVersion::Http1 {
        // Boxed, because requests of the other kind should not carry room for it.
        return Box::pin(http2::run(worker, forward, body, responder, idle, transaction)).await;
    }
    let stream = match worker.upstream.take(forward.dial, forward.idle_timeout).await {
        Some(stream) => stream,
        None => while_wanted(connect(worker, forward), forward, body).await?,
    };
    idle.touch();
    transaction.steps.dispatched = Some(Instant::now());

    let mut buffer = worker.buffers.lend();
    let progress = Cell::new(Upload::ToTarget);
    let downloaded = {
        let uploading = pin!(upload(body, &stream, forward, &progress, idle));
        let reader = TargetReader::new(&stream, &mut buffer, idle);
        let downloading = download(worker, forward, reader, responder, transaction);
        exchange(uploading, downloading, &progress, forward, idle).await?
    };

    match downloaded {
        Downloaded::Upgraded => {
            transaction.upgraded = true;
            if let Some((client, client_buffer)) = body.raw() {
                let is_over = || forward.in_flight.is_cut() || forward.listener.is_over();
                let (up, down) = upgrade::run(client, client_buffer, &stream, &mut buffer, idle, is_over).await;
                transaction.received_bytes += up;
                transaction.sent_bytes += down;
            }
            Ok(Settled::Upgraded)
        }
        Downloaded::Complete { reusable } => {
            if reusable && !forward.close_after && progress.get() == Upload::Done && buffer.is_empty() {
                worker.keep_upstream(forward.dial, stream);
            }
            Ok(Settled::Answered)
        }
    }
}
