//! Connections to targets: dialled when needed, kept open between requests, one pool per worker and protocol.
//!
//! An HTTP/1.1 connection is taken out of its pool for a request and put back afterwards ([`Pool`]); an HTTP/2 connection
//! stays in its pool and is shared ([`super::multiplexed`]).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;

use crate::alb::metrics::figures::GroupCount;
use crate::alb::targets::target_tls::{PerPolicy, TargetPolicy};
use crate::proxy::answer::error::ProxyError;
use crate::proxy::io::stream::{Stream, TargetIo};
use crate::proxy::telemetry::meters::GroupMeter;

/// How many idle connections one worker keeps to one target.
const MOST_IDLE: usize = 256;

/// Where a connection leads, and under which policy of TLS, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dial {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TargetPolicy>,
}

/// Idle connections by where they lead. In order, because among few keys that is quicker than hashing.
#[derive(Default)]
pub(crate) struct Pool(RefCell<BTreeMap<Dial, Vec<Idle>>>);

struct Idle {
    stream: Stream,
    since: Instant,
}

impl Pool {
    /// The most recently used connection that is not known to be closed. If it closes it at
    /// this very moment the request fails with 502: that race exists on AWS, and nothing is retried there either.
    pub(crate) async fn take(&self, dial: Dial, idle_timeout: Duration) -> Option<Stream> {
        poll_fn(|cx| {
            let mut idle = self.0.borrow_mut();
            let Some(streams) = idle.get_mut(&dial) else { return Poll::Ready(None) };
            while let Some(candidate) = streams.pop() {
                if candidate.since.elapsed() >= idle_timeout {
                    // The rest is older still.
                    streams.clear();
                    break;
                }
                // Nothing may arrive on an idle connection but its end.
                if candidate.stream.poll_readable(cx).is_ready() && candidate.stream.poll_read(cx, &mut [0]).is_ready()
                {
                    continue;
                }
                return Poll::Ready(Some(candidate.stream));
            }
            Poll::Ready(None)
        })
        .await
    }

    /// Keeps a connection whose last response is complete.
    pub(crate) fn put(&self, dial: Dial, stream: Stream) {
        let mut idle = self.0.borrow_mut();
        let streams = idle.entry(dial).or_default();
        if streams.len() < MOST_IDLE {
            streams.push(Idle { stream, since: Instant::now() });
        }
    }

    /// Closes connections to former targets, because their addresses may soon be reused.
    pub(crate) fn retain(&self, is_target: impl Fn(SocketAddr) -> bool) {
        self.0.borrow_mut().retain(|dial, _| is_target(dial.address));
    }

    /// Closes connections that were idle for too long, or that their targets have closed. Returns whether any are
    /// left.
    pub(crate) async fn sweep(&self, idle_timeout: Duration) -> bool {
        poll_fn(|cx| {
            let mut idle = self.0.borrow_mut();
            idle.retain(|_, streams| {
                streams.retain(|candidate| {
                    let closed = candidate.stream.poll_readable(cx).is_ready()
                        && candidate.stream.poll_read(cx, &mut [0]).is_ready();
                    !closed && candidate.since.elapsed() < idle_timeout
                });
                !streams.is_empty()
            });
            Poll::Ready(!idle.is_empty())
        })
        .await
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// How a connection is opened.
pub(crate) struct Opening<'f> {
    pub(crate) dial: Dial,
    /// Whether security groups let the load balancer in.
    pub(crate) reachable: bool,
    /// For the connection, and as long again for the handshake ("TLS handshake timeout (10 seconds)", ALB user guide,
    /// troubleshooting, HTTP 504).
    pub(crate) timeout: Duration,
    pub(crate) tls: &'f PerPolicy<Arc<ClientConfig>>,
    /// Counts what goes wrong.
    pub(crate) meter: &'f GroupMeter,
}

impl Opening<'_> {
    /// Connects, and shakes hands where that is due.
    pub(crate) async fn open(self) -> Result<TargetIo, ProxyError> {
        let connected = connect(self.dial.address, self.reachable, self.timeout).await;
        let tcp = connected.inspect_err(|_| self.meter.add(GroupCount::TargetConnectionErrors, 1))?;
        let Some(policy) = self.dial.tls else { return Ok(Either::Left(tcp)) };
        // Boxed: the state of a handshake is large, and most connections have none.
        let secured = Box::pin(secure(self.dial.address, tcp, self.tls.get(policy), self.timeout)).await;
        secured.inspect_err(|_| self.meter.add(GroupCount::TargetTlsNegotiationErrors, 1)).map(Either::Right)
    }
}

/// Dials a target. One behind a security group that does not let the load balancer in is not dialled at all: its
/// packets would vanish, so the time just passes.
async fn connect(dial: SocketAddr, reachable: bool, timeout: Duration) -> Result<TcpStream, ProxyError> {
    let connecting = async { if reachable { TcpStream::connect(dial).await } else { std::future::pending().await } };
    let stream = match tokio::time::timeout(timeout, connecting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::TimedOut => return Err(ProxyError::ConnectTimeout),
        Ok(Err(error)) => return Err(ProxyError::Unreachable(Arc::new(error))),
        Err(_) => return Err(ProxyError::ConnectTimeout),
    };
    // Heads and small bodies must not wait for acknowledgements of earlier ones.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn secure(
    dial: SocketAddr,
    tcp: TcpStream,
    config: &Arc<ClientConfig>,
    timeout: Duration,
) -> Result<Box<tokio_rustls::client::TlsStream<TcpStream>>, ProxyError> {
    // An address as the server's name: no SNI is sent, targets are registered by address.
    let name = ServerName::IpAddress(dial.ip().into());
    match tokio::time::timeout(timeout, TlsConnector::from(Arc::clone(config)).connect(name, tcp)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(ProxyError::TargetTls(Arc::new(error))),
        Err(_) => Err(ProxyError::TargetTlsTimeout),
    }
}
