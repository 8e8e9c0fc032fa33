//! A stream as a client: its head and its incoming body.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::RecvStream;
use http::HeaderValue;

use super::head::{Head, Refusal};
use super::responder::{Http2Responder, Sender};
use crate::alb::head::headers::ClientProtocol;
use crate::alb::request::desync;
use crate::alb::request::desync::Assessment;
use crate::alb::targets::protocols::RequestProtocol;
use crate::http1::body::Next;
use crate::http1::fields::FieldKind;
use crate::http1::framing::BodyHeader;
use crate::http1::framing::content_length;
use crate::proxy::answer::error::ProxyError;
use crate::proxy::answer::respond::ResponseHints;
use crate::proxy::client::{Client, Request, RequestBody};
use crate::proxy::context::Worker;
use crate::proxy::io::buffer::Buffer;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::inflow::{Failure, Inflow};
use crate::proxy::io::stream::Stream;
use crate::proxy::telemetry::transaction::HttpVersion;

/// One stream.
pub(super) struct Http2Client<'c> {
    head: Head,
    client: SocketAddr,
    body_header: BodyHeader,
    /// Why it is not served, if it is not.
    refusal: Option<ProxyError>,
    pub(super) assessment: Assessment,
    pub(super) body: Http2Body<'c>,
    responder: Http2Responder<'c>,
}

/// What a stream's request is made of, before it is looked at.
pub(super) struct Received {
    head: Head,
    refusal: Option<Refusal>,
    body: BodyHeader,
}

impl Received {
    /// The head that [`super::heads`] put into a request of `h2`.
    pub(super) fn head_of(request: &mut http::Request<RecvStream>) -> Option<HeaderValue> {
        request.headers_mut().remove(http::header::COOKIE)
    }

    /// Takes a request of `h2` apart.
    pub(super) fn from_h2(mut request: http::Request<RecvStream>) -> (Self, Inflow) {
        let (head, mut refusal) = Head::read(Self::head_of(&mut request));
        let stream = request.into_body();
        let length = content_length(head.fields());
        let body = match length {
            Ok(Some(length)) => BodyHeader::Length(length),
            _ if stream.is_end_stream() => BodyHeader::None,
            _ => BodyHeader::Chunked,
        };
        if stream.is_end_stream() && matches!(body, BodyHeader::Length(1..)) {
            refusal.get_or_insert(Refusal::malformed("a body shorter than Content-Length"));
        }
        if let Err(what) = length {
            refusal.get_or_insert(Refusal { error: ProxyError::MalformedRequest(what), is_malformed: false });
        }
        (Self { head, refusal, body }, Inflow::of_request(stream, length.ok().flatten()))
    }

    /// With the error of its body, if it already has one.
    pub(super) fn with_body(mut self, malformed: Option<&'static str>) -> Self {
        self.refusal = self.refusal.or(malformed.map(Refusal::malformed));
        self
    }
}

impl<'c> Http2Client<'c> {
    pub(super) fn new(
        worker: &'c Worker,
        client: SocketAddr,
        received: Received,
        inflow: &'c RefCell<Inflow>,
        sender: &'c RefCell<Sender>,
        idle: &'c IdleTimer,
    ) -> Self {
        let Received { head, refusal, body: body_header } = received;
        let is_malformed = refusal.as_ref().is_some_and(|refusal| refusal.is_malformed);
        // What cannot be said in HTTP/1 at all, or was too large to be kept, cannot be judged as that.
        let assessment = if is_malformed || head.method().is_empty() {
            Assessment::default()
        } else {
            let mode = worker.snapshot().table.attributes.desync_mitigation_mode;
            desync::judge_http2(&head.facts(client), mode)
        };
        let received = head.size_on_the_wire();
        Self {
            assessment,
            client,
            body_header,
            refusal: refusal.map(|refusal| refusal.error),
            body: Http2Body { inflow, current: Bytes::new(), sender, idle, received },
            responder: Http2Responder::new(worker, sender, idle, is_malformed),
            head,
        }
    }
}

impl<'c> Client for Http2Client<'c> {
    type Body = Http2Body<'c>;
    type Responder = Http2Responder<'c>;

    fn take_assessment(&mut self) -> Assessment {
        std::mem::take(&mut self.assessment)
    }

    fn hints(&self) -> ResponseHints {
        if self.refusal.is_some() {
            return ResponseHints::default();
        }
        let fields = self.head.fields();
        let grpc = RequestProtocol::from_head(ClientProtocol::Http2, fields) == RequestProtocol::Grpc;
        ResponseHints { grpc, ..ResponseHints::new(self.head.method(), fields.first(FieldKind::UserAgent)) }
    }

    fn request(&self) -> Result<Request<'_>, ProxyError> {
        if let Some(error) = &self.refusal {
            return Err(error.clone());
        }
        Ok(Request {
            facts: self.head.facts(self.client),
            client_protocol: ClientProtocol::Http2,
            version: HttpVersion::Http2,
            body: self.body_header,
            upgrade: false,
            head_size: self.head.size(),
        })
    }

    fn split(&mut self) -> (&mut Http2Body<'c>, &mut Http2Responder<'c>) {
        (&mut self.body, &mut self.responder)
    }
}

/// The body of a request as it comes in.
pub(in crate::proxy) struct Http2Body<'c> {
    inflow: &'c RefCell<Inflow>,
    current: Bytes,
    sender: &'c RefCell<Sender>,
    idle: &'c IdleTimer,
    received: u64,
}

impl RequestBody for Http2Body<'_> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, ProxyError>> {
        let mut inflow = self.inflow.borrow_mut();
        if self.current.is_empty() {
            match ready!(inflow.poll_next(cx)).map_err(failed)? {
                Some(data) => {
                    self.idle.touch();
                    self.current = data;
                }
                None => return Poll::Ready(Ok(Next::End)),
            }
        }
        Poll::Ready(Ok(Next::Data { length: self.current.len(), last: inflow.is_over() }))
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
        self.inflow.borrow_mut().release(count);
    }

    fn poll_trailers(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<http::HeaderMap>, ProxyError>> {
        Poll::Ready(Ok(self.inflow.borrow_mut().take_trailers()))
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

fn failed(failure: Failure) -> ProxyError {
    match failure {
        Failure::Malformed(what) => ProxyError::MalformedRequest(what),
        Failure::OutOfOrder => ProxyError::MalformedRequest("frames out of order"),
        Failure::Gone => ProxyError::ClientGone,
    }
}
