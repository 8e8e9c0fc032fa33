//! A request as the decisions see it: borrowed bytes of its head, nothing copied.
//!
//! Header fields are spans into the received bytes, in the client's order and case, because a target behind an ALB sees
//! exactly those. HTTP/2 requests are first converted to the same form.

use std::net::SocketAddr;

/// A request whose head has been read.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    /// `GET`, `POST`, or anything else that is a token.
    pub method: &'a [u8],
    /// Host and port of an absolute-form target, or `:authority` of HTTP/2. Wins over `Host`.
    pub authority: Option<&'a [u8]>,
    /// Begins with `/` (or is `*`); still percent-encoded.
    pub path: &'a [u8],
    /// What follows the first `?`, still percent-encoded.
    pub query: Option<&'a [u8]>,
    /// All header fields.
    pub fields: Fields<'a>,
    /// The other end of the TCP connection; `X-Forwarded-For` is never believed.
    pub client: SocketAddr,
}

impl<'a> RequestFacts<'a> {
    /// Host and port as the client gave them: the authority, else the first `Host`.
    pub fn host_and_port(&self) -> Option<&'a [u8]> {
        self.authority.or_else(|| self.fields.first(FieldKind::Host))
    }

    /// As a load balancer that preserves `Host` takes it: there the field counts, not the authority (ALB user guide, host
    /// header preservation, table), and for everything, so that no rule goes by one host while the target hears another.
    pub fn preserving_host(self) -> Self {
        let authority = self.authority.filter(|_| self.fields.first(FieldKind::Host).is_none());
        Self { authority, ..self }
    }

    /// The host alone, which is what conditions and redirects use. Empty if there is none.
    pub fn host(&self) -> &'a [u8] {
        split_port(self.host_and_port().unwrap_or_default()).0
    }
}

/// Splits `host:port`. A bracketed IPv6 address keeps its brackets; what follows the last colon counts as a port only
/// if it is all digits.
pub fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(colon) = authority.iter().rposition(|&byte| byte == b':') else { return (authority, None) };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    let inside_brackets = host.contains(&b':') && !host.ends_with(b"]");
    if inside_brackets || !port.iter().all(u8::is_ascii_digit) { (authority, None) } else { (host, Some(port)) }
}

/// The header fields of a head, in the order of arrival.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    spans: &'a [FieldSpan],
}

/// One header field.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Which one it is, if it is one that we treat specially.
    pub kind: FieldKind,
    /// As the client wrote it.
    pub name: &'a [u8],
    /// Without the white space around it.
    pub value: &'a [u8],
}

/// Where a field lies in the bytes of its head.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpan {
    kind: FieldKind,
    name: (u32, u32),
    value: (u32, u32),
}

impl FieldSpan {
    /// Marks the field whose name and value lie at these offsets of `bytes`.
    pub fn new(bytes: &[u8], name: std::ops::Range<usize>, value: std::ops::Range<usize>) -> Self {
        let kind = FieldKind::of(&bytes[name.clone()]);
        Self { kind, name: (name.start as u32, name.end as u32), value: (value.start as u32, value.end as u32) }
    }
}

impl<'a> Fields<'a> {
    /// The fields that `spans` marks in `bytes`.
    pub fn new(bytes: &'a [u8], spans: &'a [FieldSpan]) -> Self {
        Self { bytes, spans }
    }

    /// Whether the fields are everything from `start` up to the empty line, each on a separate line that ends in CR LF:
    /// nothing was left out, and nothing stands before a colon or around a value but blanks.
    pub fn fill_lines(self, start: usize) -> bool {
        let mut at = start;
        for span in self.spans {
            let (name, value) = (span.name, span.value);
            if name.0 as usize != at || name.0 == name.1 || self.bytes.get(name.1 as usize) != Some(&b':') {
                return false;
            }
            at = value.1 as usize;
            while matches!(self.bytes.get(at), Some(b' ' | b'\t')) {
                at += 1;
            }
            if !self.bytes[at..].starts_with(b"\r\n") {
                return false;
            }
            at += 2;
        }
        self.bytes.get(at..) == Some(b"\r\n")
    }

    /// Every field.
    pub fn iter(self) -> impl Iterator<Item = Field<'a>> {
        self.spans.iter().map(move |span| Field {
            kind: span.kind,
            name: &self.bytes[span.name.0 as usize..span.name.1 as usize],
            value: &self.bytes[span.value.0 as usize..span.value.1 as usize],
        })
    }

    /// Values of all fields of this kind.
    pub fn all(self, kind: FieldKind) -> impl Iterator<Item = &'a [u8]> {
        let spans = self.spans.iter().filter(move |span| span.kind == kind);
        spans.map(move |span| &self.bytes[span.value.0 as usize..span.value.1 as usize])
    }

    /// Value of the first field of this kind.
    pub fn first(self, kind: FieldKind) -> Option<&'a [u8]> {
        self.all(kind).next()
    }

    /// Values of all fields of this name, in any case.
    pub fn named(self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }
}

/// The fields that the load balancer reads or replaces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Content-Type`
    ContentType,
    /// `Date`
    Date,
    /// `Expect`
    Expect,
    /// `Host`
    Host,
    /// `Keep-Alive`
    KeepAlive,
    /// `Server`
    Server,
    /// `TE`
    Te,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `User-Agent`
    UserAgent,
    /// `X-Amzn-Trace-Id`
    TraceId,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `X-Forwarded-Port`
    XForwardedPort,
    /// `X-Forwarded-Proto`
    XForwardedProto,
    /// Any other.
    Other,
}

impl FieldKind {
    /// The kind that goes by this name, in any case.
    pub fn of(name: &[u8]) -> Self {
        // The length alone rules out nearly everything, so that most names cost one comparison or none.
        let candidates: &[(&[u8], Self)] = match name.len() {
            2 => &[(b"te", Self::Te)],
            4 => &[(b"host", Self::Host), (b"date", Self::Date)],
            6 => &[(b"expect", Self::Expect), (b"server", Self::Server)],
            7 => &[(b"upgrade", Self::Upgrade)],
            10 => {
                &[(b"user-agent", Self::UserAgent), (b"connection", Self::Connection), (b"keep-alive", Self::KeepAlive)]
            }
            12 => &[(b"content-type", Self::ContentType)],
            14 => &[(b"content-length", Self::ContentLength)],
            15 => &[(b"x-forwarded-for", Self::XForwardedFor), (b"x-amzn-trace-id", Self::TraceId)],
            16 => &[(b"x-forwarded-port", Self::XForwardedPort)],
            17 => &[(b"x-forwarded-proto", Self::XForwardedProto), (b"transfer-encoding", Self::TransferEncoding)],
            _ => &[],
        };
        candidates
            .iter()
            .find(|(candidate, _)| name.eq_ignore_ascii_case(candidate))
            .map_or(Self::Other, |&(_, kind)| kind)
    }
}

/// Header fields that own their bytes: HTTP/2 heads, `explain`, tests.
#[derive(Clone, Debug, Default)]
pub struct FieldList {
    bytes: Vec<u8>,
    spans: Vec<FieldSpan>,
}

impl FieldList {
    /// Adds a field at the end.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        let middle = start + name.len();
        self.spans.push(FieldSpan::new(&self.bytes, start..middle, middle..self.bytes.len()));
    }

    /// Forgets all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }

    /// The fields, for reading.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(&self.bytes, &self.spans)
    }

    /// Bytes of all names and values.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for FieldList {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut list = Self::default();
        for (name, value) in pairs {
            list.push(name.as_bytes(), value.as_bytes());
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            crate::alb::head::host::write(&facts, 443, preserving, "lb.example.net", &mut heard);
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

    #[test]
    fn fields_are_known_by_name_in_any_case_and_keep_their_order() {
        let list: FieldList = [("B", "1"), ("hOsT", "x"), ("b", "2")].into_iter().collect();
        assert_eq!(list.fields().first(FieldKind::Host), Some(&b"x"[..]));
        assert_eq!(list.fields().named(b"b").collect::<Vec<_>>(), [b"1", b"2"]);
    }
}
