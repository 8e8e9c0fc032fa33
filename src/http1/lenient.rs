//! Reads the head of a response of which only the status line has to be right: health checks judge a target by its code,
//! not by the quality of its headers.

/// What matters of such a head.
#[derive(Debug)]
pub struct LenientHead {
    /// The status code.
    pub code: u16,
    /// In bytes, the empty line included.
    pub length: usize,
    /// If it is a number.
    pub content_length: Option<usize>,
    /// The body comes in chunks.
    pub chunked: bool,
    /// The body is no text to read.
    pub compressed: bool,
}

/// The bytes do not begin like a response of HTTP/1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHttp;

/// The head, or `None` while it is incomplete.
pub fn parse(received: &[u8]) -> Result<Option<LenientHead>, NotHttp> {
    let begins_like_http = received.iter().zip(b"HTTP/").all(|(found, expected)| found == expected);
    if !begins_like_http {
        return Err(NotHttp);
    }
    let Some(length) = head_length(received) else { return Ok(None) };
    let head = received.get(..length).unwrap_or_default();
    // The parser gets the status line alone, which is all that has to be right.
    let mut status_line = head.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
    status_line.extend_from_slice(b"\r\n");
    let mut response = httparse::Response::new(&mut []);
    let parsed = response.parse(&status_line);
    let Some(code) = response.code.filter(|_| parsed.is_ok_and(|status| status.is_complete())) else {
        return Err(NotHttp);
    };

    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let header = |name: &str| {
        let mut lines = text.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
    };
    Ok(Some(LenientHead {
        code,
        length,
        content_length: header("content-length").and_then(|value| value.parse().ok()),
        chunked: header("transfer-encoding").is_some_and(|value| value.contains("chunked")),
        compressed: header("content-encoding").is_some_and(|value| value != "identity"),
    }))
}

/// Where the empty line ends, whichever line ends the target writes.
fn head_length(received: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (index, _) in received.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        let line = received.get(line_start..index).unwrap_or_default();
        if line_start > 0 && matches!(line, b"" | b"\r") {
            return Some(index + 1);
        }
        line_start = index + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_may_come_in_pieces() {
        let answer = b"HTTP/1.1 200 OK\r\nDate: x\r\n\r\n";
        for end in 0..answer.len() {
            assert!(parse(&answer[..end]).expect("so far it is HTTP").is_none(), "after {end} bytes");
        }
        assert_eq!(parse(answer).expect("HTTP").map(|head| head.code), Some(200));
    }
}
