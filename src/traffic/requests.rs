//! Requests over HTTP/1.1 and HTTP/2, as clients with a pool of connections send them.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::Instant;

use super::aim::Aim;
use super::line;
use crate::rehearsal::recording::{Outcome, Sample, Way};

type Body = Empty<Bytes>;

/// Kept connections, and what they need to be opened.
pub(super) struct Clients {
    aim: Aim,
    began: Instant,
    /// Idle connections of HTTP/1.1.
    idle: Mutex<Vec<http1::SendRequest<Body>>>,
    /// The connection of HTTP/2 that takes new requests.
    http2: tokio::sync::Mutex<Option<http2::SendRequest<Body>>>,
}

/// Why there was no complete response.
enum Failure {
    NoConnection(String),
    Cut(String),
    /// A connection that was idle was closed before anything of the request was sent, so a client sends it over another.
    TooLate,
}

impl Clients {
    pub(super) fn new(aim: Aim, began: Instant) -> Self {
        Self { aim, began, idle: Mutex::default(), http2: tokio::sync::Mutex::default() }
    }

    /// Sends a request and waits for the end of its response.
    pub(super) async fn send(&self, way: Way, root: String) -> Sample {
        let sent = self.began.elapsed();
        let outcome = loop {
            let result = match way {
                Way::Kept => self.over_kept(&root).await,
                Way::Http2 => self.over_http2(&root).await,
                Way::New | Way::WebSocket => self.over_new(&root).await,
            };
            match result {
                Ok(status) => break Outcome::Answered(status),
                Err(Failure::NoConnection(why)) => break Outcome::NoConnection(why),
                Err(Failure::Cut(why)) => break Outcome::Cut(why),
                Err(Failure::TooLate) => {}
            }
        };
        Sample { root, way, sent, settled: self.began.elapsed(), outcome }
    }

    async fn over_kept(&self, root: &str) -> Result<u16, Failure> {
        let idle = self.take_idle();
        let (mut sender, was_idle) = match idle {
            Some(sender) => (sender, true),
            None => (self.open_http1().await?, false),
        };
        let response = sender.send_request(self.request(root, true, false)).await;
        let status = match response {
            Err(error) if was_idle && error.is_canceled() => return Err(Failure::TooLate),
            other => whole(other).await?,
        };
        // It takes the next request once this response has been read.
        if tokio::time::timeout(Duration::from_millis(100), sender.ready()).await.is_ok_and(|ready| ready.is_ok()) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        }
        Ok(status)
    }

    fn take_idle(&self) -> Option<http1::SendRequest<Body>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    async fn over_new(&self, root: &str) -> Result<u16, Failure> {
        let mut sender = self.open_http1().await?;
        whole(sender.send_request(self.request(root, false, false)).await).await
    }

    async fn over_http2(&self, root: &str) -> Result<u16, Failure> {
        let (mut sender, was_open) = {
            let mut open = self.http2.lock().await;
            match open.as_ref().filter(|sender| !sender.is_closed()) {
                Some(sender) => (sender.clone(), true),
                None => {
                    let sender = self.open_http2().await?;
                    *open = Some(sender.clone());
                    (sender, false)
                }
            }
        };
        match sender.send_request(self.request(root, true, true)).await {
            Err(error) if was_open && error.is_canceled() => Err(Failure::TooLate),
            other => whole(other).await,
        }
    }

    async fn open_http1(&self) -> Result<http1::SendRequest<Body>, Failure> {
        let stream = line::connect(&self.aim, b"http/1.1").await.map_err(no_connection)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(no_connection)?;
        // Its errors reach the one who reads the response.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn open_http2(&self) -> Result<http2::SendRequest<Body>, Failure> {
        let stream = line::connect(&self.aim, b"h2").await.map_err(no_connection)?;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(no_connection)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, root: &str, keep: bool, http2: bool) -> Request<Body> {
        let Aim { host, path, tls, .. } = &self.aim;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut request = match http2 {
            true => Request::get(format!("{scheme}://{host}{path}")),
            false => Request::get(path.as_str()).header("host", host.as_str()),
        };
        if !keep {
            request = request.header("connection", "close");
        }
        request
            .header("user-agent", concat!("neargate/", env!("CARGO_PKG_VERSION"), " (deployment rehearsal)"))
            .header("accept", "*/*")
            .header("x-amzn-trace-id", format!("Root={root}"))
            .body(Body::new())
            .expect("the path was parsed as part of a URL before")
    }
}

/// The status, once the body is complete.
async fn whole(response: hyper::Result<Response<Incoming>>) -> Result<u16, Failure> {
    let response = response.map_err(|error| Failure::Cut(deepest(&error)))?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame.map_err(|error| Failure::Cut(deepest(&error)))?;
    }
    Ok(status)
}

fn no_connection(error: impl Error + 'static) -> Failure {
    Failure::NoConnection(deepest(&error))
}

/// What an error comes down to.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
