//! Forwarding to a target: one request up, one response down, both at the same time. HTTP/1.1 is here, HTTP/2 in
//! [`http2`].
//!
//! ```text
//!  client ──body──> [upload] ──head, body──> target
//!  client <──head, body── [download] <──head, body── target
//!                 idle timer: any byte on either leg starts it anew
//! ```
//!
//! Upload and download are two futures of one task. A target may answer before it has read everything, so the
//! download decides when the exchange is over; the upload only ever ends it with an error.

mod http2;
pub(crate) mod upgrade;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use super::answer::error::ProxyError;
use super::client::{Additions, RequestBody, Responder, TargetHead};
use super::downstream::http1::body::{self, Next, ResponseFraming};
use super::downstream::http1::chunked;
use super::io::buffer::Scratch;
use super::io::idle::IdleTimer;
use super::io::stream::Stream;
use super::request::Settled;
use super::telemetry::meters::GroupMeter;
use super::telemetry::transaction::Transaction;
use super::upstream::load::InFlight;
use super::upstream::pool::{Dial, Opening};
use super::upstream::target::{self, TargetReader};
use super::worker::{ListenerLife, Worker};
use crate::alb::head::headers::BodyHeader;
use crate::alb::request::facts::Fields;
use crate::alb::stickiness::Session;
use crate::model::listener::HeaderModification;
use crate::model::target_group::ProtocolVersion;

/// Interim responses and the final head together. "The target response header exceeded 32 K for the entire response header"
/// (ALB user guide, Troubleshooting, HTTP 502) does not say whether interim ones count; unless they do, a target that sends
/// nothing else keeps a request for ever.
const MOST_OF_HEADS: usize = 32 * 1024;

/// A request that is ready to go: nothing is left to decide.
pub(super) struct Forward {
    pub(super) dial: Dial,
    /// What the target speaks.
    pub(super) version: ProtocolVersion,
    /// Whether security groups let the load balancer in.
    pub(super) reachable: bool,
    /// As the target gets it.
    pub(super) head: Scratch,
    pub(super) body: BodyHeader,
    pub(super) head_only: bool,
    pub(super) upgrade: bool,
    /// Of gRPC: a body that is not complete is not something that the client owes, since either side may talk at any time.
    pub(super) conversation: bool,
    pub(super) idle_timeout: Duration,
    /// The connection serves nobody else afterwards.
    pub(super) part: bool,
    /// What the listener does to headers.
    pub(super) modification: Option<Arc<HeaderModification>>,
    /// Where something is sticky.
    pub(super) session: Option<Box<Session>>,
    /// Where it came from; a WebSocket ends with it.
    pub(super) listener: Rc<ListenerLife>,
    /// Counts as long as the request lasts.
    pub(super) in_flight: InFlight,
    /// Counts for the target group.
    pub(super) meter: Arc<GroupMeter>,
}

/// How a response ended.
enum Downloaded {
    /// Completely; the connection may serve another request, as far as the target is concerned.
    Complete { reusable: bool },
    /// With 101: both ends now speak something else.
    Upgraded,
}

/// How far the upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upload {
    /// The target is to take more.
    ToTarget,
    /// The client is to send more.
    FromClient,
    /// Everything was sent.
    Done,
    /// The target takes no more; its response may be there all the same.
    Refused,
}

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
            if reusable && !forward.part && progress.get() == Upload::Done && buffer.is_empty() {
                worker.keep_upstream(forward.dial, stream);
            }
            Ok(Settled::Answered)
        }
    }
}

async fn connect(worker: &Worker, forward: &Forward) -> Result<Stream, ProxyError> {
    let opening = Opening {
        dial: forward.dial,
        reachable: forward.reachable,
        timeout: worker.shared.connect_timeout,
        tls: &worker.shared.target_tls.http1,
        meter: &forward.meter,
    };
    Ok(Stream::from(opening.open().await?).counted(worker.meters.open_connection()))
}

/// Waits for something that comes before the exchange, as long as the client waits, too, and the target may be used.
async fn while_wanted<T>(
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
async fn exchange<T>(
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

/// Sends head and body to the target, then watches whether the client stays. Ends only when the request is lost.
async fn upload(
    body: &mut impl RequestBody,
    target: &Stream,
    forward: &Forward,
    progress: &Cell<Upload>,
    idle: &IdleTimer,
) -> ProxyError {
    let uploaded = upload_all(body, target, forward, progress, idle).await;
    watch_client(uploaded, body, progress).await
}

/// What follows the upload.
async fn watch_client(
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

enum UploadError {
    Client(ProxyError),
    Target,
}

async fn upload_all(
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
async fn download(
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
enum Head {
    /// 1xx: the real one follows.
    Interim,
    /// 101: no response follows, but another protocol.
    Upgraded,
    /// The real one.
    Final { framing: ResponseFraming, reusable: bool },
}

/// Takes the head apart that lies in the first `size` bytes, and prepares the client's.
fn prepare_head(
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
    let framing = body::response_framing(status, forward.head_only, fields).map_err(ProxyError::MalformedResponse)?;
    let reason = target.reason(&line);
    let additions = additions(worker, forward, fields);
    responder.head(&TargetHead { status, reason, fields, framing, additions: &additions })?;
    transaction.status = status;
    if status == 101 {
        return Ok(Head::Upgraded);
    }
    Ok(Head::Final { framing, reusable: target::target_keeps_open(&line, fields, framing) })
}

/// The target's head is there.
fn note_answer(forward: &Forward, transaction: &mut Transaction, status: u16) {
    let answered = Instant::now();
    transaction.target_status = Some(status);
    transaction.steps.answered = Some(answered);
    let asked = transaction.steps.dispatched.unwrap_or(answered);
    forward.meter.target_answered(status, answered.saturating_duration_since(asked));
}

/// What the response gets beside what the target gave it.
fn additions(worker: &Worker, forward: &Forward, fields: Fields<'_>) -> Additions {
    Additions {
        modification: forward.modification.clone(),
        cookies: forward.session.as_ref().map_or_else(Vec::new, |session| {
            session.set_cookies(&worker.shared.cookie_key, worker.now(), || worker.random.trace_bits(), fields)
        }),
    }
}
