//! Sends the CORS preflight that a browser would send for a page of the stack, through the load balancer like any other
//! request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connect;
use crate::alb::targets::target_tls::{PerPolicy, TargetPolicy};
use crate::model::target_group::{ProtocolVersion, TargetProtocol};
use crate::transport::TargetTls;

/// Who waits for `doctor` does not wait longer than this for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
const HEAD_MAX_BYTES: usize = 64 * 1024;
const MOST_HEADERS: usize = 128;

/// How to get to the listener.
#[derive(Clone, Debug)]
pub struct Way {
    /// Where it is bound.
    pub address: SocketAddr,
    /// The TLS that is spoken; any certificate will do, trust is another question.
    pub tls: PerPolicy<Arc<ClientConfig>>,
    /// Which of those.
    pub policy: TargetPolicy,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: Option<String>,
}

/// Asks first as for a request that must be announced, then as for a plain one: an application that knows no OPTIONS may
/// let in plain ones. `None` if the answers say nothing: there are none, or they are the load balancer's own troubles.
pub async fn ask(domain: &str, path: &str, origin: &str, way: &Way) -> Option<Reply> {
    let announced = send("OPTIONS", "Access-Control-Request-Method: GET\r\n", domain, path, origin, way).await;
    if announced.as_ref().is_some_and(|reply| reply.allow_origin.is_some()) {
        return announced;
    }
    let plain = send("GET", "", domain, path, origin, way).await?;
    if plain.allow_origin.is_some() { Some(plain) } else { announced.or(Some(plain)) }
}

async fn send(method: &str, more: &str, domain: &str, path: &str, origin: &str, way: &Way) -> Option<Reply> {
    let port = way.address.port();
    let host = if port == 443 { domain.to_owned() } else { format!("{domain}:{port}") };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n{more}User-Agent: neargate-doctor\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    let exchange = async {
        let tls = TargetTls::new(way.tls.clone());
        let opened =
            connect::connect(way.address, TargetProtocol::Https, ProtocolVersion::Http1, way.policy, &tls).await;
        let mut stream = opened.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        let mut received = Vec::with_capacity(4096);
        while received.len() < HEAD_MAX_BYTES {
            if let Some(reply) = parse(&received) {
                return Some(reply);
            }
            if stream.read_buf(&mut received).await.ok()? == 0 {
                return None;
            }
        }
        None
    };
    let reply = tokio::time::timeout(PATIENCE, exchange).await.ok()??;
    (reply.status < 500).then_some(reply)
}

/// The head, once it is complete.
fn parse(received: &[u8]) -> Option<Reply> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    if !response.parse(received).ok()?.is_complete() {
        return None;
    }
    let allowed =
        response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("access-control-allow-origin"));
    let allow_origin = allowed.map(|header| String::from_utf8_lossy(header.value).trim().to_owned());
    Some(Reply { status: response.code?, allow_origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_found_whatever_its_case_once_the_head_is_whole() {
        let head = b"HTTP/1.1 200 OK\r\nVary: Origin\r\naccess-control-allow-origin:  https://a.b \r\n\r\nbody";
        assert_eq!(parse(&head[..40]), None);
        assert_eq!(parse(head), Some(Reply { status: 200, allow_origin: Some("https://a.b".to_owned()) }));
        assert_eq!(parse(b"HTTP/1.1 404 Not Found\r\n\r\n"), Some(Reply { status: 404, allow_origin: None }));
    }
}
