//! The part of forwarding that both versions of HTTP share: both directions at once, and which side waits for which.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Instant;

use super::order::Forward;
use crate::http1::fields::Fields;
use crate::proxy::answer::additions::Additions;
use crate::proxy::answer::error::ProxyError;
use crate::proxy::client::RequestBody;
use crate::proxy::context::Worker;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::telemetry::transaction::Transaction;

/// How far the upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    /// The target is to take more.
    ToTarget,
    /// The client is to send more.
    FromClient,
    /// Everything was sent.
    Done,
    /// The target takes no more; its response may be there all the same.
    Refused,
}

/// Waits for something before the exchange, for as long as the client also waits and the target may be used.
pub(crate) async fn while_wanted<T>(
    waiting: impl Future<Output = Result<T, ProxyError>>,
    forward: &Forward,
    body: &mut impl RequestBody,
) -> Result<T, ProxyError> {
    let mut waiting = pin!(waiting);
    poll_fn(|cx| {
        if let Poll::Ready(result) = waiting.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        if forward.in_flight.is_cut() {
            return Poll::Ready(Err(ProxyError::Deregistered));
        }
        body.poll_lost(cx).map(Err)
    })
    .await
}

/// Drives both directions until the download has ended, the upload has failed, the target's time is over, or nothing
/// has moved for too long.
pub(crate) async fn exchange<T>(
    mut uploading: Pin<&mut impl Future<Output = ProxyError>>,
    downloading: impl Future<Output = Result<T, ProxyError>>,
    progress: &Cell<Upload>,
    forward: &Forward,
    idle: &IdleTimer,
) -> Result<T, ProxyError> {
    let mut downloading = pin!(downloading);
    poll_fn(|cx| {
        let failed = uploading.as_mut().poll(cx);
        // A response that is there counts, whatever else has happened.
        if let Poll::Ready(result) = downloading.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        if let Poll::Ready(error) = failed {
            return Poll::Ready(Err(error));
        }
        if forward.in_flight.is_cut() {
            return Poll::Ready(Err(ProxyError::Deregistered));
        }
        ready!(idle.poll_expired(cx));
        let waited_for_client = progress.get() == Upload::FromClient && !forward.conversation;
        Poll::Ready(Err(if waited_for_client { ProxyError::RequestTimeout } else { ProxyError::TargetTimeout }))
    })
    .await
}

/// What follows the upload.
pub(crate) async fn watch_client(
    uploaded: Result<(), UploadError>,
    body: &mut impl RequestBody,
    progress: &Cell<Upload>,
) -> ProxyError {
    match uploaded {
        Ok(()) => {
            progress.set(Upload::Done);
            poll_fn(|cx| body.poll_gone(cx)).await;
            ProxyError::ClientGone
        }
        Err(UploadError::Client(error)) => error,
        Err(UploadError::Target) => {
            progress.set(Upload::Refused);
            std::future::pending().await
        }
    }
}

pub(crate) enum UploadError {
    Client(ProxyError),
    Target,
}

/// The target's head is there.
pub(crate) fn note_answer(forward: &Forward, transaction: &mut Transaction, status: u16) {
    let answered = Instant::now();
    transaction.target_status = Some(status);
    transaction.steps.answered = Some(answered);
    let asked = transaction.steps.dispatched.unwrap_or(answered);
    forward.meter.target_answered(status, answered.saturating_duration_since(asked));
}

/// What the response gets beside what the target gave it.
pub(crate) fn additions(worker: &Worker, forward: &Forward, fields: Fields<'_>) -> Additions {
    Additions {
        modification: forward.modification.clone(),
        cookies: forward.session.as_ref().map_or_else(Vec::new, |session| {
            session.set_cookies(&worker.shared.cookie_key, worker.now(), || worker.random.trace_bits(), fields)
        }),
    }
}
