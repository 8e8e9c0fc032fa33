//! What the request path needs from a client, independent of its protocol.
//!
//! Two implementations: [`super::downstream::http1`] and [`super::downstream::http2`]. The body that comes in and the response that goes out
//! are separate objects, because both move at the same time.

use std::future::poll_fn;
use std::task::{Context, Poll};

use http::HeaderMap;

use super::answer::error::ProxyError;
use super::answer::respond::{Answer, ResponseHints};
use super::io::buffer::Buffer;
use super::io::idle::IdleTimer;
use super::io::stream::Stream;
use super::telemetry::transaction::HttpVersion;
use crate::alb::head::headers::ClientProtocol;
use crate::alb::request::desync::Assessment;
use crate::alb::request::facts::RequestFacts;
use crate::http1::body::Next;
use crate::http1::fields::Fields;
use crate::http1::framing::BodyHeader;
use crate::http1::framing::ResponseFraming;
use crate::http1::message;
use crate::proxy::answer::additions::Additions;

/// A request whose head has been read and understood.
pub(super) struct Request<'a> {
    pub(super) facts: RequestFacts<'a>,
    pub(super) client_protocol: ClientProtocol,
    pub(super) version: HttpVersion,
    pub(super) body: BodyHeader,
    /// It asks to become a WebSocket.
    pub(super) upgrade: bool,
    pub(super) head_size: usize,
}

/// The head of a target's response.
pub(super) struct TargetHead<'a> {
    pub(super) status: u16,
    pub(super) reason: &'a [u8],
    pub(super) fields: Fields<'a>,
    pub(super) framing: ResponseFraming,
    pub(super) additions: &'a Additions,
}

impl TargetHead<'_> {
    /// Whether the client is told the length that the target states.
    pub(super) fn states_length(&self) -> bool {
        match self.framing {
            // With chunks the length was not believed.
            ResponseFraming::Chunked => false,
            ResponseFraming::None => message::may_state_length(self.status),
            ResponseFraming::Length(_) | ResponseFraming::UntilClose => true,
        }
    }
}

/// One request and the way back to its client.
pub(super) trait Client {
    type Body: RequestBody;
    type Responder: Responder;

    /// What desync mitigation says of the head.
    fn take_assessment(&mut self) -> Assessment;
    /// The facts of the head that shape a response, if it could be parsed.
    fn hints(&self) -> ResponseHints;
    /// The head, or why it could not be understood.
    fn request(&self) -> Result<Request<'_>, ProxyError>;
    /// Both directions.
    fn split(&mut self) -> (&mut Self::Body, &mut Self::Responder);
}

/// The body of a request as it comes in.
pub(super) trait RequestBody {
    /// Waits for data, or the end. After data the same is said again until it is consumed.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, ProxyError>>;
    /// Data that [`RequestBody::poll_next`] announced.
    fn data(&self) -> &[u8];
    /// Takes data away.
    fn consume(&mut self, count: usize);
    /// Waits for the fields after the body; call it only after the body's end. HTTP/1.1 also has them, with chunks:
    /// nginx leaves those behind, and nothing is known of an ALB that passes them on.
    fn poll_trailers(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<HeaderMap>, ProxyError>> {
        Poll::Ready(Ok(None))
    }
    /// Ready when the client has gone; only to be asked after the end of the body.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()>;
    /// Ready when the request is lost while nothing of its body has been taken yet: its client has gone, or broken off.
    fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<ProxyError> {
        match self.poll_next(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(error),
            Poll::Ready(Ok(Next::End | Next::More)) => self.poll_gone(cx).map(|()| ProxyError::ClientGone),
            // What has arrived is in the way of the end, should that follow.
            Poll::Ready(Ok(Next::Data { .. })) | Poll::Pending => Poll::Pending,
        }
    }
    /// The connection and what was read from it already, for a protocol that takes it over; `None` in HTTP/2.
    fn raw(&mut self) -> Option<(&Stream, &mut Buffer)>;
    /// Bytes received so far, head and framing included.
    fn received_bytes(&self) -> u64;

    /// Reads on until the body has ended and throws it away: what a client still sends after an early answer.
    async fn discard(&mut self, idle: &IdleTimer) -> Result<(), ProxyError> {
        loop {
            let next = idle.guard(poll_fn(|cx| self.poll_next(cx))).await;
            match next.unwrap_or(Err(ProxyError::RequestTimeout))? {
                Next::Data { length, .. } => self.consume(length),
                Next::More | Next::End => return Ok(()),
            }
        }
    }
}

/// The response as it goes out. All errors mean that the client has gone.
pub(super) trait Responder {
    /// Answers `Expect: 100-continue`, where that is due.
    async fn send_continue(&mut self) -> Result<(), ProxyError>;
    /// Sends a response of the load balancer's own.
    async fn answer(&mut self, answer: &Answer, hints: ResponseHints, additions: &Additions) -> Result<(), ProxyError>;
    /// Prepares the head of a target's response; it leaves together with the first data.
    fn head(&mut self, head: &TargetHead<'_>) -> Result<(), ProxyError>;
    /// Sends data, in one piece with what was prepared before. `last`: nothing but the end follows.
    async fn data(&mut self, data: &[u8], last: bool) -> Result<(), ProxyError>;
    /// Sends whatever was only prepared, because nothing follows for now.
    async fn flush(&mut self) -> Result<(), ProxyError>;
    /// Ends the response.
    async fn finish(&mut self) -> Result<(), ProxyError>;
    /// Ends it with the fields that follow the body, where the protocol has such.
    async fn trailers(&mut self, _: HeaderMap) -> Result<(), ProxyError> {
        self.finish().await
    }
    /// Ends it in a way that tells the client it is incomplete.
    async fn abort(&mut self);
    /// Bytes sent so far, head and framing included.
    fn sent_bytes(&self) -> u64;
}
