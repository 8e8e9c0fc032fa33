//! A connection to the listener, plain or TLS, and trace IDs.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::aim::Aim;

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that offers this protocol where it speaks TLS.
pub(super) async fn connect(aim: &Aim, protocol: &[u8]) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect(aim.address).await?;
    tcp.set_nodelay(true)?;
    let Some(tls) = &aim.tls else { return Ok(Box::new(tcp)) };
    let mut config = rustls::ClientConfig::clone(tls);
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from(aim.domain.clone()).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(std::sync::Arc::new(config)).connect(name, tcp).await?))
}

/// The root of a trace ID that no other request of this process has: version, time, 24 digits (ALB user guide, "Request
/// tracing").
pub(super) fn new_root() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let time = jiff::Timestamp::now().as_second() as u32;
    let process = u64::from(std::process::id());
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("1-{time:08x}-{process:08x}{number:016x}")
}
