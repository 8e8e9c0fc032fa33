//! HTTP/2 with clients, on the `h2` crate: it owns frames and flow control, we own requests.
//!
//! We use `h2` instead of hyper on top of it: streams are plain objects to read from and write to, as the request path
//! needs, and we control settings, GOAWAY and resets. The connection is here; a stream's request is in `client.rs`, its
//! response in `responder.rs`. Request heads are parsed below `h2`, in `heads.rs`, which explains why.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream};
use tokio_rustls::server::TlsStream;

use super::client::{Http2Client, Received};
use super::head::Head;
use super::heads::{Fault, Heads};
use super::opaque::LARGEST_HEADER_LIST;
use super::refused::{MOST_STREAMS, Refusals, Refused};
use super::responder::Sender;
use crate::alb::head::headers::ClientProtocol;
use crate::alb::request::desync::Verdict;
use crate::proxy::answer::error::ProxyError;
use crate::proxy::client::RequestBody as _;
use crate::proxy::connection::Connection;
use crate::proxy::context::Worker;
use crate::proxy::io::cork::Corked;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::inflow::FRAMES_BUDGET;
use crate::proxy::request;
use crate::proxy::settled::Settled;

/// ALB user guide, troubleshooting: after so many requests the connection gets a GOAWAY.
const MOST_REQUESTS: u32 = 10_000;
/// As a public HPACK dump of a real ALB shows its SETTINGS and its first WINDOW_UPDATE.
const STREAM_WINDOW: u32 = 65_536;
const CONNECTION_WINDOW: u32 = 65_535 + 8_388_352;
const LARGEST_FRAME: u32 = 16_777_215;
/// How long a client may take to acknowledge the end of an idle connection.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves one connection; every stream is a separate task on this thread.
pub(crate) async fn serve(worker: Rc<Worker>, connection: Connection, stream: TlsStream<Corked>) {
    let idle_timeout = worker.snapshot().table.attributes.idle_timeout;
    let (fault, refusals) = (Fault::default(), Rc::new(Refusals::default()));
    let handshake = server::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(LARGEST_FRAME)
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEADER_LIST)
        .data_frame_budget(FRAMES_BUDGET)
        .handshake(Heads::new(stream, Rc::clone(&fault), Rc::clone(&refusals)));
    let connection = Rc::new(connection);
    let mut h2 = match tokio::time::timeout(idle_timeout, handshake).await {
        Ok(Ok(h2)) => h2,
        Ok(Err(error)) => return note_end(&worker, &connection, &error),
        Err(_) => return,
    };
    let idle = Rc::new(IdleTimer::new(idle_timeout));
    let streams = Rc::new(Cell::new(0_usize));
    let parting = Rc::new(Cell::new(false));
    let mut requests = 0;
    let mut leaving = false;
    let mut draining = pin!(worker.drain.begins());
    let mut outlived = pin!(tokio::time::sleep_until(connection.last_request_after()));
    loop {
        let event = poll_fn(|cx| {
            match h2.poll_accept(cx) {
                Poll::Ready(Some(Ok(request))) => return Poll::Ready(Event::Request(request)),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Event::Failed(error)),
                Poll::Ready(None) => return Poll::Ready(Event::End),
                Poll::Pending => {}
            }
            if let Some(reason) = fault.get() {
                return Poll::Ready(Event::Fault(reason));
            }
            if refusals.is_due() {
                return Poll::Ready(Event::Refused);
            }
            let mut must_leave = |cx: &mut Context<'_>| {
                connection.listener.is_over()
                    || parting.get()
                    || draining.as_mut().poll(cx).is_ready()
                    || outlived.as_mut().poll(cx).is_ready()
            };
            if !leaving && must_leave(cx) {
                return Poll::Ready(Event::Leave);
            }
            ready!(idle.poll_expired(cx));
            Poll::Ready(Event::Idle)
        });
        let event = event.await;
        refusals.take().into_iter().for_each(|refused| note_refused(&worker, &connection, refused));
        match event {
            Event::Refused => {}
            // Nothing has been done with it: the client may ask again elsewhere.
            Event::Request((mut request, mut respond)) if connection.listener.is_over() => {
                let stream = respond.stream_id().into();
                refusals.accepted(stream);
                refusals.keep(stream, Refused { head: Received::head_of(&mut request), too_many: false });
                respond.send_reset(Reason::REFUSED_STREAM);
            }
            Event::Request((request, respond)) => {
                idle.touch();
                refusals.accepted(respond.stream_id().into());
                requests += 1;
                if requests == MOST_REQUESTS {
                    h2.graceful_shutdown();
                    leaving = true;
                }
                streams.set(streams.get() + 1);
                let (worker, connection) = (Rc::clone(&worker), Rc::clone(&connection));
                let (streams, idle) = (Rc::clone(&streams), Rc::clone(&idle));
                let (parting, refusals) = (Rc::clone(&parting), Rc::clone(&refusals));
                tokio::task::spawn_local(async move {
                    // Boxed: its state is large, and that of a task is copied three times when it is spawned and once
                    // when it ends: a quarter of all that a small request copied.
                    Box::pin(serve_stream(&worker, &connection, request, respond, idle_timeout, &parting)).await;
                    streams.set(streams.get() - 1);
                    refusals.ended();
                    idle.touch();
                });
            }
            Event::End => return,
            Event::Failed(error) => return note_end(&worker, &connection, &error),
            Event::Fault(reason) => {
                request::refuse_connection(&worker, &connection, format!("heads of HTTP/2 out of order: {reason}"));
                h2.abrupt_shutdown(reason);
                let _ = tokio::time::timeout(FAREWELL, poll_fn(|cx| h2.poll_closed(cx))).await;
                return;
            }
            Event::Leave => {
                h2.graceful_shutdown();
                leaving = true;
            }
            // Streams look after themselves.
            Event::Idle if streams.get() > 0 => idle.touch(),
            Event::Idle => {
                h2.abrupt_shutdown(Reason::NO_ERROR);
                let _ = tokio::time::timeout(FAREWELL, poll_fn(|cx| h2.poll_closed(cx))).await;
                return;
            }
        }
    }
}

#[expect(clippy::large_enum_variant, reason = "moved once, at once")]
enum Event {
    /// A stream was opened.
    Request((http::Request<RecvStream>, SendResponse<Bytes>)),
    /// The client is gone.
    End,
    /// The connection broke, or `h2` has ended it.
    Failed(h2::Error),
    /// We end it.
    Fault(Reason),
    /// Streams were refused.
    Refused,
    /// Nothing more should come than is under way.
    Leave,
    /// Nothing has moved for the idle timeout.
    Idle,
}

/// A connection that `h2` ends because of what its client sent leaves a line as a request would; one that breaks does not.
fn note_end(worker: &Worker, connection: &Connection, error: &h2::Error) {
    if error.is_library() && !error.is_io() && error.reason() != Some(Reason::NO_ERROR) {
        request::refuse_connection(worker, connection, format!("frames of HTTP/2 out of order: {error}"));
    }
}

/// A stream that was refused leaves a line as well. Too many are the client's fault, as whatever else breaks the rules of
/// HTTP/2 is; of one whose listener is gone nothing was decided.
fn note_refused(worker: &Worker, connection: &Connection, refused: Refused) {
    let head = refused.head.map(|head| Head::read(Some(head)).0).unwrap_or_default();
    let facts = Some(head.facts(connection.client)).filter(|facts| !facts.method.is_empty());
    let too_many = ProxyError::MalformedRequest("more streams than the client was told that it may open");
    let error = if refused.too_many { too_many } else { ProxyError::NoTargets };
    request::refuse_stream(worker, connection, facts, head.size_on_the_wire(), &error);
}

async fn serve_stream(
    worker: &Worker,
    connection: &Connection,
    request: http::Request<RecvStream>,
    respond: SendResponse<Bytes>,
    idle_timeout: Duration,
    parting: &Cell<bool>,
) {
    let idle = IdleTimer::new(idle_timeout);
    let _enlisted = worker.wakers.enlist().await;
    let sender = RefCell::new(Sender::Waiting(respond));
    let (received, inflow) = Received::from_h2(request);
    let inflow = RefCell::new(inflow);
    // What came together with the head may contradict it.
    let malformed = poll_fn(|cx| Poll::Ready(inflow.borrow_mut().gather(cx).malformed())).await;
    let received = received.with_body(malformed);
    let mut client = Http2Client::new(worker, connection.client, received, &inflow, &sender, &idle);
    // "Closes the client and target connections" of an ambiguous request, and of a blocked one: here, once its answer
    // and those of other streams are complete. The response wakes the connection's task, which then looks.
    if client.assessment.verdict != Verdict::Pass {
        parting.set(true);
    }
    let mut serving = pin!(async {
        let settled = request::serve(worker, connection, ClientProtocol::Http2, &mut client, &idle).await;
        // A reset would be allowed here (RFC 9113, section 8.1), but curl 7.88 takes it for a failure of the request, and
        // nginx reads on as well.
        if settled == Settled::Answered {
            let discarded = client.body.discard(&idle).await;
            if let Err(ProxyError::MalformedRequest(_)) = discarded {
                sender.borrow_mut().reset(Reason::PROTOCOL_ERROR);
            }
        }
    });
    poll_fn(|cx| {
        // Whatever the request waits for: what has come must not wait in `h2`.
        inflow.borrow_mut().gather(cx);
        serving.as_mut().poll(cx)
    })
    .await;
}
