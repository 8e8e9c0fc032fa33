//! A head as one opaque value that `h2` carries: names and values in sequence, each terminated by a mark. A field of
//! `http` allows no control character except the tab, so a tab introduces everything that is not plain text: a mark, or a
//! control character.

use std::ops::Range;

use http::HeaderValue;

const TAB: u8 = b'\t';
/// After a tab: the end of a name or a value.
const END: u8 = b'|';
/// What makes a control character a visible one, which is never `|`.
const SHIFT: u8 = 0x40;

/// ALB user guide, quotas: 64 K for all headers, 16 K for one, and for the URL.
const LARGEST_HEAD: usize = 64 * 1024;
const LARGEST_FIELD: usize = 16 * 1024;
/// Larger heads are refused by us with the load balancer's page, so clients have to be told that we take them.
pub(crate) const LARGEST_HEADER_LIST: u32 = 128 * 1024;
/// The output is longer than the input, and `h2` accepts no more than its limit.
const LARGEST_WRITTEN: usize = LARGEST_HEADER_LIST as usize - 4 * 1024;

/// Why a head cannot be asked about its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is too large, or one of its fields is.
    TooLarge,
    /// Its URL is.
    UrlTooLarge,
    /// The stream was said to depend on itself (RFC 9113, section 5.3.2, and RFC 7540, section 5.3.1).
    DependsOnItself,
}

impl Flaw {
    const ALL: [Self; 3] = [Self::TooLarge, Self::UrlTooLarge, Self::DependsOnItself];

    fn mark(self) -> u8 {
        b'a' + self as u8
    }
}

/// Writes one.
#[derive(Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
    size: usize,
    flaw: Option<Flaw>,
}

impl Writer {
    pub(crate) fn field(&mut self, name: &[u8], value: &[u8]) {
        if name == b":path" && value.len() >= LARGEST_FIELD {
            self.flaw = Some(Flaw::UrlTooLarge);
        }
        if !name.starts_with(b":") {
            self.size += name.len() + value.len();
            if name.len() + value.len() + ": ".len() >= LARGEST_FIELD
                || self.size > LARGEST_HEAD
                || self.out.len() > LARGEST_WRITTEN - 2 * LARGEST_FIELD
            {
                self.refuse(Flaw::TooLarge);
            }
        }
        if self.flaw.is_none() {
            if self.out.capacity() == 0 {
                self.out.reserve(1024);
            }
            for part in [name, value] {
                escape(part, &mut self.out);
                self.out.extend_from_slice(&[TAB, END]);
            }
        }
    }

    /// The first reason counts, but for the URL, which is told whatever else is.
    pub(crate) fn refuse(&mut self, flaw: Flaw) {
        self.flaw.get_or_insert(flaw);
    }

    pub(crate) fn finish(&mut self) -> &[u8] {
        if let Some(flaw) = self.flaw {
            self.out.clear();
            self.out.push(flaw.mark());
        }
        &self.out
    }
}

fn escape(mut part: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = part.iter().position(u8::is_ascii_control) {
        out.extend_from_slice(&part[..at]);
        out.extend_from_slice(&[TAB, part[at] ^ SHIFT]);
        part = &part[at + 1..];
    }
    out.extend_from_slice(part);
}

/// One that was read back. What it says lies in `bytes`.
#[derive(Default)]
pub(crate) struct Opened {
    bytes: Bytes,
    /// Names and values in turn.
    parts: Vec<Range<usize>>,
}

enum Bytes {
    /// As they came.
    Whole(HeaderValue),
    /// There were control characters among them.
    Unescaped(Vec<u8>),
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Unescaped(Vec::new())
    }
}

impl Opened {
    pub(crate) fn read(value: HeaderValue) -> Result<Self, Flaw> {
        let text = value.as_bytes();
        if let [mark] = text
            && let Some(flaw) = Flaw::ALL.into_iter().find(|flaw| flaw.mark() == *mark)
        {
            return Err(flaw);
        }
        let mut parts = Vec::with_capacity(32);
        let mut start = 0;
        for tab in memchr::memchr_iter(TAB, text) {
            if text.get(tab + 1) != Some(&END) {
                return Ok(Self::unescape(text));
            }
            parts.push(start..tab);
            start = tab + 2;
        }
        Ok(Self { bytes: Bytes::Whole(value), parts })
    }

    fn unescape(text: &[u8]) -> Self {
        let (mut bytes, mut parts, mut start) = (Vec::with_capacity(text.len()), Vec::new(), 0);
        let mut input = text.iter();
        while let Some(&byte) = input.next() {
            match (byte, input.as_slice().first()) {
                (TAB, Some(&END)) => {
                    parts.push(start..bytes.len());
                    start = bytes.len();
                    input.next();
                }
                (TAB, Some(&shifted)) => {
                    bytes.push(shifted ^ SHIFT);
                    input.next();
                }
                _ => bytes.push(byte),
            }
        }
        Self { bytes: Bytes::Unescaped(bytes), parts }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Whole(value) => value.as_bytes(),
            Bytes::Unescaped(bytes) => bytes,
        }
    }

    /// Where names and values lie.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        self.parts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            fields in proptest::collection::vec((
                proptest::collection::vec(any::<u8>(), 0..10),
                proptest::collection::vec(any::<u8>(), 0..30),
            ), 0..8),
        ) {
            let mut writer = Writer::default();
            fields.iter().for_each(|(name, value)| writer.field(name, value));
            let opened = Opened::read(HeaderValue::from_bytes(writer.finish()).unwrap()).unwrap();
            let read: Vec<_> = opened.fields().map(|(name, value)| {
                (opened.bytes()[name].to_vec(), opened.bytes()[value].to_vec())
            }).collect();
            prop_assert_eq!(read, fields);
        }
    }

    #[test]
    fn what_is_too_large_is_only_said_to_be() {
        let flaw = |name: &[u8], length: usize| {
            let mut writer = Writer::default();
            writer.field(name, &vec![b'x'; length]);
            Opened::read(HeaderValue::from_bytes(writer.finish()).unwrap()).err()
        };
        assert_eq!(flaw(b":path", LARGEST_FIELD - 1), None);
        assert_eq!(flaw(b":path", LARGEST_FIELD), Some(Flaw::UrlTooLarge));
        assert_eq!(flaw(b"a", LARGEST_FIELD), Some(Flaw::TooLarge));
    }
}
