//! Figures for Prometheus, over HTTP on a loopback address that the user asked for.
//!
//! A browser on this machine can be made to send requests to any address of it, under any name that resolves to it
//! (DNS rebinding). So only requests for an address of this machine or for `localhost` are answered, and none that a
//! page of another origin sends.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// Makes the text that is served.
pub type Figures = Arc<dyn Fn() -> String + Send + Sync>;

/// How long a client may take to send a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads an address for `--admin`: loopback only.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "must look like 127.0.0.1:9180".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!("{} is not a loopback address; anyone who can connect can read it", address.ip()))
    }
}

/// Serves until dropped.
pub async fn serve(listener: TcpListener, figures: Figures) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let figures = Arc::clone(&figures);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = answer(&request, &figures);
                async { Ok::<_, Infallible>(response) }
            });
            // A client that hangs up has what it wanted.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer<B>(request: &Request<B>, figures: &Figures) -> Response<Full<Bytes>> {
    if !is_for_this_machine(request.headers()) {
        return text(
            StatusCode::FORBIDDEN,
            "this address only answers requests for localhost and loopback addresses\n",
        );
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let mut response = text(StatusCode::OK, figures());
            let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, format);
            response
        }
        (&Method::GET | &Method::HEAD, _) => text(StatusCode::NOT_FOUND, "the only path is /metrics\n"),
        _ => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let value = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let origin_is_own = value(ORIGIN).is_none_or(|origin| {
        let host = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        host.is_some_and(is_local)
    });
    value(HOST).is_some_and(is_local) && origin_is_own
}

/// `localhost` or a loopback address, with any port.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let figures: Figures = Arc::new(|| "figures\n".to_owned());
        answer(&request.body(()).unwrap(), &figures).status().as_u16()
    }

    #[test]
    fn only_requests_for_this_machine_are_answered() {
        let host = |host| status("GET", "/metrics", &[("Host", host)]);
        for local in ["127.0.0.1:9180", "localhost:9180", "LOCALHOST", "[::1]:9180"] {
            assert_eq!(host(local), 200, "{local}");
        }
        for foreign in ["rebound.example.com:9180", "192.168.1.5", "", "127.0.0.1.example.com"] {
            assert_eq!(host(foreign), 403, "{foreign}");
        }
        assert_eq!(status("GET", "/metrics", &[]), 403);
        let with_origin = |origin| status("GET", "/metrics", &[("Host", "localhost"), ("Origin", origin)]);
        assert_eq!((with_origin("http://localhost:3000"), with_origin("https://evil.example")), (200, 403));
        assert_eq!(with_origin("null"), 403);
    }

    #[test]
    fn there_is_one_page_to_get() {
        let local = [("Host", "localhost")];
        assert_eq!((status("GET", "/", &local), status("POST", "/metrics", &local)), (404, 405));
    }

    #[test]
    fn an_address_that_others_reach_is_refused() {
        assert!(parse_address("127.0.0.1:0").is_ok() && parse_address("[::1]:9180").is_ok());
        assert!(parse_address("0.0.0.0:9180").is_err() && parse_address("9180").is_err());
    }
}
