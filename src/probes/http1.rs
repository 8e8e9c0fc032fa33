//! The health check of HTTP/1.1 target groups on the wire: one GET, byte for byte as the load balancer sends it, and the
//! status of the response.
//!
//! Only the response's status line must be valid; a target is judged by its code, not by the quality of its headers.
//! Redirects are responses like any other and are not followed.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use crate::http1::lenient::{self, LenientHead, NotHttp};
use crate::model::target_group::TargetProtocol;

/// A longer head is taken for one that does not end.
const HEAD_MAX_BYTES: usize = 64 * 1024;
/// As much of the body is read as a typical error page has, so that the target can close without a reset.
const BODY_MAX_BYTES: usize = 16 * 1024;
/// The judgement does not wait longer than this for a body.
const BODY_PATIENCE: Duration = Duration::from_millis(100);
/// What people get to see of a body.
const EXCERPT_MAX_CHARS: usize = 160;

/// A complete head, and the beginning of what followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) code: u16,
    /// One line; empty if the body is empty, compressed, or not wanted.
    pub(super) excerpt: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum AnswerFault {
    Io(io::Error),
    /// Closed before the head was complete.
    Closed {
        received: usize,
    },
    NotHttp {
        excerpt: String,
    },
    TooLong,
}

impl From<io::Error> for AnswerFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The request. `Host` is "the private IP address of the target, followed by the health check port", without the port
/// if it is the protocol's own (ALB user guide, "Health checks"); the order of the headers, and `compressed` for
/// `compress`, are as captured from real load balancers.
pub(super) fn request(address: IpAddr, port: u16, protocol: TargetProtocol, path: &str) -> Vec<u8> {
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let default_port = match protocol {
        TargetProtocol::Http => 80,
        TargetProtocol::Https => 443,
    };
    let port = if port == default_port { String::new() } else { format!(":{port}") };
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {host}{port}\r\n\
         Connection: close\r\n\
         User-Agent: ELB-HealthChecker/2.0\r\n\
         Accept-Encoding: gzip, compressed\r\n\
         \r\n"
    )
    .into_bytes()
}

/// Sends the request and reads the answer. `show_body` says for which codes the beginning of the body is wanted.
pub(super) async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
    show_body: impl Fn(u16) -> bool,
) -> Result<Answer, AnswerFault> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut received = Vec::with_capacity(4096);
    let head = loop {
        match lenient::parse(&received).map_err(|NotHttp| AnswerFault::NotHttp { excerpt: excerpt(&received) })? {
            // 100 and 103 come before the answer.
            Some(head) if (100..200).contains(&head.code) && head.code != 101 => {
                received.drain(..head.length);
            }
            Some(head) => break head,
            None if received.len() > HEAD_MAX_BYTES => return Err(AnswerFault::TooLong),
            None => {
                if stream.read_buf(&mut received).await? == 0 {
                    return Err(AnswerFault::Closed { received: received.len() });
                }
            }
        }
    };
    let mut body = received.split_off(head.length);
    read_body(&mut stream, &head, &mut body).await;
    let excerpt =
        if show_body(head.code) && !head.compressed { excerpt(body_text(&head, &body)) } else { String::new() };
    Ok(Answer { code: head.code, excerpt })
}

/// Takes in what the target has to say, within limits: the code is known, so nothing here can spoil the result.
async fn read_body(stream: &mut (impl AsyncRead + Unpin), head: &LenientHead, body: &mut Vec<u8>) {
    let wanted = head.content_length.unwrap_or(BODY_MAX_BYTES).min(BODY_MAX_BYTES);
    let deadline = Instant::now() + BODY_PATIENCE;
    while body.len() < wanted && !matches!(head.code, 204 | 304) {
        match tokio::time::timeout_at(deadline, stream.read_buf(body)).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0) | Err(_)) | Err(_) => return,
        }
    }
}

/// The beginning of the body without the framing of the first chunk.
fn body_text<'a>(head: &LenientHead, body: &'a [u8]) -> &'a [u8] {
    let framing = if head.chunked { body.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1) } else { 0 };
    body.get(framing..).unwrap_or_default()
}

/// One line of text from untrusted bytes: no control characters, no runs of space, not too long.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let bytes = bytes.get(..bytes.len().min(4 * EXCERPT_MAX_CHARS)).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(EXCERPT_MAX_CHARS) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line_whatever_the_bytes() {
        assert_eq!(excerpt(b"{\n  \"detail\":\t\"boom\"\x1b[31m\n}\n"), "{ \"detail\": \"boom\" [31m }");
        assert_eq!(excerpt("ä".repeat(500).as_bytes()).chars().count(), EXCERPT_MAX_CHARS + 1);
    }
}
