//! One health check, from the connection attempt to an outcome with a line of text. Nothing here is an error: any failure
//! is an outcome.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::connect::{self, ConnectFault};
use super::http1::{self, Answer, AnswerFault};
use super::http2::{self, Kind};
use super::probed::Probed;
use crate::model::target_group::{ProtocolVersion, TargetProtocol};
use crate::model::target_health::ProbeOutcome;
use crate::transport::TargetTls;

/// What a health check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) outcome: ProbeOutcome,
    /// One line for people.
    pub(super) detail: String,
}

/// Carries out one health check. Takes at most the timeout of the settings, which measures the application and is
/// therefore never scaled.
pub(super) async fn probe(probed: &Probed, tls: &TargetTls) -> Found {
    let check = &probed.settings.health_check;
    if !probed.reachable {
        // What a security group does not let in is dropped, not refused: the load balancer learns nothing until its
        // patience ends (Amazon VPC user guide, "Security groups").
        tokio::time::sleep(check.timeout).await;
        let detail = format!("dropped by a security group: no response within {}", short(check.timeout));
        return Found { outcome: ProbeOutcome::TimedOut, detail };
    }
    let started = Instant::now();
    match tokio::time::timeout(check.timeout, exchange(probed, tls)).await {
        Err(_) => {
            let detail = format!("no response within {}", short(check.timeout));
            Found { outcome: ProbeOutcome::TimedOut, detail }
        }
        Ok(Err(fault)) => fault.found(),
        Ok(Ok(answer)) => judge(probed, &answer, started.elapsed()),
    }
}

/// The seam between protocols: each makes of a target an answer with a code, or a fault.
async fn exchange(probed: &Probed, tls: &TargetTls) -> Result<Answer, Fault> {
    let check = &probed.settings.health_check;
    let dial = dial_address(probed)?;
    let version = probed.settings.protocol_version;
    let port = check.port.unwrap_or(probed.target.port);
    let stream = connect::connect(dial, check.protocol, version, probed.target_policy, tls).await?;
    let kind = match version {
        ProtocolVersion::Http1 => {
            let request = http1::request(probed.target.address, port, check.protocol, &check.path);
            return Ok(http1::exchange(stream, &request, |code| !check.matcher.contains(code)).await?);
        }
        ProtocolVersion::Http2 => Kind::Http2,
        ProtocolVersion::Grpc => Kind::Grpc,
    };
    let secure = check.protocol == TargetProtocol::Https;
    let authority = SocketAddr::new(probed.target.address, port);
    let said = http2::exchange(stream, kind, secure, authority, &check.path).await.map_err(Fault::Http2)?;
    let code = match kind {
        Kind::Http2 => said.status,
        Kind::Grpc => said.grpc_status.ok_or(Fault::NoGrpcStatus { status: said.status })?,
    };
    let excerpt = if check.matcher.contains(code) { String::new() } else { said.excerpt };
    Ok(Answer { code, excerpt })
}

/// Where to connect to. A separate health check port is another port of the same task; behind published ports this
/// machine can reach only those that were published for traffic.
fn dial_address(probed: &Probed) -> Result<SocketAddr, Fault> {
    match probed.settings.health_check.port {
        None => Ok(probed.dial),
        Some(port) if port == probed.target.port => Ok(probed.dial),
        Some(port) if probed.dial.ip() == probed.target.address => Ok(SocketAddr::new(probed.dial.ip(), port)),
        Some(port) => Err(Fault::NotPublished(port)),
    }
}

fn judge(probed: &Probed, answer: &Answer, took: Duration) -> Found {
    let code = answer.code;
    let took = short(took);
    if probed.settings.health_check.matcher.contains(code) {
        return Found { outcome: ProbeOutcome::Passed { code }, detail: format!("answered {code} in {took}") };
    }
    let mut detail = format!("answered {code} in {took}");
    if !answer.excerpt.is_empty() {
        detail = format!("{detail}: {}", answer.excerpt);
    }
    Found { outcome: ProbeOutcome::CodeMismatch { code }, detail }
}

/// Why there is no answer.
#[derive(Debug)]
enum Fault {
    Connect(ConnectFault),
    Answer(AnswerFault),
    /// The port of the health check cannot be reached from here.
    NotPublished(u16),
    /// What was answered is not HTTP/2, or the connection broke.
    Http2(h2::Error),
    /// A call of gRPC came back without `grpc-status`.
    NoGrpcStatus {
        status: u16,
    },
}

impl From<ConnectFault> for Fault {
    fn from(fault: ConnectFault) -> Self {
        Self::Connect(fault)
    }
}

impl From<AnswerFault> for Fault {
    fn from(fault: AnswerFault) -> Self {
        Self::Answer(fault)
    }
}

impl Fault {
    fn found(self) -> Found {
        let detail = match &self {
            Self::Connect(ConnectFault::Tcp(error)) => in_words(error),
            Self::Connect(ConnectFault::Tls(error)) => format!("TLS handshake failed: {error}"),
            Self::Answer(AnswerFault::Io(error)) => in_words(error),
            Self::Answer(AnswerFault::Closed { received: 0 }) => "closed the connection without a response".into(),
            Self::Answer(AnswerFault::Closed { received }) => {
                format!("closed the connection in the middle of the response head, after {received} bytes")
            }
            Self::Answer(AnswerFault::NotHttp { excerpt }) => format!("answered something that is not HTTP: {excerpt}"),
            Self::Answer(AnswerFault::TooLong) => "answered with an endless head".into(),
            Self::NotPublished(port) => {
                format!(
                    "port {port} of the health check is not published to this machine; declare it as a port mapping"
                )
            }
            Self::Http2(error) => match error.get_io() {
                Some(error) => in_words(error),
                None => format!("HTTP/2 failed: {error}"),
            },
            Self::NoGrpcStatus { status } => format!("answered HTTP {status} without grpc-status"),
        };
        let vanished = match &self {
            Self::Connect(ConnectFault::Tcp(error)) | Self::Answer(AnswerFault::Io(error)) => is_unanswered(error),
            _ => false,
        };
        let outcome = match self {
            _ if vanished => ProbeOutcome::TimedOut,
            Self::NoGrpcStatus { .. } => ProbeOutcome::NoGrpcStatus,
            _ => ProbeOutcome::Failed,
        };
        Found { outcome, detail }
    }
}

/// Whether there was no response at all. This machine's kernel says so at once where a VPC would stay silent.
fn is_unanswered(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(error.kind(), HostUnreachable | NetworkUnreachable | TimedOut)
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        io::ErrorKind::BrokenPipe => "connection closed".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        _ => error.to_string(),
    }
}

/// `3 ms`, `1.2 s`, `5 s`.
fn short(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
    }
}
