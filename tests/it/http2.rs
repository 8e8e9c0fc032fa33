//! HTTP/2 clients over TLS.

#![expect(clippy::unwrap_used, reason = "unwrapping in a test is an assertion")]

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming as Body;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::alb::{Alb, ScriptedTarget, Setup, within};

pub(crate) fn connector(alb: &Alb, protocols: &[&str]) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(alb.certificate.clone()).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

pub(crate) async fn tls(alb: &Alb, protocols: &[&str]) -> TlsStream<TcpStream> {
    connect(alb, &connector(alb, protocols)).await
}

/// As [`tls`], for load balancers with an idle timeout that could expire during a handshake on a busy machine.
pub(crate) async fn tls_at_last(alb: &Alb, protocols: &[&str]) -> Result<TlsStream<TcpStream>, String> {
    let connector = connector(alb, protocols);
    let mut error = String::new();
    for _ in 0..5 {
        let name = ServerName::try_from("app.example.com").unwrap();
        let tcp = TcpStream::connect(alb.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        match within("a handshake", connector.connect(name, tcp)).await {
            Ok(stream) => return Ok(stream),
            Err(failed) => error = failed.to_string(),
        }
    }
    Err(error)
}

pub(crate) async fn connect(alb: &Alb, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let name = ServerName::try_from("app.example.com").unwrap();
    let tcp = TcpStream::connect(alb.address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    within("the handshake", connector.connect(name, tcp)).await.unwrap()
}

pub(crate) async fn http2(alb: &Alb) -> SendRequest<Full<Bytes>> {
    let stream = tls(alb, &["h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) async fn send(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> (Response<()>, Vec<u8>) {
    let response: Response<Body> = within("the response", sender.send_request(request)).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = within("the body", body.collect()).await.unwrap().to_bytes().to_vec();
    (Response::from_parts(parts, ()), body)
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("https://app.example.com{path}")).body(Full::default()).unwrap()
}

async fn https_forwarding(target: &ScriptedTarget) -> Alb {
    let mut setup = Setup::forwarding(&[target.address]);
    setup.https();
    setup.start().await
}

#[tokio::test]
async fn large_bodies_pass_in_both_directions_on_concurrent_streams() {
    const SIZE: usize = 1_000_000;
    let target = ScriptedTarget::new(|mut incoming| async move {
        let head = incoming.head().await;
        assert!(head.contains(&format!("\r\ncontent-length: {SIZE}\r\n")), "{head}");
        let body = String::from_utf8(incoming.wire.bytes(SIZE).await).unwrap();
        incoming.wire.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n{body}")).await;
    })
    .await;
    let alb = https_forwarding(&target).await;
    let client = http2(&alb).await;
    let mut running = tokio::task::JoinSet::new();
    for letter in *b"abcd" {
        let mut client = client.clone();
        running.spawn(async move {
            let sent = vec![letter; SIZE];
            let request = Request::post("https://app.example.com/").body(Full::from(sent.clone())).unwrap();
            let (_, received) = send(&mut client, request).await;
            received == sent
        });
    }
    assert!(within("all streams", running.join_all()).await.into_iter().all(|same| same));
}

#[tokio::test]
async fn an_early_response_to_a_large_upload_reaches_the_client() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").await;
        incoming.wire.rest().await;
    })
    .await;
    let alb = https_forwarding(&target).await;
    let mut client = http2(&alb).await;
    for _ in 0..3 {
        let body = Full::from(vec![b'x'; 2_000_000]);
        let request = Request::post("https://app.example.com/").body(body).unwrap();
        let (response, body) = send(&mut client, request).await;
        assert_eq!((response.status().as_u16(), &body[..]), (413, &b"no"[..]));
    }
}

#[tokio::test]
async fn draining_lets_streams_finish_and_then_closes() {
    let (go, gate) = tokio::sync::watch::channel(false);
    let target = ScriptedTarget::new(move |mut incoming| {
        let mut gate = gate.clone();
        async move {
            incoming.head().await;
            gate.wait_for(|go| *go).await.unwrap();
            incoming.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let mut alb = https_forwarding(&target).await;
    let (mut at_rest, mut busy) = (http2(&alb).await, http2(&alb).await);
    let running = tokio::spawn(async move { send(&mut busy, get("/")).await });
    within("the request at the target", async {
        while target.heads().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let draining = tokio::spawn(alb.plane.take().unwrap().drain(std::time::Duration::from_secs(30)));
    within("the goodbye", async {
        while at_rest.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    go.send_replace(true);
    assert_eq!(within("the response", running).await.unwrap().1, b"ok");
    within("the end", draining).await.unwrap();
}
