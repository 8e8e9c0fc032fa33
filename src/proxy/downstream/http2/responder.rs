//! Writes a stream's response.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{HeaderName, HeaderValue};

use crate::http1::fields::FieldKind;
use crate::http1::framing::ResponseFraming;
use crate::http1::message;
use crate::proxy::answer::additions::Additions;
use crate::proxy::answer::error::ProxyError;
use crate::proxy::answer::respond;
use crate::proxy::answer::respond::{Answer, ResponseHints};
use crate::proxy::client::{Responder, TargetHead};
use crate::proxy::context::Worker;
use crate::proxy::io::idle::IdleTimer;

/// The sending half of a stream: first the head, then data.
pub(super) enum Sender {
    Waiting(SendResponse<Bytes>),
    Started(SendStream<Bytes>),
}

impl Sender {
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Waiting(respond) => respond.poll_reset(cx).map(|_| ()),
            Self::Started(stream) => stream.poll_reset(cx).map(|_| ()),
        }
    }

    pub(super) fn reset(&mut self, reason: Reason) {
        match self {
            Self::Waiting(respond) => respond.send_reset(reason),
            Self::Started(stream) => stream.send_reset(reason),
        }
    }
}

/// The response as it goes out.
pub(in crate::proxy) struct Http2Responder<'c> {
    worker: &'c Worker,
    sender: &'c RefCell<Sender>,
    idle: &'c IdleTimer,
    /// Its request breaks the rules of HTTP/2: the stream is reset behind the answer.
    resets: bool,
    sent: u64,
}

impl<'c> Http2Responder<'c> {
    pub(super) fn new(worker: &'c Worker, sender: &'c RefCell<Sender>, idle: &'c IdleTimer, resets: bool) -> Self {
        Self { worker, sender, idle, resets, sent: 0 }
    }

    /// Ends the stream with an error, behind what was sent so far.
    async fn reset(&mut self, reason: Reason) {
        // A reset throws away what is queued. What was sent so far should go first, as it does in HTTP/1, and the
        // connection's task is already waiting for its turn to send it.
        tokio::task::yield_now().await;
        self.sender.borrow_mut().reset(reason);
    }

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

    async fn answer(&mut self, answer: &Answer, hints: ResponseHints, additions: &Additions) -> Result<(), ProxyError> {
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
        if self.resets {
            self.start(response, false)?;
            self.data(&answer.body, false).await?;
            self.reset(Reason::PROTOCOL_ERROR).await;
            return Ok(());
        }
        let without_body = answer.body.is_empty() || hints.head_only;
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
        let rest =
            head.fields.iter().filter(|field| !hoisted.contains(&field.kind) && !message::is_of_connection(field.name));
        for cookie in &head.additions.cookies {
            if let Ok(value) = HeaderValue::from_str(cookie) {
                headers.append(http::header::SET_COOKIE, value);
            }
        }
        for field in first.chain(rest) {
            if field.kind == FieldKind::ContentLength && !head.states_length() {
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

    async fn abort(&mut self) {
        self.reset(Reason::INTERNAL_ERROR).await;
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

pub(super) fn fields_size(headers: &http::HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

fn status_code(status: u16) -> Result<http::StatusCode, ProxyError> {
    http::StatusCode::from_u16(status).map_err(|_| ProxyError::MalformedResponse("a status code below 100"))
}
