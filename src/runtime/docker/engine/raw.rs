//! HTTP to the engine without bollard, for the two calls that bollard cannot make without a gRPC stack: a BuildKit build
//! and its session.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connect::Engine;
use super::endpoint::Endpoint;

/// A request body of any kind.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Why a request had no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Connect(#[from] std::io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Whether this module can connect to the engine.
pub(crate) fn can_reach(engine: &Engine) -> bool {
    match engine.endpoint() {
        Endpoint::Unix(_) => cfg!(unix),
        Endpoint::Tcp { tls, .. } => tls.is_none(),
        Endpoint::NamedPipe(_) => false,
    }
}

/// Sends one request on a separate connection and returns the response's head. The connection lives as long as the
/// response's body, or the upgraded stream.
pub(crate) async fn send(engine: &Engine, request: Request<Body>) -> Result<Response<Incoming>, SendError> {
    let stream = open(engine.endpoint()).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its errors reach the one who reads the response.
        let _ = connection.with_upgrades().await;
    });
    Ok(sender.send_request(request).await?)
}

async fn open(endpoint: &Endpoint) -> std::io::Result<Box<dyn Stream>> {
    match endpoint {
        #[cfg(unix)]
        Endpoint::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        Endpoint::Tcp { address, tls: None } => Ok(Box::new(tokio::net::TcpStream::connect(address).await?)),
        _ => Err(std::io::Error::other("not over this kind of connection")),
    }
}
