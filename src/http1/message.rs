//! What a message may contain, in any version of HTTP: one table for HTTP/1.1 and HTTP/2 clients.
//!
//! ```text
//!  what                                     is                                       because
//!  ---------------------------------------  ---------------------------------------  ------------------------------------
//!  content of 1xx, 204, 304 and of HEAD     removed                                  RFC 9110, section 6.4.1
//!  Content-Length of 1xx and 204            removed                                  RFC 9110, section 8.6
//!  Content-Length of 304 and of HEAD        passed: what GET would have had          RFC 9110, section 8.6
//!  NUL, CR, LF in a request's field         refused with 400                         RFC 9110, section 5.5
//!  another control character there          passed, after desync mitigation          http-desync-guardian
//!  a control character in a response's      refused with 502                         "HTTP headers that are not valid"
//!  a response's name that is no token       refused with 502                         likewise (ALB user guide, HTTP 502)
//!  NUL, CR, LF in a target                  refused with 400                         one line has to hold it
//!  any other byte of a target               passed, after desync mitigation          captures: a raw quotation mark, a space
//!  `*`                                      passed for OPTIONS, else 400             RFC 9112, section 3.2.4
//!  a target without a slash                 refused with 400                         RFC 9112, section 3.2
//!  a host with a slash, a blank, two dots    refused with 400                         RFC 9112, section 3.2; nginx
//!  a fragment                               passed                                   part of the target like any other
//!  CONNECT                                  refused with 400                         no forward proxy
//!  TRACE                                    refused with 405                         ALB user guide, HTTP 405
//!  Connection, Keep-Alive, Upgrade …        removed from either side's message       of one connection only
//! ```
//!
//! Rules for features of one version are in that version's module: chunks and `Expect` in HTTP/1.1, pseudo-headers in
//! HTTP/2.

/// Whether a response has content, judging by its status and its request's method.
pub fn has_content(status: u16, head_only: bool) -> bool {
    !(head_only || status / 100 == 1 || matches!(status, 204 | 304))
}

/// Whether a response without content may state a length: "a server MUST NOT send a Content-Length header field in any
/// response with a status code of 1xx or 204" (RFC 9110, section 8.6).
pub fn may_state_length(status: u16) -> bool {
    status / 100 != 1 && status != 204
}

/// Fields that concern one connection, which HTTP/2 does not have (RFC 9113, section 8.2.2).
pub fn is_of_connection(name: &[u8]) -> bool {
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    // The length alone rules out nearly everything.
    match name.len() {
        7 => is(b"upgrade"),
        10 => is(b"connection") || is(b"keep-alive"),
        16 => is(b"proxy-connection"),
        17 => is(b"transfer-encoding"),
        _ => false,
    }
}

/// Bytes that end a line or a string are allowed in no message, because the next parser would read something else.
pub fn ends_text(byte: u8) -> bool {
    matches!(byte, 0 | b'\r' | b'\n')
}

/// A value without the blanks around it, which belong to no value (RFC 9110, section 5.5).
pub fn trim_blanks(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

/// Whether a head holds a control character; CR and LF count where they are no end of a line. Over the whole head at once,
/// and in this form, because then the compiler makes vectors of it. The last byte is an LF.
pub fn has_odd_byte(head: &[u8]) -> bool {
    let pairs = head.iter().zip(head.get(1..).unwrap_or_default());
    let is_odd = |byte: u8, next: u8| {
        let ends_line = (byte == b'\r') & (next == b'\n') | (byte == b'\n');
        ((byte < b' ') & !ends_line) | (byte == 0x7f)
    };
    pairs.fold(false, |odd, (&byte, &next)| odd | is_odd(byte, next))
}

/// Checks a request's target, apart from its authority: a path with its query, or `*`. The message says what is wrong.
pub fn check_target(method: &[u8], target: &[u8]) -> Result<(), &'static str> {
    if target.iter().copied().any(ends_text) {
        return Err("NUL, CR or LF in the request target");
    }
    if method == b"CONNECT" {
        return Err("CONNECT is for forward proxies");
    }
    let is_asterisk = target == b"*" && method == b"OPTIONS";
    if target.first() == Some(&b'/') || is_asterisk { Ok(()) } else { Err("the request target is not a path") }
}

/// Whether a host, possibly with a port, may be one: "a server must respond with 400 to … a Host header field with an invalid
/// field value" (RFC 9112, section 3.2). As in nginx, these are invalid: an empty host, a slash, blanks and control
/// characters, two dots in a row.
pub fn is_host(host: &[u8]) -> bool {
    let is_bad = |&byte: &u8| byte <= b' ' || byte == 0x7f || byte == b'/';
    !host.is_empty() && !host.iter().any(is_bad) && memchr::memmem::find(host, b"..").is_none()
}

/// Whether a method is one (RFC 9110, section 9.1).
pub fn is_method(method: &[u8]) -> bool {
    is_token(method)
}

/// Whether a name or a method is a token (RFC 9110, section 5.6.2).
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| IS_TOKEN[usize::from(byte)])
}

/// Whether a name is one that HTTP/2 takes: a token in lower case.
pub fn is_field_name(name: &[u8]) -> bool {
    is_token(name) && !name.iter().any(u8::is_ascii_uppercase)
}

/// Whether a value holds nothing but text: "field values containing other CTL characters are also invalid" (RFC 9110,
/// section 5.5).
pub fn is_field_value(value: &[u8]) -> bool {
    !value.iter().any(|&byte| (byte < b' ') & (byte != b'\t') | (byte == 0x7f))
}

/// Checks a field of a response. The message says what is wrong with it.
pub fn check_response_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    match (is_token(name), is_field_value(value)) {
        (true, true) => Ok(()),
        (false, _) => Err("a header name that is not a token"),
        (true, false) => Err("a control character in a header value"),
    }
}

/// Checks a field of a request of HTTP/2 by the rules of RFC 9113, section 8.2; what HTTP/1.1 takes beyond tokens passes
/// here as well. The message says what is wrong with it.
pub fn check_http2_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    let is_bad = |&byte: &u8| byte <= b' ' || byte == b':' || byte >= 0x7f || byte.is_ascii_uppercase();
    if name.is_empty() || name.iter().any(is_bad) {
        return Err("a header name that HTTP/2 does not allow");
    }
    if value.iter().copied().any(ends_text) {
        return Err("NUL, CR or LF in a header value");
    }
    if is_of_connection(name) || name == b"te" && value != b"trailers" {
        return Err("a header of HTTP/1.1's connections");
    }
    Ok(())
}

/// `tchar` of RFC 9110.
static IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"!#$%&'*+-.^_`|~";
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_without_content_is_that_of_get_or_none() {
        let row = |status| (has_content(status, false), has_content(status, true), may_state_length(status));
        assert_eq!(row(200), (true, false, true));
        assert_eq!(row(304), (false, false, true));
        assert_eq!(row(204), (false, false, false));
        assert_eq!(row(103), (false, false, false));
        assert_eq!(row(205), (true, false, true));
    }

    #[test]
    fn a_target_may_hold_every_byte_but_three() {
        let refused: Vec<u8> =
            (0..=255).filter(|&byte| check_target(b"GET", &[b'/', byte, b'?', byte]).is_err()).collect();
        assert_eq!(refused, [0, b'\n', b'\r']);
        assert!(check_target(b"OPTIONS", b"*").is_ok());
        for (method, target) in [(&b"GET"[..], &b"*"[..]), (b"GET", b""), (b"GET", b"a/b"), (b"CONNECT", b"/")] {
            assert!(check_target(method, target).is_err());
        }
    }

    #[test]
    fn a_host_is_what_nginx_takes_for_one() {
        for host in ["e.com", "e.com:80", "[::1]:80", "E_x-1.com.", "é", "a@b"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in ["", "a/b", "a b", "a..b", "a\u{7f}", "\t"] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn fields_of_http2_are_lower_case_and_of_no_connection() {
        let ok = |name: &str, value: &str| check_http2_field(name.as_bytes(), value.as_bytes()).is_ok();
        assert!(ok("a", "1") && ok("a(b", "\u{1}\u{7f}é") && ok("te", "trailers"));
        for (name, value) in
            [("A", ""), ("", ""), ("a b", ""), ("a:", ""), ("a", "b\nc"), ("te", "gzip"), ("upgrade", "h2c")]
        {
            assert!(!ok(name, value), "{name}: {value}");
        }
    }
}
