//! A stream as a client: its head, its body as it comes in.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::RecvStream;

use super::responder::{Http2Responder, Sender, fields_size};
use crate::engine::desync::{self, Judgement};
use crate::engine::facts::{FieldKind, FieldList, RequestFacts};
use crate::engine::headers::{BodyHeader, Front};
use crate::engine::protocols::RequestProtocol;
use crate::proxy::buffer::Buffer;
use crate::proxy::client::{Client, Request, RequestBody};
use crate::proxy::error::ProxyError;
use crate::proxy::http1::Next;
use crate::proxy::idle::IdleTimer;
use crate::proxy::respond::Traits;
use crate::proxy::stream::Stream;
use crate::proxy::transaction::HttpVersion;
use crate::proxy::worker::Worker;

/// ALB user guide, quotas: 64 K for all headers, 16 K for one, and for the URL.
const LARGEST_HEAD: usize = 64 * 1024;
const LARGEST_FIELD: usize = 16 * 1024;

/// One stream.
pub(super) struct Http2Client<'c> {
    method: http::Method,
    uri: http::Uri,
    fields: FieldList,
    client: SocketAddr,
    body_header: BodyHeader,
    /// What is too large, if anything is.
    refusal: Option<ProxyError>,
    pub(super) judgement: Judgement,
    pub(super) body: Http2Body<'c>,
    responder: Http2Responder<'c>,
}

impl<'c> Http2Client<'c> {
    pub(super) fn new(
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
        too_large |= fields.size() > LARGEST_HEAD;
        let url = parts.uri.path_and_query().map_or(0, |url| url.as_str().len());
        let refusal = match too_large {
            _ if url >= LARGEST_FIELD => Some(ProxyError::UrlTooLarge),
            true => Some(ProxyError::RequestHeadTooLarge),
            false => None,
        };
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
            refusal,
            body: Http2Body { stream, current: Bytes::new(), sender, idle, received },
            responder: Http2Responder::new(worker, sender, idle),
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
        self.refusal.take()
    }

    fn traits(&self) -> Traits {
        let fields = self.fields.fields();
        let grpc = RequestProtocol::of(Front::Http2, fields) == RequestProtocol::Grpc;
        Traits { grpc, ..Traits::new(self.method.as_str().as_bytes(), fields.first(FieldKind::UserAgent)) }
    }

    fn request(&self) -> Request<'_> {
        Request {
            facts: facts_of(&self.method, &self.uri, &self.fields, self.client),
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

/// The body of a request as it comes in.
pub(in crate::proxy) struct Http2Body<'c> {
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

fn request_size(method: &http::Method, uri: &http::Uri, headers: &http::HeaderMap) -> u64 {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let host = uri.authority().map_or(0, |authority| authority.as_str().len() + "host: \r\n".len());
    (method.as_str().len() + target + "  HTTP/2.0\r\n\r\n".len() + host + fields_size(headers)) as u64
}
