//! HTTP/2 with clients, on the `h2` crate: it owns frames and flow control, we own requests.
//!
//! `h2` rather than hyper on top of it: streams come as plain objects to read from and to write to, which is what the
//! request path wants, and the settings, the GOAWAY rules and the resets are ours to decide.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{HeaderName, HeaderValue};
use tokio_rustls::server::TlsStream;

use super::buffer::Buffer;
use super::client::{Additions, Client, Request, RequestBody, Responder, TargetHead};
use super::connection::Connection;
use super::cork::Corked;
use super::error::ProxyError;
use super::http1::{Next, ResponseFraming};
use super::idle::IdleTimer;
use super::request::{self, Settled};
use super::respond::{self, Answer, Traits};
use super::stream::Stream;
use super::transaction::HttpVersion;
use super::worker::Worker;
use crate::engine::desync::{self, Judgement, Verdict};
use crate::engine::facts::{FieldKind, FieldList, RequestFacts};
use crate::engine::headers::{BodyHeader, Front};
use crate::engine::protocols::RequestProtocol;

/// ALB user guide, "Listeners": at most 128 concurrent streams.
const MOST_STREAMS: u32 = 128;
/// ALB user guide, troubleshooting: after so many requests the connection gets a GOAWAY.
const MOST_REQUESTS: u32 = 10_000;
/// As a public HPACK dump of a real ALB shows its SETTINGS and its first WINDOW_UPDATE.
const STREAM_WINDOW: u32 = 65_536;
const CONNECTION_WINDOW: u32 = 65_535 + 8_388_352;
const LARGEST_FRAME: u32 = 16_777_215;
/// Larger heads are refused by us with the load balancer's page, so `h2` has to let them through first.
const LARGEST_HEADER_LIST: u32 = 128 * 1024;
/// ALB user guide, quotas: 64 K for all headers, 16 K for one.
const LARGEST_HEAD: usize = 64 * 1024;
const LARGEST_FIELD: usize = 16 * 1024;
/// What `h2` may spend on remembering frames that wait for a slow reader. Beyond it the connection is closed, with the
/// requests of everybody else, so it is what messages of ten bytes come to when every window is full of them.
pub(super) const FRAMES_BUDGET: usize = 256 * 1024 * 1024;
/// How long a client may take to acknowledge the end of an idle connection.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves one connection; every stream is a task of its own on this thread.
pub(super) async fn serve(worker: Rc<Worker>, connection: Connection, stream: TlsStream<Corked>) {
    let idle_timeout = worker.snapshot().table.attributes.idle_timeout;
    let handshake = h2::server::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(LARGEST_FRAME)
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEADER_LIST)
        .data_frame_budget(FRAMES_BUDGET)
        .handshake(stream);
    let Ok(Ok(mut h2)) = tokio::time::timeout(idle_timeout, handshake).await else { return };
    let connection = Rc::new(connection);
    let idle = Rc::new(IdleTimer::new(idle_timeout));
    let streams = Rc::new(Cell::new(0_usize));
    let parting = Rc::new(Cell::new(false));
    let mut requests = 0;
    let mut leaving = false;
    let mut draining = pin!(worker.drain.begins());
    let mut outlived = pin!(tokio::time::sleep_until(connection.last_request_after()));
    loop {
        let event = poll_fn(|cx| {
            if let Poll::Ready(accepted) = h2.poll_accept(cx) {
                // An error ends the connection just as its end does.
                return Poll::Ready(accepted.and_then(Result::ok).map_or(Event::End, Event::Request));
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
        match event.await {
            // Nothing has been done with it: the client may ask again elsewhere.
            Event::Request((_, mut respond)) if connection.listener.is_over() => {
                respond.send_reset(Reason::REFUSED_STREAM);
            }
            Event::Request((request, respond)) => {
                idle.touch();
                requests += 1;
                if requests == MOST_REQUESTS {
                    h2.graceful_shutdown();
                    leaving = true;
                }
                streams.set(streams.get() + 1);
                let (worker, connection) = (Rc::clone(&worker), Rc::clone(&connection));
                let (streams, idle) = (Rc::clone(&streams), Rc::clone(&idle));
                let parting = Rc::clone(&parting);
                tokio::task::spawn_local(async move {
                    serve_stream(&worker, &connection, request, respond, idle_timeout, &parting).await;
                    streams.set(streams.get() - 1);
                    idle.touch();
                });
            }
            Event::End => return,
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
    /// Nothing more should come than is under way.
    Leave,
    /// Nothing has moved for the idle timeout.
    Idle,
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
    let _enlisted = worker.alarm.enlist().await;
    let sender = RefCell::new(Sender::Waiting(respond));
    let mut client = Http2Client::new(worker, connection.client, request, &sender, &idle);
    // "Closes the client and target connections" of an ambiguous request, and of a blocked one: here, once its answer
    // and those of other streams are complete. The response wakes the connection's task, which then looks.
    if client.judgement.verdict != Verdict::Pass {
        parting.set(true);
    }
    let settled = request::serve(worker, connection, Front::Http2, &mut client, &idle).await;
    // A reset would be allowed here (RFC 9113, section 8.1), but curl 7.88 takes it for a failure of the request, and
    // nginx reads on as well.
    if settled == Settled::Answered {
        let _ = client.body.discard(&idle).await;
    }
}

/// One stream.
struct Http2Client<'c> {
    method: http::Method,
    uri: http::Uri,
    fields: FieldList,
    client: SocketAddr,
    body_header: BodyHeader,
    too_large: bool,
    judgement: Judgement,
    body: Http2Body<'c>,
    responder: Http2Responder<'c>,
}

impl<'c> Http2Client<'c> {
    fn new(
        worker: &'c Worker,
        client: SocketAddr,
        request: http::Request<RecvStream>,
        sender: &'c RefCell<Sender>,
        idle: &'c IdleTimer,
    ) -> Self {
        let (parts, stream) = request.into_parts();
        let mut fields = FieldList::default();
        let mut too_large = false;
        for (name, value) in &parts.headers {
            too_large |= name.as_str().len() + value.len() + ": ".len() >= LARGEST_FIELD;
            fields.push(name.as_str().as_bytes(), value.as_bytes());
        }
        too_large |= fields.size() > LARGEST_HEAD || parts.uri.path().len() >= LARGEST_FIELD;
        // `h2` has made sure that the length, if there is one, is a number and agrees with the data.
        let length = fields.fields().first(FieldKind::ContentLength);
        let length = length.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let body_header = match length {
            Some(length) => BodyHeader::Length(length),
            None if stream.is_end_stream() => BodyHeader::None,
            None => BodyHeader::Chunked,
        };
        let received = request_size(&parts.method, &parts.uri, &parts.headers);
        let mode = worker.snapshot().table.attributes.desync_mitigation_mode;
        let judgement = desync::judge_http2(&facts_of(&parts.method, &parts.uri, &fields, client), mode);
        Self {
            judgement,
            method: parts.method,
            uri: parts.uri,
            fields,
            client,
            body_header,
            too_large,
            body: Http2Body { stream, current: Bytes::new(), sender, idle, received },
            responder: Http2Responder { worker, sender, idle, sent: 0 },
        }
    }
}

impl<'c> Client for Http2Client<'c> {
    type Body = Http2Body<'c>;
    type Responder = Http2Responder<'c>;

    fn take_judgement(&mut self) -> Judgement {
        std::mem::take(&mut self.judgement)
    }

    fn take_refusal(&mut self) -> Option<ProxyError> {
        self.too_large.then_some(ProxyError::RequestHeadTooLarge)
    }

    fn request(&self) -> Request<'_> {
        let facts = facts_of(&self.method, &self.uri, &self.fields, self.client);
        let grpc = RequestProtocol::of(Front::Http2, facts.fields) == RequestProtocol::Grpc;
        Request {
            traits: Traits { grpc, ..Traits::new(facts.method, facts.fields.first(FieldKind::UserAgent)) },
            facts,
            front: Front::Http2,
            version: HttpVersion::Http2,
            body: self.body_header,
            upgrade: false,
            head_size: self.fields.size(),
        }
    }

    fn legs(&mut self) -> (&mut Http2Body<'c>, &mut Http2Responder<'c>) {
        (&mut self.body, &mut self.responder)
    }
}

fn facts_of<'a>(
    method: &'a http::Method,
    uri: &'a http::Uri,
    fields: &'a FieldList,
    client: SocketAddr,
) -> RequestFacts<'a> {
    RequestFacts {
        method: method.as_str().as_bytes(),
        authority: uri.authority().map(|authority| authority.as_str().as_bytes()),
        path: uri.path().as_bytes(),
        query: uri.query().map(str::as_bytes),
        fields: fields.fields(),
        client,
    }
}

/// The sending half of a stream: first the head, then data.
enum Sender {
    Waiting(SendResponse<Bytes>),
    Started(SendStream<Bytes>),
}

impl Sender {
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Waiting(respond) => respond.poll_reset(cx).map(|_| ()),
            Self::Started(stream) => stream.poll_reset(cx).map(|_| ()),
        }
    }

    fn reset(&mut self, reason: Reason) {
        match self {
            Self::Waiting(respond) => respond.send_reset(reason),
            Self::Started(stream) => stream.send_reset(reason),
        }
    }
}

/// The body of a request as it comes in.
pub(super) struct Http2Body<'c> {
    stream: RecvStream,
    current: Bytes,
    sender: &'c RefCell<Sender>,
    idle: &'c IdleTimer,
    received: u64,
}

impl RequestBody for Http2Body<'_> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, ProxyError>> {
        while self.current.is_empty() {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    self.idle.touch();
                    self.current = data;
                }
                Some(Err(_)) => return Poll::Ready(Err(ProxyError::ClientGone)),
                None => return Poll::Ready(Ok(Next::End)),
            }
        }
        let length = self.current.len();
        Poll::Ready(Ok(Next::Data { length, last: self.stream.is_end_stream() }))
    }

    fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<ProxyError> {
        if self.poll_gone(cx).is_ready() {
            return Poll::Ready(ProxyError::ClientGone);
        }
        match self.poll_next(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(error),
            _ => Poll::Pending,
        }
    }

    fn data(&self) -> &[u8] {
        &self.current
    }

    fn consume(&mut self, count: usize) {
        self.current.advance(count);
        self.received += count as u64;
        // The client may send as much again only now that the target has taken it.
        let _ = self.stream.flow_control().release_capacity(count);
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<http::HeaderMap>, ProxyError>> {
        self.stream.poll_trailers(cx).map_err(|_| ProxyError::ClientGone)
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sender.borrow_mut().poll_reset(cx)
    }

    fn raw(&mut self) -> Option<(&Stream, &mut Buffer)> {
        None
    }

    fn received_bytes(&self) -> u64 {
        self.received
    }
}

/// The response as it goes out.
pub(super) struct Http2Responder<'c> {
    worker: &'c Worker,
    sender: &'c RefCell<Sender>,
    idle: &'c IdleTimer,
    sent: u64,
}

impl Http2Responder<'_> {
    fn start(&mut self, response: http::Response<()>, end: bool) -> Result<(), ProxyError> {
        let mut sender = self.sender.borrow_mut();
        let Sender::Waiting(respond) = &mut *sender else { return Ok(()) };
        self.sent += response_size(response.headers());
        let stream = respond.send_response(response, end).map_err(|_| ProxyError::ClientGone)?;
        *sender = Sender::Started(stream);
        Ok(())
    }

    /// Waits until the client is willing to take some of `wanted` bytes.
    async fn capacity(&self, wanted: usize) -> Result<usize, ProxyError> {
        poll_fn(|cx| {
            let mut sender = self.sender.borrow_mut();
            let Sender::Started(stream) = &mut *sender else { return Poll::Ready(Err(ProxyError::ClientGone)) };
            stream.reserve_capacity(wanted);
            loop {
                match stream.capacity() {
                    0 => match ready!(stream.poll_capacity(cx)) {
                        Some(Ok(_)) => {}
                        _ => return Poll::Ready(Err(ProxyError::ClientGone)),
                    },
                    capacity => return Poll::Ready(Ok(capacity.min(wanted))),
                }
            }
        })
        .await
    }

    fn send(&mut self, data: Bytes, end: bool) -> Result<(), ProxyError> {
        self.sent += data.len() as u64;
        match &mut *self.sender.borrow_mut() {
            Sender::Started(stream) => stream.send_data(data, end).map_err(|_| ProxyError::ClientGone),
            Sender::Waiting(_) => Err(ProxyError::ClientGone),
        }
    }
}

impl Responder for Http2Responder<'_> {
    /// HTTP/2: neither answered nor forwarded (ELB user guide, "How Elastic Load Balancing works").
    async fn send_continue(&mut self) -> Result<(), ProxyError> {
        Ok(())
    }

    async fn answer(&mut self, answer: &Answer, traits: Traits, additions: &Additions) -> Result<(), ProxyError> {
        let mut response = http::Response::new(());
        *response.status_mut() = status_code(answer.status)?;
        let headers = response.headers_mut();
        let mut insert = |name: HeaderName, value: &[u8]| {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.insert(name, value);
            }
        };
        if additions.server() {
            insert(http::header::SERVER, respond::SERVER.as_bytes());
        }
        self.worker.dates.with(self.worker.now(), |date| insert(http::header::DATE, date));
        if !answer.content_type.is_empty() {
            insert(http::header::CONTENT_TYPE, answer.content_type.as_bytes());
        }
        insert(http::header::CONTENT_LENGTH, itoa::Buffer::new().format(answer.body.len()).as_bytes());
        if let Some(location) = &answer.location {
            insert(http::header::LOCATION, location);
        }
        if let Some((status, message)) = answer.grpc {
            insert(HeaderName::from_static("grpc-status"), status.as_bytes());
            insert(HeaderName::from_static("grpc-message"), message.as_bytes());
        }
        set(headers, additions);
        let without_body = answer.body.is_empty() || traits.head_only;
        self.start(response, without_body)?;
        if without_body {
            return Ok(());
        }
        self.data(&answer.body, true).await
    }

    fn head(&mut self, head: &TargetHead<'_>) -> Result<(), ProxyError> {
        let mut response = http::Response::new(());
        *response.status_mut() = status_code(head.status)?;
        let headers = response.headers_mut();
        let hoisted = [FieldKind::Date, FieldKind::ContentType, FieldKind::ContentLength];
        let first =
            hoisted.into_iter().flat_map(|kind| head.fields.iter().filter(move |field| field.kind == kind).take(1));
        let rest = head.fields.iter().filter(|field| !hoisted.contains(&field.kind) && !is_of_connection(field.name));
        for cookie in &head.additions.cookies {
            if let Ok(value) = HeaderValue::from_str(cookie) {
                headers.append(http::header::SET_COOKIE, value);
            }
        }
        for field in first.chain(rest) {
            // With chunks the length was not believed.
            if field.kind == FieldKind::ContentLength && head.framing == ResponseFraming::Chunked {
                continue;
            }
            let name = HeaderName::from_bytes(field.name);
            let name = name.map_err(|_| ProxyError::MalformedResponse("an invalid header name"))?;
            let value = HeaderValue::from_bytes(field.value);
            let value = value.map_err(|_| ProxyError::MalformedResponse("an invalid header value"))?;
            headers.append(name, value);
        }
        set(headers, head.additions);
        let end = matches!(head.framing, ResponseFraming::None | ResponseFraming::Length(0));
        self.start(response, end)
    }

    async fn data(&mut self, mut data: &[u8], last: bool) -> Result<(), ProxyError> {
        while !data.is_empty() {
            let length = self.capacity(data.len()).await?;
            let (now, later) = data.split_at(length);
            self.send(Bytes::copy_from_slice(now), last && later.is_empty())?;
            self.idle.touch();
            data = later;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), ProxyError> {
        // Already ended by the head or by the last data: then there is nothing to be said, and `h2` refuses it.
        let _ = self.send(Bytes::new(), true);
        Ok(())
    }

    async fn trailers(&mut self, trailers: http::HeaderMap) -> Result<(), ProxyError> {
        self.sent += fields_size(&trailers) as u64;
        match &mut *self.sender.borrow_mut() {
            Sender::Started(stream) => stream.send_trailers(trailers).map_err(|_| ProxyError::ClientGone),
            Sender::Waiting(_) => Err(ProxyError::ClientGone),
        }
    }

    async fn cut(&mut self) {
        // A reset throws away what is queued. What was sent so far should go first, as it does in HTTP/1, and the
        // connection's task is already waiting for its turn to send it.
        tokio::task::yield_now().await;
        self.sender.borrow_mut().reset(Reason::INTERNAL_ERROR);
    }

    fn sent_bytes(&self) -> u64 {
        self.sent
    }
}

/// Headers of the listener, in place of a target's of the same name.
fn set(headers: &mut http::HeaderMap, additions: &Additions) {
    for (name, value) in additions.set() {
        // Both were checked with the configuration.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
}

/// Heads count as long as they would be in HTTP/1. What HPACK makes of them is known to `h2` alone, so logs and figures
/// say a little more than went over the wire; an ALB counts what went over the wire (user guide, "Access logs", example
/// HTTP/2 entry).
fn response_size(headers: &http::HeaderMap) -> u64 {
    ("HTTP/2.0 200\r\n\r\n".len() + fields_size(headers)) as u64
}

fn request_size(method: &http::Method, uri: &http::Uri, headers: &http::HeaderMap) -> u64 {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let host = uri.authority().map_or(0, |authority| authority.as_str().len() + "host: \r\n".len());
    (method.as_str().len() + target + "  HTTP/2.0\r\n\r\n".len() + host + fields_size(headers)) as u64
}

fn fields_size(headers: &http::HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

fn status_code(status: u16) -> Result<http::StatusCode, ProxyError> {
    http::StatusCode::from_u16(status).map_err(|_| ProxyError::MalformedResponse("a status code below 100"))
}

/// Fields that HTTP/2 does not have (RFC 9113, section 8.2.2).
pub(super) fn is_of_connection(name: &[u8]) -> bool {
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]
        .iter()
        .any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_bytes()))
}
