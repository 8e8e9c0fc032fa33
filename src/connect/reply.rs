//! What a client is answered if no server answers, in the words of Envoy, the proxy of Service Connect (Envoy
//! documentation, "HTTP upstream errors").

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, SERVER};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

/// The content of an answer.
pub(super) type Content = Either<Timed, Full<Bytes>>;

/// Why no server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No task runs.
    NobodyThere,
    /// No connection could be made.
    Connection,
    /// The connection ended before the head of an answer.
    Reset,
    /// No answer in time.
    Timeout,
}

impl Failure {
    fn status(self) -> StatusCode {
        match self {
            Self::NobodyThere | Self::Connection | Self::Reset => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NobodyThere => "no healthy upstream",
            Self::Connection => {
                "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
            }
            Self::Reset => {
                "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
            }
            Self::Timeout => "upstream request timeout",
        }
    }

    /// The answer. Clients of gRPC get a status of their own, UNAVAILABLE.
    pub(super) fn answer(self, is_grpc: bool) -> Response<Content> {
        let mut response = Response::new(Either::Right(Full::default()));
        let headers = response.headers_mut();
        headers.insert(SERVER, HeaderValue::from_static("envoy"));
        if is_grpc {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            headers.insert("grpc-status", HeaderValue::from_static("14"));
            headers.insert("grpc-message", HeaderValue::from_static(self.text()));
            return response;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        *response.status_mut() = self.status();
        *response.body_mut() = Either::Right(Full::new(self.text().into()));
        response
    }
}

/// Whether a request is one of gRPC.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// An answer that must be complete in time.
pub(super) struct Timed {
    inner: Incoming,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    pub(super) fn new(inner: Incoming, begun: Instant, limit: Option<Duration>) -> Self {
        let deadline = limit.map(|limit| Box::pin(tokio::time::sleep_until(begun + limit)));
        Self { inner, deadline }
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Some(Err("upstream request timeout".into())));
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
