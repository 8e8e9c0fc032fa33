//! HTTP on a loopback address.
//!
//! A page in a browser on this machine can send requests to any of its ports. It cannot sign them, but with any key being
//! good, a signature proves nothing: so what a page sends (it has an `Origin`) is refused, as are names that do not
//! belong to this machine or to AWS.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::endpoint::Endpoint;
use super::{docker, services};
use crate::model::arn;
use crate::protocols::answer::Answer;
use crate::protocols::request;

/// How long a client may take to send the head of a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest body. ECS takes task definitions of up to 64 KiB; secrets and policies are smaller.
const LARGEST_BODY: usize = 1 << 20;

/// So many connections at once; more wait.
const CONNECTIONS: usize = 256;

/// Serves until dropped.
pub async fn serve(listener: TcpListener, endpoint: Arc<Endpoint>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let endpoint = Arc::clone(&endpoint);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let endpoint = Arc::clone(&endpoint);
                async move { Ok::<_, Infallible>(respond(request, &endpoint).await) }
            });
            // A client that hangs up has what it wanted.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(place);
        });
    }
}

async fn respond(request: Request<Incoming>, endpoint: &Endpoint) -> Response<docker::Body> {
    if let Some(refusal) = refusal(request.headers()) {
        return text(StatusCode::FORBIDDEN, refusal).map(Either::Left);
    }
    if docker::is_for(request.uri().path()) {
        return docker::respond(request, endpoint).await;
    }
    called(request, endpoint).await.map(Either::Left)
}

/// What is no request of a registry's client calls an action.
async fn called(request: Request<Incoming>, endpoint: &Endpoint) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    // The second path of each is the one that tools for another emulator ask.
    match (head.method.as_str(), head.uri.path()) {
        (_, "/_neargate/health" | "/_localstack/health") => return health(),
        ("POST", "/_neargate/reset" | "/_localstack/state/reset") => return reset(endpoint).await,
        (_, path @ ("/_neargate/reset" | "/_localstack/state/reset")) => {
            return text(StatusCode::METHOD_NOT_ALLOWED, format!("send POST to {path}\n"));
        }
        _ => {}
    }
    if let Some(id) = head.uri.path().strip_prefix("/_neargate/authorizations/") {
        return authorization(endpoint, id);
    }
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB, or ended early\n");
    };
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = body.to_bytes();
    let request = request::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    let request_id = request_id();
    let answer = endpoint.answer(request, &request_id).await;
    response(answer, &request_id)
}

fn response(answer: Answer, request_id: &str) -> Response<Full<Bytes>> {
    let Answer { status, content_type, request_id_header, body } = answer;
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let id = HeaderName::from_bytes(request_id_header.as_bytes()).ok().zip(HeaderValue::from_str(request_id).ok());
    headers.extend(id);
    response
}

/// A random UUID.
fn request_id() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let random = RandomState::new().build_hasher().finish();
    arn::uuid(&["request", &format!("{random:016x}")])
}

fn health() -> Response<Full<Bytes>> {
    let services: serde_json::Map<String, serde_json::Value> =
        services::actions().map(|action| (action.service.to_owned(), "available".into())).collect();
    let body = serde_json::json!({ "services": services, "version": env!("CARGO_PKG_VERSION") });
    let mut response = text(StatusCode::OK, body.to_string());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Forgets what clients have made.
async fn reset(endpoint: &Endpoint) -> Response<Full<Bytes>> {
    match endpoint.reset().await {
        Ok(()) => text(StatusCode::OK, ""),
        Err(message) => text(StatusCode::CONFLICT, format!("{message}\n")),
    }
}

/// Why something was denied.
fn authorization(endpoint: &Endpoint, id: &str) -> Response<Full<Bytes>> {
    let Some(denial) = endpoint.authorization(id) else {
        return text(StatusCode::NOT_FOUND, "nothing was denied under this id\n");
    };
    let mut response = text(StatusCode::OK, denial);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn refusal(headers: &http::HeaderMap) -> Option<&'static str> {
    if headers.contains_key(ORIGIN) {
        return Some("requests of web pages are not answered\n");
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_known = is_known_host(host);
    (!is_known).then_some("only requests for this machine or for hosts of AWS are answered\n")
}

/// This machine under any of its names, or a host of AWS that somebody has led here.
fn is_known_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    ["localhost", "localhost.localstack.cloud", "amazonaws.com"]
        .iter()
        .any(|known| name == *known || name.strip_suffix(known).is_some_and(|rest| rest.ends_with('.')))
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_of_aws_are_known() {
        for known in [
            "127.0.0.1:4566",
            "localhost:4566",
            "LOCALHOST",
            "[::1]:4566",
            "ecs.us-east-1.amazonaws.com",
            "ecs.us-east-1.localhost.localstack.cloud:4566",
            "sts.localhost:4566",
        ] {
            assert!(is_known_host(known), "{known}");
        }
        for foreign in ["", "evil.example:4566", "notamazonaws.com", "amazonaws.com.evil.example", "10.0.0.1:4566"] {
            assert!(!is_known_host(foreign), "{foreign}");
        }
    }
}
