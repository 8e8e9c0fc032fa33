//! Parses HTTP/1 heads: finds their end and their lines.
//!
//! We use our own line splitter instead of httparse: an ALB in its default mode forwards heads that httparse refuses
//! (such as names with odd characters), needs every byte to classify them, and limits bytes, not the number of fields.
//! Names and values are spans into the read buffer.

use std::ops::Range;

use super::bytes::{trim, trim_cr};
use super::error::RequestError;
use super::fields::FieldSpan;
use super::message;
use super::request_fields;

/// Request line and each header line: this many bytes are too many (ALB user guide, quotas: 16 K each; rejection was
/// seen from 16384 on, in the VWS-Python-Mock documentation).
const LONGEST_LINE: usize = 16 * 1024;
/// Largest head of a request (ALB user guide, quotas: 64 K).
const LARGEST_REQUEST_HEAD: usize = 64 * 1024;
/// Largest head of a response (ALB user guide, troubleshooting, HTTP 502: 32 K).
const LARGEST_RESPONSE_HEAD: usize = 32 * 1024;

/// Looks for the end of a head as it arrives; goes over every byte once.
#[derive(Debug)]
pub struct HeadScanner {
    checked: usize,
    line_start: usize,
    longest_line: usize,
    largest_head: usize,
    /// The first line may be all there is.
    simple: bool,
}

/// A line or the whole head is larger than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl HeadScanner {
    /// With the limits of requests.
    pub fn for_request() -> Self {
        let (longest_line, largest_head) = (LONGEST_LINE, LARGEST_REQUEST_HEAD);
        Self { checked: 0, line_start: 0, longest_line, largest_head, simple: true }
    }

    /// With the limits of responses.
    pub fn for_response() -> Self {
        let (longest_line, largest_head) = (usize::MAX, LARGEST_RESPONSE_HEAD);
        Self { checked: 0, line_start: 0, longest_line, largest_head, simple: false }
    }

    /// Whether nothing was looked at yet.
    pub fn is_fresh(&self) -> bool {
        self.checked == 0
    }

    /// Length of the head with its empty line, once that is there. `bytes` begins with the head and may only have
    /// grown since the last call.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, TooLarge> {
        while let Some(found) = memchr::memchr(b'\n', &bytes[self.checked..]) {
            let line_end = self.checked + found;
            let line = trim_cr(&bytes[self.line_start..line_end]);
            if line.len() >= self.longest_line || line_end >= self.largest_head {
                return Err(TooLarge);
            }
            self.checked = line_end + 1;
            let is_end = if self.line_start > 0 { line.is_empty() } else { self.simple && is_simple(line) };
            if is_end {
                return Ok(Some(self.checked));
            }
            self.line_start = self.checked;
        }
        self.checked = bytes.len();
        let too_large = bytes.len() - self.line_start > self.longest_line || bytes.len() > self.largest_head;
        if too_large { Err(TooLarge) } else { Ok(None) }
    }

    /// Why these bytes begin no request, however they go on: their first byte is in no method. A TLS handshake has no line
    /// feed at which its request line would be found to be none, and its client would wait for as long as the load balancer.
    pub fn what_is_no_request(bytes: &[u8]) -> Option<RequestError> {
        /// The type of a handshake record (RFC 8446, section 5.1).
        const HANDSHAKE: u8 = 0x16;
        match bytes.first()? {
            &HANDSHAKE => Some(RequestError::Malformed("a TLS handshake, which this port does not speak")),
            first if !message::is_method(std::slice::from_ref(first)) => {
                Some(RequestError::Malformed("it does not begin with a method"))
            }
            _ => None,
        }
    }

    /// What a request is refused for that is too large. Its first 16 K tell, however much of it has arrived: they hold the
    /// beginning of the URL, and not its end.
    pub fn what_is_too_large(&self, bytes: &[u8]) -> RequestError {
        let spaces = memchr::memchr_iter(b' ', &bytes[..LONGEST_LINE.min(bytes.len())]).count();
        let is_url = self.line_start == 0 && spaces == 1;
        if is_url { RequestError::UrlTooLarge } else { RequestError::HeadTooLarge }
    }
}

/// Whether a request line is a whole request of HTTP/0.9: `GET` and a path.
pub fn is_simple(line: &[u8]) -> bool {
    line.strip_prefix(b"GET ").is_some_and(|target| target.starts_with(b"/") && memchr::memchr(b' ', target).is_none())
}

/// Version of HTTP before 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/0.9: no header fields, neither there nor back.
    Http09,
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// Where the parts of a request line lie.
#[derive(Clone, Debug)]
pub struct RequestLine {
    /// A token.
    pub method: Range<usize>,
    /// Host and port of an absolute-form target.
    pub authority: Option<Range<usize>>,
    /// Empty when an absolute-form target has no path.
    pub path: Range<usize>,
    /// What follows the first `?`.
    pub query: Option<Range<usize>>,
    /// At the end of the line; without one it is HTTP/0.9.
    pub version: Version,
}

/// Takes a complete head of a request apart. On an error `fields` are those before it.
pub fn parse_request(head: &[u8], fields: &mut Vec<FieldSpan>) -> Result<RequestLine, RequestError> {
    fields.clear();
    let line_end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    let line = parse_request_line(trim_cr(&head[..line_end]))?;
    request_fields::parse(head, line_end + 1, fields).map_err(RequestError::Malformed)?;
    Ok(line)
}

/// Takes whatever has one meaning only: odd characters in a target and blanks around a version are for desync
/// mitigation to judge, before this.
fn parse_request_line(line: &[u8]) -> Result<RequestLine, RequestError> {
    let malformed = RequestError::Malformed;
    if is_simple(line) {
        return parse_simple(line);
    }
    let line = &line[..trim(line, 0).end];
    let method_end = memchr::memchr(b' ', line).ok_or(malformed("the request line has no target"))?;
    let target_end = memchr::memrchr(b' ', line).filter(|&end| end > method_end);
    let target_end = target_end.ok_or(malformed("the request line has no version"))?;
    let method = &line[..method_end];
    if !message::is_method(method) {
        return Err(malformed("the method is not a token"));
    }
    let target = method_end + 1..target_end;
    // As in nginx the target comes before the version: what HTTP/2 begins with, `PRI * HTTP/2.0`, is 400, as was seen on a
    // real load balancer, and not 505.
    let (authority, rest) = split_target(line, target)?;
    let (path, query) = split_query(line, rest);
    let version = match &line[target_end + 1..] {
        b"HTTP/1.0" => Version::Http10,
        // nginx treats later minor versions as 1.1, and so did every HTTP/1 server since.
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Version::Http11,
        // A major version above 1, as nginx reads it: at its first digit, or its second.
        [b'H', b'T', b'T', b'P', b'/', b'2'..=b'9', ..] | [b'H', b'T', b'T', b'P', b'/', b'1', b'0'..=b'9', ..] => {
            return Err(RequestError::UnexpectedVersion);
        }
        _ => return Err(malformed("the version is not HTTP/1")),
    };
    Ok(RequestLine { method: 0..method_end, authority, path, query, version })
}

fn parse_simple(line: &[u8]) -> Result<RequestLine, RequestError> {
    let method = 0.."GET".len();
    let target = method.end + 1..line.len();
    message::check_target(&line[method.clone()], &line[target.clone()]).map_err(RequestError::Malformed)?;
    let (path, query) = split_query(line, target);
    Ok(RequestLine { method, authority: None, path, query, version: Version::Http09 })
}

fn split_query(line: &[u8], target: Range<usize>) -> (Range<usize>, Option<Range<usize>>) {
    match memchr::memchr(b'?', &line[target.clone()]).map(|at| target.start + at) {
        Some(question) => (target.start..question, Some(question + 1..target.end)),
        None => (target, None),
    }
}

/// Splits off the authority of an absolute-form target.
fn split_target(line: &[u8], target: Range<usize>) -> Result<(Option<Range<usize>>, Range<usize>), RequestError> {
    let (text, method) = (&line[target.clone()], &line[..target.start - 1]);
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    // What a URL has in front of its path ends in a slash.
    let path = scheme.map_or(text, |scheme| &text[scheme.len() - 1..]);
    message::check_target(method, path).map_err(RequestError::Malformed)?;
    let Some(scheme) = scheme else { return Ok((None, target)) };
    let start = target.start + scheme.len();
    let length = line[start..target.end].iter().position(|byte| matches!(byte, b'/' | b'?'));
    let end = length.map_or(target.end, |length| start + length);
    if start == end {
        return Err(RequestError::Malformed("the URL of the request target has no host"));
    }
    Ok((Some(start..end), end..target.end))
}

/// Where the status code and the reason phrase lie.
#[derive(Clone, Debug)]
pub struct StatusLine {
    /// Never HTTP/0.9.
    pub version: Version,
    /// At least 100.
    pub status: u16,
    /// The reason phrase. May be empty.
    pub reason: Range<usize>,
}

/// Parses a complete response head. The message says what is wrong with it.
pub fn parse_response(head: &[u8], fields: &mut Vec<FieldSpan>) -> Result<StatusLine, &'static str> {
    let line_end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    let line = trim_cr(&head[..line_end]);
    let version = match line.get(..9) {
        Some(b"HTTP/1.1 ") => Version::Http11,
        Some(b"HTTP/1.0 ") => Version::Http10,
        _ => return Err("the status line does not begin with HTTP/1.1 or HTTP/1.0"),
    };
    let status = match line.get(9..12) {
        Some([a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => return Err("the status code is not a number of three digits"),
    };
    let reason = match line.get(12) {
        None => 12..12,
        Some(b' ') => 13..line.len(),
        Some(_) => return Err("the status code is not a number of three digits"),
    };
    if line[reason.clone()].iter().any(|&byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
        return Err("a control character in the reason phrase");
    }
    parse_fields(head, line_end + 1, fields)?;
    Ok(StatusLine { version, status, reason })
}

/// Splits header lines of a response from `start` up to the empty line.
fn parse_fields(head: &[u8], mut start: usize, fields: &mut Vec<FieldSpan>) -> Result<(), &'static str> {
    fields.clear();
    let clean = !message::has_odd_byte(head);
    while let Some(length) = memchr::memchr(b'\n', &head[start..]) {
        let line = trim_cr(&head[start..start + length]);
        if line.is_empty() {
            break;
        }
        let colon = memchr::memchr(b':', line).ok_or("a header line without a colon")?;
        if colon == 0 {
            return Err("a header without a name");
        }
        // White space in or around a name is how a second Content-Length is hidden from one of two readers; a line
        // that begins with it continues the line before, which is not supported either.
        let value = trim(line, colon + 1);
        message::check_response_field(&line[..colon], if clean { b"" } else { &line[value.clone()] })?;
        fields.push(FieldSpan::new(head, start..start + colon, start + value.start..start + value.end));
        start += length + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fields::Fields;

    fn request(head: &str) -> Result<(String, Vec<(String, String)>), RequestError> {
        let mut spans = Vec::new();
        let line = parse_request(head.as_bytes(), &mut spans)?;
        let text = |range: &Range<usize>| head[range.clone()].to_owned();
        let parts = [
            text(&line.method),
            line.authority.as_ref().map_or("-".into(), text),
            text(&line.path),
            line.query.as_ref().map_or("-".into(), text),
        ];
        let fields = Fields::new(head.as_bytes(), &spans);
        let owned = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((parts.join(" "), fields.iter().map(|field| (owned(field.name), owned(field.value))).collect()))
    }

    #[test]
    fn the_parts_of_a_request_line_are_found() {
        let cases = [
            ("GET / HTTP/1.1", "GET - / -"),
            ("GET /a?b=c?d HTTP/1.0", "GET - /a b=c?d"),
            ("GET /a? HTTP/1.1", "GET - /a "),
            ("OPTIONS * HTTP/1.1", "OPTIONS - * -"),
            ("GET http://e.com:81/x?y HTTP/1.1", "GET e.com:81 /x y"),
            ("GET HTTPS://e.com HTTP/1.1", "GET e.com  -"),
            ("GET http://e.com?q HTTP/1.1", "GET e.com  q"),
            ("GET /a b HTTP/1.1", "GET - /a b -"),
            ("GET / HTTP/1.3 ", "GET - / -"),
            ("GET /a?b", "GET - /a b"),
        ];
        for (line, expected) in cases {
            assert_eq!(request(&format!("{line}\r\n\r\n")).unwrap().0, expected, "{line}");
        }
    }

    #[test]
    fn fields_keep_order_and_case_and_lose_the_blanks_around_their_values() {
        let (_, fields) = request("GET / HTTP/1.1\r\nB: \t x y\t\r\na:\r\n+c: ;\n\r\n").unwrap();
        let expected = [("B", "x y"), ("a", ""), ("+c", ";")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(fields, expected);
    }

    #[test]
    fn malformed_heads_are_refused() {
        let lines = [
            "GET",
            "GET a",
            "POST /",
            "GET /a b",
            "GET  HTTP/1.1",
            " / HTTP/1.1",
            "G(T / HTTP/1.1",
            "GET / http/1.1",
            "GET a HTTP/1.1",
            "GET * HTTP/1.1",
            "GET http:// HTTP/1.1",
            "CONNECT e.com:1 HTTP/1.1",
            "PRI * HTTP/2.0",
            "GET / HTTP/1.1\r\nA: b\rc",
            "GET / HTTP/1.1\r\nA: b\0",
        ];
        for line in lines {
            let refused = request(&format!("{line}\r\n\r\n"));
            assert!(matches!(refused, Err(RequestError::Malformed(_))), "{line:?}");
        }
        for line in ["GET / HTTP/2.0", "GET / HTTP/3", "GET / HTTP/11"] {
            let later = request(&format!("{line}\r\n\r\n"));
            assert!(matches!(later, Err(RequestError::UnexpectedVersion)), "{line}: {later:?}");
        }
    }

    #[test]
    fn what_no_method_begins_with_is_known_by_its_first_byte() {
        let is_none = |bytes: &[u8]| HeadScanner::what_is_no_request(bytes).is_some();
        assert!(is_none(b"\x16\x03\x01") && is_none(b"\0") && is_none(b" GET") && is_none(b"\xff"));
        assert!(!is_none(b"") && !is_none(b"G") && !is_none(b"!"));
    }

    #[test]
    fn a_request_of_http_0_9_ends_with_its_line() {
        let scan = |head: &str| HeadScanner::for_request().scan(head.as_bytes()).unwrap();
        assert_eq!(scan("GET /a\r\nX"), Some("GET /a\r\n".len()));
        assert_eq!(scan("GET /a"), None);
        assert_eq!(scan("GET /a HTTP/1.0\r\n"), None);
        assert_eq!(scan("POST /a\r\n"), None);
    }

    #[test]
    fn lines_and_heads_have_their_limits() {
        let line = |length: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(length - 3));
        let scan = |head: &str| HeadScanner::for_request().scan(head.as_bytes());
        assert!(scan(&line(16_383)).unwrap().is_some());
        assert_eq!(scan(&line(16_384)), Err(TooLarge));
        assert_eq!(scan(&"x".repeat(16_385)), Err(TooLarge), "before the line has ended");
        let fields = format!("A: {}\r\n", "x".repeat(8_187)).repeat(8);
        assert_eq!(scan(&format!("GET / HTTP/1.1\r\n{fields}\r\n")), Err(TooLarge));
    }

    #[test]
    fn status_lines_are_read_with_and_without_a_reason() {
        let parse = |line: &str| {
            let head = format!("{line}\r\n\r\n");
            let parsed = parse_response(head.as_bytes(), &mut Vec::new())?;
            Ok::<_, &str>((parsed.status, head[parsed.reason].to_owned()))
        };
        assert_eq!(parse("HTTP/1.1 200 All is well"), Ok((200, "All is well".into())));
        assert_eq!(parse("HTTP/1.0 404"), Ok((404, String::new())));
        assert_eq!(parse("HTTP/1.1 204 "), Ok((204, String::new())));
        for bad in ["HTTP/2 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1  200", "ICY 200 OK"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_end_is_found_however_the_head_arrives(
            lines in proptest::collection::vec("[A-Z]{1,3}: [a-z]{0,5}", 0..5),
            size in 1_usize..9,
            crlf in any::<bool>(),
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let head: String = std::iter::once("GET / HTTP/1.1".to_owned()).chain(lines).map(|line| line + end).collect();
            let bytes = format!("{head}{end}rest");
            let mut scanner = HeadScanner::for_request();
            let mut found = None;
            for upto in (0..=bytes.len()).step_by(size).chain([bytes.len()]) {
                found = found.or(scanner.scan(&bytes.as_bytes()[..upto]).unwrap());
            }
            prop_assert_eq!(found, Some(bytes.len() - 4));
        }
    }
}
