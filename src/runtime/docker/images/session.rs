//! BuildKit's session: during a build, BuildKit calls back for the credentials of registries.
//!
//! The engine reverses the connection: it becomes an HTTP/2 client on it and speaks gRPC. Two methods are enough; all
//! others return "unimplemented", and BuildKit does without them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bollard::auth::DockerCredentials;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioExecutor;

use super::protobuf::{fields, put_text};
use crate::runtime::docker::engine::connect::Engine;
use crate::runtime::docker::engine::raw;
use crate::runtime::docker::engine::raw::Body;

const CREDENTIALS: &str = "/moby.filesync.v1.Auth/Credentials";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const OK: &str = "0";
const UNIMPLEMENTED: &str = "12";
/// BuildKit's requests contain only a host name.
const REQUEST_LIMIT: usize = 64 * 1024;

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(transparent)]
    Request(#[from] hyper::http::Error),
    #[error(transparent)]
    Send(#[from] raw::SendError),
    #[error("the engine refused a BuildKit session ({0})")]
    Refused(StatusCode),
    #[error(transparent)]
    Upgrade(#[from] hyper::Error),
}

/// Opens the session and answers until the build drops it.
pub(crate) async fn open(
    engine: &Engine,
    id: &str,
    credentials: HashMap<String, DockerCredentials>,
) -> Result<tokio::task::JoinHandle<()>, SessionError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/session")
        .header(HOST, "engine")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "h2c")
        .header("X-Docker-Expose-Session-Uuid", id)
        .header("X-Docker-Expose-Session-Name", "neargate")
        .header("X-Docker-Expose-Session-Sharedkey", "")
        .header("X-Docker-Expose-Session-Grpc-Method", CREDENTIALS)
        .header("X-Docker-Expose-Session-Grpc-Method", HEALTH)
        .body(Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync())?;
    let response = raw::send(engine, request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(SessionError::Refused(response.status()));
    }
    let upgraded = hyper::upgrade::on(response).await?;
    let credentials = Arc::new(credentials);
    let service = hyper::service::service_fn(move |request| {
        let credentials = Arc::clone(&credentials);
        async move { Ok::<_, Infallible>(answer(request, &credentials).await) }
    });
    Ok(tokio::spawn(async move {
        let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let ended = serving.serve_connection(upgraded, service).await;
        tracing::debug!(?ended, "the BuildKit session ended");
    }))
}

async fn answer(request: Request<Incoming>, credentials: &HashMap<String, DockerCredentials>) -> Response<Body> {
    match request.uri().path() {
        // status: SERVING
        HEALTH => reply(Some(vec![0x08, 0x01]), OK),
        CREDENTIALS => {
            let body = http_body_util::Limited::new(request.into_body(), REQUEST_LIMIT).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            // One byte of compression flag and four of length come before the message.
            let host = fields(body.get(5..).unwrap_or_default()).find(|(field, _)| *field == 1);
            let host = host.map(|(_, value)| value.text()).unwrap_or_default();
            reply(Some(credentials_message(&host, credentials)), OK)
        }
        _ => reply(None, UNIMPLEMENTED),
    }
}

/// `CredentialsResponse`; an empty one means anonymous.
fn credentials_message(host: &str, credentials: &HashMap<String, DockerCredentials>) -> Vec<u8> {
    let key = if host == "registry-1.docker.io" { "https://index.docker.io/v1/" } else { host };
    let mut message = Vec::new();
    if let Some(found) = credentials.get(key) {
        match &found.identitytoken {
            Some(token) if !token.is_empty() => put_text(&mut message, 2, token),
            _ => {
                put_text(&mut message, 1, found.username.as_deref().unwrap_or_default());
                put_text(&mut message, 2, found.password.as_deref().unwrap_or_default());
            }
        }
    }
    message
}

/// A gRPC reply: at most one message, followed by the status.
fn reply(message: Option<Vec<u8>>, status: &'static str) -> Response<Body> {
    let mut frames = Vec::new();
    if let Some(message) = message {
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len()).unwrap_or_default().to_be_bytes());
        framed.extend(message);
        frames.push(Ok(Frame::data(Bytes::from(framed))));
    }
    let trailers = HeaderMap::from_iter([(
        hyper::header::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static(status),
    )]);
    frames.push(Ok(Frame::trailers(trailers)));
    let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(stream::iter(frames))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_to_the_registry_they_are_for() {
        let me = DockerCredentials {
            username: Some("me".to_owned()),
            password: Some("s3cret".to_owned()),
            ..DockerCredentials::default()
        };
        let known = HashMap::from([("https://index.docker.io/v1/".to_owned(), me)]);
        let message = credentials_message("registry-1.docker.io", &known);
        let read: Vec<String> = fields(&message).map(|(_, value)| value.text()).collect();
        assert_eq!(read, ["me", "s3cret"]);
        assert!(credentials_message("ghcr.io", &known).is_empty());
    }
}
