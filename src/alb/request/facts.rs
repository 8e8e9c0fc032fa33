//! A request as the decisions see it: borrowed bytes of its head, nothing copied. HTTP/2 requests are converted to the
//! same form first.

use std::net::SocketAddr;

use neargate_http1::fields::{FieldKind, Fields};

/// A request with a parsed head.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    /// `GET`, `POST`, or anything else that is a token.
    pub method: &'a [u8],
    /// Host and port of an absolute-form target, or `:authority` of HTTP/2. Takes precedence over `Host`.
    pub authority: Option<&'a [u8]>,
    /// Begins with `/` (or is `*`); still percent-encoded.
    pub path: &'a [u8],
    /// Everything after the first `?`, still percent-encoded.
    pub query: Option<&'a [u8]>,
    /// All header fields.
    pub fields: Fields<'a>,
    /// The peer of the TCP connection; `X-Forwarded-For` is never trusted.
    pub client: SocketAddr,
}

impl<'a> RequestFacts<'a> {
    /// Host and port as the client gave them: the authority, else the first `Host`.
    pub fn host_and_port(&self) -> Option<&'a [u8]> {
        self.authority.or_else(|| self.fields.first(FieldKind::Host))
    }

    /// For a load balancer that preserves `Host`: the field then takes precedence over the authority (ALB user guide,
    /// host header preservation, table), and in rules as well, so that no rule sees one host while the target sees
    /// another.
    pub fn preserving_host(self) -> Self {
        let authority = self.authority.filter(|_| self.fields.first(FieldKind::Host).is_none());
        Self { authority, ..self }
    }

    /// The host alone, as used by conditions and redirects. Empty if there is none.
    pub fn host(&self) -> &'a [u8] {
        split_port(self.host_and_port().unwrap_or_default()).0
    }
}

/// Splits `host:port`. A bracketed IPv6 address keeps its brackets; the part after the last colon is a port only if it
/// is all digits.
pub fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(colon) = authority.iter().rposition(|&byte| byte == b':') else { return (authority, None) };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    let inside_brackets = host.contains(&b':') && !host.ends_with(b"]");
    if inside_brackets || !port.iter().all(u8::is_ascii_digit) { (authority, None) } else { (host, Some(port)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neargate_http1::fields::FieldList;

    #[test]
    fn a_port_is_only_what_follows_the_last_colon_outside_brackets() {
        let cases: [(&str, &str, Option<&str>); 6] = [
            ("example.com", "example.com", None),
            ("example.com:8080", "example.com", Some("8080")),
            ("example.com:", "example.com", Some("")),
            ("[::1]:80", "[::1]", Some("80")),
            ("[::1]", "[::1]", None),
            ("example.com:http", "example.com:http", None),
        ];
        for (authority, host, port) in cases {
            assert_eq!(split_port(authority.as_bytes()), (host.as_bytes(), port.map(str::as_bytes)), "{authority}");
        }
    }

    #[test]
    fn where_host_is_preserved_rules_and_targets_go_by_the_same_host() {
        let of = |fields: &FieldList, preserving| {
            let facts = RequestFacts {
                method: b"GET",
                authority: Some(b"app.example.com"),
                path: b"/",
                query: None,
                fields: fields.fields(),
                client: ([192, 0, 2, 1], 1).into(),
            };
            let facts = if preserving { facts.preserving_host() } else { facts };
            let mut heard = Vec::new();
            crate::head::host::write(&facts, 443, preserving, "lb.example.net", &mut heard);
            (String::from_utf8_lossy(facts.host()).into_owned(), String::from_utf8(heard).unwrap())
        };
        let with_host: FieldList = [("host", "admin.example.com")].into_iter().collect();
        for fields in [&with_host, &FieldList::default()] {
            for preserving in [true, false] {
                let (ruled, heard) = of(fields, preserving);
                assert_eq!(heard, format!("Host: {ruled}\r\n"), "preserving: {preserving}");
            }
        }
        assert_eq!(of(&with_host, true).0, "admin.example.com");
    }
}
