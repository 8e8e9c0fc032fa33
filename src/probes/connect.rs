//! A new connection for each health check, with TLS if the settings say so. The target's certificate is not
//! validated: "The load balancer [...] does not validate these certificates" (ALB user guide, "Target groups for your
//! Application Load Balancers", routing configuration).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::alb::targets::target_tls::TargetPolicy;
use crate::model::target_group::{ProtocolVersion, TargetProtocol};
use crate::transport::TargetTls;

/// Plain or TLS.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum ConnectFault {
    Tcp(io::Error),
    Tls(io::Error),
}

pub(super) async fn connect(
    address: SocketAddr,
    protocol: TargetProtocol,
    version: ProtocolVersion,
    policy: TargetPolicy,
    tls: &TargetTls,
) -> Result<Stream, ConnectFault> {
    let tcp = TcpStream::connect(address).await.map_err(ConnectFault::Tcp)?;
    match protocol {
        TargetProtocol::Http => Ok(Stream::Plain(tcp)),
        TargetProtocol::Https => {
            let config = if version == ProtocolVersion::Http1 { &tls.http1 } else { &tls.http2 }.get(policy);
            // An address as the server's name: no SNI is sent, targets are registered by address.
            let name = ServerName::IpAddress(address.ip().into());
            let tls = TlsConnector::from(config.clone()).connect(name, tcp).await.map_err(ConnectFault::Tls)?;
            Ok(Stream::Tls(Box::new(tls)))
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
