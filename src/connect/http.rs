//! Requests of HTTP endpoints: each goes to the server whose turn it is, whichever connection it came on.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use http::header::{CONNECTION, HeaderName, HeaderValue, SERVER, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::pool::Sender;
use super::reply::{Content, Failure, Timed, is_grpc};
use super::route::Route;
use super::stream;
use crate::ecs::service_connect::balancer::RETRIES;
use crate::ecs::service_connect::servers::Server;

/// Serves a client of HTTP/1.1.
pub(super) async fn serve_http1(route: Route, client: TcpStream) {
    let idle_timeout = route.endpoint().idle_timeout;
    let service = service_fn(move |request| answer(route.clone(), request));
    let serving = http1::Builder::new()
        .preserve_header_case(true)
        .timer(TokioTimer::new())
        .header_read_timeout(idle_timeout)
        .serve_connection(TokioIo::new(client), service)
        .with_upgrades();
    // A client that hangs up needs no answer.
    let _ = serving.await;
}

/// Serves a client of HTTP/2, without TLS and without an upgrade to it.
pub(super) async fn serve_http2(route: Route, client: TcpStream) {
    let service = service_fn(move |request| answer(route.clone(), request));
    let _ = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(client), service)
        .await;
}

async fn answer(route: Route, mut request: Request<Incoming>) -> Result<Response<Content>, Infallible> {
    let begun = Instant::now();
    let limit = route.endpoint().per_request_timeout;
    let is_grpc = is_grpc(request.headers());
    let upgrade = request.headers().get(UPGRADE).cloned();
    let client = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    prepare(&mut request, upgrade.as_ref());
    let forwarded = match limit {
        Some(limit) => {
            let forwarded = tokio::time::timeout(limit, forward(&route, request)).await;
            forwarded.unwrap_or(Err(Failure::Timeout))
        }
        None => forward(&route, request).await,
    };
    let mut response = match forwarded {
        Ok(response) => response,
        Err(failure) => return Ok(failure.answer(is_grpc)),
    };
    finish(response.headers_mut(), begun.elapsed());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let (Some(client), Some(upgrade)) = (client, upgrade)
    {
        response.headers_mut().insert(UPGRADE, upgrade);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        let server = hyper::upgrade::on(&mut response);
        let idle_timeout = route.endpoint().idle_timeout;
        tokio::spawn(async move {
            if let (Ok(client), Ok(server)) = tokio::join!(client, server) {
                stream::between(TokioIo::new(client), TokioIo::new(server), idle_timeout).await;
            }
        });
    }
    Ok(response.map(|body| Either::Left(Timed::new(body, begun, limit))))
}

/// Sends the request to the server whose turn it is; to another one if nothing of it could be sent.
async fn forward(route: &Route, mut request: Request<Incoming>) -> Result<Response<Incoming>, Failure> {
    let http2 = request.version() == Version::HTTP_2;
    let mut tried = BTreeSet::new();
    let mut failure = Failure::NobodyThere;
    for _ in 0..=RETRIES {
        let Some(server) = route.choose(&tried) else { return Err(failure) };
        match send(route, &server, http2, request).await {
            Ok(response) => {
                if response.status().is_server_error() {
                    route.failed(&server.task);
                }
                return Ok(response);
            }
            Err((again, why)) => {
                route.failed(&server.task);
                failure = why;
                request = *again.ok_or(failure)?;
                tried.insert(server.task);
            }
        }
    }
    Err(failure)
}

/// A request of which nothing has been sent, and why.
type Unsent = (Option<Box<Request<Incoming>>>, Failure);

async fn send(
    route: &Route,
    server: &Server,
    http2: bool,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, Unsent> {
    let pool = route.pool();
    // That a connection has ended is often found out only when it is used.
    if let Some(mut sender) = pool.take(server, http2) {
        match sender.send(request).await {
            Ok(response) => return Ok(taken_back(route, server, sender, response)),
            Err(mut error) => request = error.take_message().ok_or((None, Failure::Reset))?,
        }
    }
    let mut sender = match pool.open(server, http2).await {
        Ok(sender) => sender,
        Err(_) => return Err((Some(Box::new(request)), Failure::Connection)),
    };
    match sender.send(request).await {
        Ok(response) => Ok(taken_back(route, server, sender, response)),
        Err(mut error) => Err((error.take_message().map(Box::new), Failure::Reset)),
    }
}

fn taken_back(route: &Route, server: &Server, sender: Sender, response: Response<Incoming>) -> Response<Incoming> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        route.pool().give_back(server, sender);
    }
    response
}

/// What concerns one connection only (RFC 9110, 7.6.1).
const OF_CONNECTION: [HeaderName; 4] =
    [CONNECTION, HeaderName::from_static("keep-alive"), HeaderName::from_static("proxy-connection"), UPGRADE];

fn prepare(request: &mut Request<Incoming>, upgrade: Option<&HeaderValue>) {
    for name in OF_CONNECTION {
        request.headers_mut().remove(name);
    }
    if let Some(upgrade) = upgrade {
        request.headers_mut().insert(UPGRADE, upgrade.clone());
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("http"));
    if request.version() != Version::HTTP_2
        && let Some(path) = request.uri().path_and_query().cloned()
    {
        *request.uri_mut() = Uri::from(path);
    }
}

/// Envoy says that it was there, and how long the server took.
fn finish(headers: &mut HeaderMap, took: Duration) {
    for name in OF_CONNECTION {
        headers.remove(name);
    }
    headers.insert(SERVER, HeaderValue::from_static("envoy"));
    headers.insert("x-envoy-upstream-service-time", HeaderValue::from(took.as_millis() as u64));
}
