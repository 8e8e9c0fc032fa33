//! Header fields of a head: spans into the received bytes, in the sender's order and case, because a target behind an ALB
//! sees exactly those. Nothing is copied.

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
        let kind = FieldKind::from_name(&bytes[name.clone()]);
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

    /// Whether the comma-separated list of a field contains a word, in any case.
    pub fn lists(self, kind: FieldKind, word: &[u8]) -> bool {
        let items = self.all(kind).flat_map(|value| value.split(|&byte| byte == b','));
        items.map(<[u8]>::trim_ascii).any(|item| item.eq_ignore_ascii_case(word))
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
    pub fn from_name(name: &[u8]) -> Self {
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
    fn fields_are_known_by_name_in_any_case_and_keep_their_order() {
        let list: FieldList = [("B", "1"), ("hOsT", "x"), ("b", "2")].into_iter().collect();
        assert_eq!(list.fields().first(FieldKind::Host), Some(&b"x"[..]));
        assert_eq!(list.fields().named(b"b").collect::<Vec<_>>(), [b"1", b"2"]);
    }
}
