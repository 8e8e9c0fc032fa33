//! A client of the load balancer: hyper for HTTP/1.1 where the response matters, plain bytes where its form matters.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any timeout that a test waits for.
const DEADLINE: Duration = Duration::from_secs(90);

/// A connection, with or without TLS.
pub(crate) type Stream = Pin<Box<dyn Duplex>>;

/// Bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// Connects to a local port. With a certificate, TLS follows, and that is the only authority trusted.
pub(crate) async fn connect(port: u16, tls: Option<(&str, &str)>) -> std::io::Result<Stream> {
    connect_to(([127, 0, 0, 1], port).into(), tls).await
}

/// The same for any address.
pub(crate) async fn connect_to(address: SocketAddr, tls: Option<(&str, &str)>) -> std::io::Result<Stream> {
    let tcp = TcpStream::connect(address).await?;
    let Some((name, authority_pem)) = tls else { return Ok(Box::pin(tcp)) };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    Ok(Box::pin(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await?))
}

/// A connection that stays open as long as the test needs it.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    authority: String,
}

impl Connection {
    /// Speaks HTTP/1.1 over the stream. `authority` is the value of `Host`.
    pub(crate) async fn over(stream: Stream, authority: &str) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(async move {
            // The sender reports the result of its request.
            let _ = connection.await;
        });
        Self { sender, authority: authority.to_owned() }
    }

    /// A request without a body.
    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(http::Request::get(path), "").await
    }

    /// Any request. Fails the test if there is no response.
    pub(crate) async fn send(&mut self, request: http::request::Builder, body: &str) -> Reply {
        let sent = tokio::time::timeout(DEADLINE, self.try_send(request, body)).await;
        sent.expect("no response in time").expect("no response")
    }

    /// Any request.
    pub(crate) async fn try_send(&mut self, request: http::request::Builder, body: &str) -> hyper::Result<Reply> {
        let mut request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let host = self.authority.parse().unwrap();
        request.headers_mut().entry(http::header::HOST).or_insert(host);
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8_lossy(&body).into() })
    }

    /// Whether the other side has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    /// The value of a header; empty if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

/// Sends bytes and returns the response to the byte, except that its `Date` is replaced by `<date>`.
pub(crate) async fn exchange(mut stream: Stream, request: &str) -> String {
    let reading = async {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        while !is_whole(&received) {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).await.unwrap();
            if count == 0 {
                break;
            }
            received.extend_from_slice(&chunk[..count]);
        }
        String::from_utf8(received).unwrap()
    };
    let response = tokio::time::timeout(DEADLINE, reading).await.expect("no response in time");
    let lines = response.split_inclusive("\r\n");
    lines.map(|line| if line.starts_with("Date: ") { "Date: <date>\r\n" } else { line }).collect()
}

fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

/// The load balancer's own response with a body: a page in nginx's form.
pub(crate) fn page(title: &str) -> String {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n\
         </html>\r\n"
    )
}
