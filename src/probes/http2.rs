//! The health check of HTTP/2 and gRPC target groups: one request on a separate connection.
//!
//! A gRPC check is a call: a POST with one empty message, judged by `grpc-status`, which comes in the trailers, or in the
//! head if the response is otherwise empty ("Trailers-Only", gRPC over HTTP/2). The default, code 12 for an unimplemented
//! method, passes with any gRPC server (ALB user guide, "Health checks for Application Load Balancer target groups"). AWS
//! does not document which fields a load balancer sends besides its user agent.

use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};

use super::connect::Stream;
use super::http1::excerpt;

/// What a target said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: u16,
    /// `None` if there is none, or none that is a number.
    pub(super) grpc_status: Option<u16>,
    /// `grpc-message`, or the beginning of the body; one line.
    pub(super) excerpt: String,
}

/// Which check it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// GET.
    Http2,
    /// A call.
    Grpc,
}

/// Fields of a check of HTTP/2. Which ones a load balancer sends is not public: inferred from captures of its checks of
/// HTTP/1.1, of which `Connection` has no place in HTTP/2.
const HTTP2_FIELDS: &[(&str, &str)] = &[USER_AGENT, ("accept-encoding", "gzip, compressed")];
/// Fields of a call. Inferred: the user agent of checks, and what no call of gRPC can do without (gRPC over HTTP/2,
/// "Requests").
const GRPC_FIELDS: &[(&str, &str)] = &[USER_AGENT, ("content-type", "application/grpc"), ("te", "trailers")];
const USER_AGENT: (&str, &str) = ("user-agent", "ELB-HealthChecker/2.0");
/// An empty message, not compressed: what a call without arguments sends.
const EMPTY_MESSAGE: &[u8] = &[0; 5];
/// As much of a body is read as is shown.
const BODY_MAX_BYTES: usize = 1024;

/// Sends the request and reads the answer, trailers included.
pub(super) async fn exchange(
    stream: Stream,
    kind: Kind,
    secure: bool,
    authority: SocketAddr,
    path: &str,
) -> Result<Said, h2::Error> {
    let (requests, connection) = h2::client::Builder::new().enable_push(false).handshake(stream).await?;
    let mut exchanging = std::pin::pin!(ask(requests, kind, request(kind, secure, authority, path)));
    let mut connection = std::pin::pin!(connection);
    std::future::poll_fn(|cx| {
        // The connection moves what the exchange waits for; if it ends, the exchange is told.
        let _ = connection.as_mut().poll(cx);
        exchanging.as_mut().poll(cx)
    })
    .await
}

async fn ask(requests: h2::client::SendRequest<Bytes>, kind: Kind, request: Request<()>) -> Result<Said, h2::Error> {
    let mut requests = requests.ready().await?;
    let (response, mut sending) = requests.send_request(request, kind == Kind::Http2)?;
    if kind == Kind::Grpc {
        sending.send_data(Bytes::from_static(EMPTY_MESSAGE), true)?;
    }
    let (head, mut body) = response.await?.into_parts();
    let mut said =
        Said { status: head.status.as_u16(), grpc_status: grpc_status(&head.headers), excerpt: message(&head.headers) };
    let mut beginning = Vec::new();
    while let Some(data) = body.data().await {
        // The status is known: as with HTTP/1.1, nothing that follows can spoil the result.
        let data = match data {
            Err(_) if kind == Kind::Http2 => break,
            data => data?,
        };
        let _ = body.flow_control().release_capacity(data.len());
        let room = BODY_MAX_BYTES.saturating_sub(beginning.len());
        beginning.extend_from_slice(&data[..data.len().min(room)]);
        // The status is known; what else there is to read does not matter.
        if kind == Kind::Http2 && beginning.len() == BODY_MAX_BYTES {
            break;
        }
    }
    match kind {
        Kind::Http2 if !head.headers.contains_key("content-encoding") => said.excerpt = excerpt(&beginning),
        Kind::Http2 => {}
        Kind::Grpc => {
            if let Some(trailers) = body.trailers().await? {
                said.grpc_status = grpc_status(&trailers).or(said.grpc_status);
                said.excerpt = message(&trailers);
            }
        }
    }
    Ok(said)
}

fn request(kind: Kind, secure: bool, authority: SocketAddr, path: &str) -> Request<()> {
    let (scheme, default_port) = if secure { ("https", 443) } else { ("http", 80) };
    let authority = match authority {
        SocketAddr::V4(address) if address.port() == default_port => address.ip().to_string(),
        SocketAddr::V6(address) if address.port() == default_port => format!("[{}]", address.ip()),
        address => address.to_string(),
    };
    let mut request = Request::new(());
    // The path was checked with the configuration.
    if let Ok(uri) = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build() {
        *request.uri_mut() = uri;
    }
    let (method, fields) = match kind {
        Kind::Http2 => (Method::GET, HTTP2_FIELDS),
        Kind::Grpc => (Method::POST, GRPC_FIELDS),
    };
    *request.method_mut() = method;
    for &(name, value) in fields {
        request.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    request
}

fn grpc_status(fields: &HeaderMap) -> Option<u16> {
    fields.get("grpc-status")?.to_str().ok()?.parse().ok()
}

fn message(fields: &HeaderMap) -> String {
    fields.get("grpc-message").map_or_else(String::new, |message| excerpt(message.as_bytes()))
}
