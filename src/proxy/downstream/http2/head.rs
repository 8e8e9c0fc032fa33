//! An HTTP/2 request head: pseudo-headers, then fields (RFC 9113, section 8.3).

use std::net::SocketAddr;
use std::ops::Range;

use http::HeaderValue;

use super::opaque::{Flaw, Opened};
use crate::alb::request::facts::RequestFacts;
use crate::http1::fields::{FieldSpan, Fields};
use crate::http1::message;
use crate::proxy::answer::error::ProxyError;

/// The parsed parts of a head.
#[derive(Default)]
pub(crate) struct Head {
    opened: Opened,
    method: Range<usize>,
    authority: Option<Range<usize>>,
    path: Range<usize>,
    query: Option<Range<usize>>,
    spans: Vec<FieldSpan>,
    /// Names and values of its fields.
    size: usize,
}

/// Why a head is not served.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: ProxyError,
    /// It breaks the rules of HTTP/2 itself: "malformed requests … must be treated as a stream error of type
    /// PROTOCOL_ERROR", before which an answer may be sent (RFC 9113, section 8.1.1).
    pub(crate) is_malformed: bool,
}

impl Refusal {
    pub(crate) fn malformed(what: &'static str) -> Self {
        Self { error: ProxyError::MalformedRequest(what), is_malformed: true }
    }

    fn unfit(what: &'static str) -> Self {
        Self { error: ProxyError::MalformedRequest(what), is_malformed: false }
    }
}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::TooLarge => Self { error: ProxyError::RequestHeadTooLarge, is_malformed: false },
            Flaw::UrlTooLarge => Self { error: ProxyError::UrlTooLarge, is_malformed: false },
            Flaw::DependsOnItself => Self::malformed("a stream that depends on itself"),
        }
    }
}

impl Head {
    /// Opens what [`super::heads`] wrote, and checks it.
    pub(crate) fn read(value: Option<HeaderValue>) -> (Self, Option<Refusal>) {
        let value = value.ok_or(Refusal::malformed("no head"));
        match value.and_then(|value| Opened::read(value).map_err(Refusal::from)) {
            Ok(opened) => {
                let mut head = Self { opened, ..Self::default() };
                let refusal = head.sort().err();
                (head, refusal)
            }
            Err(refusal) => (Self::default(), Some(refusal)),
        }
    }

    fn sort(&mut self) -> Result<(), Refusal> {
        let (mut method, mut scheme, mut path) = (None, None, None);
        let bytes = self.opened.bytes();
        for (name, value) in self.opened.fields() {
            let text = &bytes[value.clone()];
            let slot = match &bytes[name.clone()] {
                b":method" => &mut method,
                b":scheme" => &mut scheme,
                b":authority" => &mut self.authority,
                b":path" => &mut path,
                [b':', ..] => return Err(Refusal::malformed("an unknown pseudo-header")),
                field => {
                    message::check_http2_field(field, text).map_err(Refusal::malformed)?;
                    let trimmed = message::trim_blanks(text);
                    // Where the trimmed part lies: blanks are taken off both ends.
                    let blanks = text
                        .iter()
                        .take_while(|byte| matches!(byte, b' ' | b'\t'))
                        .count()
                        .min(text.len() - trimmed.len());
                    let value = value.start + blanks..value.start + blanks + trimmed.len();
                    self.size += name.len() + value.len();
                    self.spans.push(FieldSpan::new(bytes, name, value));
                    continue;
                }
            };
            if !self.spans.is_empty() || slot.is_some() {
                return Err(Refusal::malformed("a pseudo-header that comes twice, or behind a field"));
            }
            *slot = Some(value);
        }
        self.method = method.ok_or(Refusal::malformed("no method"))?;
        let is_connect = &bytes[self.method.clone()] == b"CONNECT";
        self.path = path.unwrap_or_default();
        if !is_connect && (scheme.is_none() || self.path.is_empty()) {
            return Err(Refusal::malformed("no scheme, or no path"));
        }
        let authority = self.authority.clone().unwrap_or_default();
        if bytes[authority].iter().copied().any(message::ends_text) {
            return Err(Refusal::malformed("NUL, CR or LF in :authority"));
        }
        if !message::is_method(&bytes[self.method.clone()]) {
            return Err(Refusal::unfit("the method is not a token"));
        }
        let target = self.path.clone();
        message::check_target(&bytes[self.method.clone()], &bytes[target.clone()]).map_err(Refusal::unfit)?;
        if let Some(question) = memchr::memchr(b'?', &bytes[target.clone()]).map(|at| target.start + at) {
            self.path = target.start..question;
            self.query = Some(question + 1..target.end);
        }
        Ok(())
    }

    pub(crate) fn method(&self) -> &[u8] {
        &self.opened.bytes()[self.method.clone()]
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields::new(self.opened.bytes(), &self.spans)
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// As long as it would be in HTTP/1. What HPACK made of it is not counted; an ALB counts what went over the wire
    /// (user guide, "Access logs", example HTTP/2 entry).
    pub(crate) fn size_on_the_wire(&self) -> u64 {
        let target = self.path.len() + self.query.as_ref().map_or(0, |query| query.len() + 1);
        let host = self.authority.as_ref().map_or(0, |authority| authority.len() + "host: \r\n".len());
        let fields = self.size + self.spans.len() * ": \r\n".len();
        (self.method.len() + target + "  HTTP/2.0\r\n\r\n".len() + host + fields) as u64
    }

    pub(crate) fn facts(&self, client: SocketAddr) -> RequestFacts<'_> {
        let bytes = self.opened.bytes();
        RequestFacts {
            method: self.method(),
            authority: self.authority.clone().map(|range| &bytes[range]),
            path: &bytes[self.path.clone()],
            query: self.query.clone().map(|range| &bytes[range]),
            fields: self.fields(),
            client,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::downstream::http2::opaque::Writer;

    fn read(fields: &[(&str, &str)]) -> (Head, Option<Refusal>) {
        let mut writer = Writer::default();
        fields.iter().for_each(|(name, value)| writer.field(name.as_bytes(), value.as_bytes()));
        Head::read(Some(HeaderValue::from_bytes(writer.finish()).unwrap()))
    }

    const GET: [(&str, &str); 4] =
        [(":method", "GET"), (":scheme", "https"), (":authority", "e.com"), (":path", "/a \"b\"?c{\u{7f}}#d")];

    #[test]
    fn a_head_is_taken_apart_whatever_its_target_holds() {
        let (head, refusal) = read(&[&GET[..], &[("b", " 1 "), ("a", ""), ("b", "2")]].concat());
        assert!(refusal.is_none());
        let facts = head.facts(([192, 0, 2, 1], 1).into());
        assert_eq!((facts.method, facts.authority), (&b"GET"[..], Some(&b"e.com"[..])));
        assert_eq!((facts.path, facts.query), (&b"/a \"b\""[..], Some(&b"c{\x7f}#d"[..])));
        let fields: Vec<_> = facts.fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(fields, [(&b"b"[..], &b"1"[..]), (b"a", b""), (b"b", b"2")]);
    }

    #[test]
    fn a_head_that_breaks_the_rules_of_http2_is_malformed_and_one_that_http1_would_not_take_either_is_unfit() {
        let with = |fields: &[(&'static str, &'static str)]| {
            read(&[&GET[..], fields].concat()).1.map(|refusal| refusal.is_malformed)
        };
        assert_eq!(with(&[("x", "y")]), None);
        for malformed in [("X", ""), (":path", "/"), (":protocol", "websocket"), ("a", "b\0"), ("connection", "close")]
        {
            assert_eq!(with(&[malformed]), Some(true), "{malformed:?}");
        }
        let path = |method, path| {
            read(&[(":method", method), (":scheme", "https"), (":path", path)]).1.map(|refusal| refusal.is_malformed)
        };
        assert_eq!(path("OPTIONS", "*"), None);
        assert_eq!(path("GET", ""), Some(true));
        for (method, target) in [("GET", "*"), ("GET", "a"), ("GET", "/\0"), ("G T", "/"), ("CONNECT", "")] {
            assert_eq!(path(method, target), Some(false), "{method} {target}");
        }
    }
}
