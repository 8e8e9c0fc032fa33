//! An HPACK decoder (RFC 7541): turns header blocks into names and values of arbitrary bytes.
//!
//! `h2`'s decoder is private: its output has gone through the types of `http`, which accept less than an ALB, and anything
//! else costs the stream or the connection. None of the crates with a decoder is both maintained and fast enough for every
//! request.

pub(crate) mod error;
mod huffman;

use error::Malformed;
use std::collections::VecDeque;

/// SETTINGS_HEADER_TABLE_SIZE that we never change from its default.
const LARGEST_TABLE: usize = 4096;
/// What an entry counts beside its text (RFC 7541, section 4.1).
const OVERHEAD: usize = 32;

/// The decoder of one connection.
#[derive(Debug)]
pub(super) struct Decoder {
    /// The newest first.
    entries: VecDeque<Entry>,
    size: usize,
    limit: usize,
    /// Memory that is used again and again.
    name: Vec<u8>,
    value: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    /// Name and value.
    text: Box<[u8]>,
    name_length: usize,
}

impl Entry {
    fn parts(&self) -> (&[u8], &[u8]) {
        self.text.split_at(self.name_length)
    }

    fn size(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self { entries: VecDeque::new(), size: 0, limit: LARGEST_TABLE, name: Vec::new(), value: Vec::new() }
    }
}

impl Decoder {
    /// Goes through a complete block and tells each field.
    pub(super) fn decode(&mut self, block: &[u8], mut tell: impl FnMut(&[u8], &[u8])) -> Result<(), Malformed> {
        let mut input = Input(block);
        let mut begun = false;
        while let Some(&first) = input.0.first() {
            match first {
                0x80.. => {
                    let (name, value) = self.entry(input.number(7)?)?;
                    tell(name, value);
                }
                0x40.. => {
                    self.literal(&mut input, 6)?;
                    tell(&self.name, &self.value);
                    self.insert();
                }
                // Only "at the beginning of the first header block following the change" (section 4.2).
                0x20.. if begun => return Err(Malformed),
                0x20.. => {
                    self.limit = Some(input.number(5)?).filter(|&limit| limit <= LARGEST_TABLE).ok_or(Malformed)?;
                    self.evict(0);
                    continue;
                }
                _ => {
                    self.literal(&mut input, 4)?;
                    tell(&self.name, &self.value);
                }
            }
            begun = true;
        }
        Ok(())
    }

    fn entry(&self, index: usize) -> Result<(&[u8], &[u8]), Malformed> {
        match index.checked_sub(1) {
            None => Err(Malformed),
            Some(place) if place < STATIC.len() => {
                let (name, value) = STATIC[place];
                Ok((name.as_bytes(), value.as_bytes()))
            }
            Some(place) => self.entries.get(place - STATIC.len()).map(Entry::parts).ok_or(Malformed),
        }
    }

    /// Reads a name, or the index of one, and a value.
    fn literal(&mut self, input: &mut Input<'_>, prefix: u32) -> Result<(), Malformed> {
        let mut name = std::mem::take(&mut self.name);
        name.clear();
        match input.number(prefix)? {
            0 => input.string(&mut name)?,
            index => name.extend_from_slice(self.entry(index)?.0),
        }
        self.name = name;
        self.value.clear();
        input.string(&mut self.value)
    }

    fn insert(&mut self) {
        let entry = Entry { text: [&self.name[..], &self.value].concat().into(), name_length: self.name.len() };
        self.evict(entry.size());
        if entry.size() <= self.limit {
            self.size += entry.size();
            self.entries.push_front(entry);
        }
    }

    /// Makes room for so much.
    fn evict(&mut self, wanted: usize) {
        while self.size + wanted > self.limit {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.size -= oldest.size();
        }
    }
}

/// The rest of a block.
struct Input<'b>(&'b [u8]);

impl Input<'_> {
    /// An integer whose first bits share a byte with something else (section 5.1).
    fn number(&mut self, prefix: u32) -> Result<usize, Malformed> {
        let mask = (1_usize << prefix) - 1;
        let mut number = usize::from(self.byte()?) & mask;
        if number < mask {
            return Ok(number);
        }
        // More than four bytes are longer than anything that is read here.
        for shift in [0, 7, 14, 21] {
            let byte = usize::from(self.byte()?);
            number += (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    /// Appends a string (section 5.2).
    fn string(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let is_huffman = self.0.first().is_some_and(|byte| byte & 0x80 != 0);
        let length = self.number(7)?;
        let string = self.0.get(..length).ok_or(Malformed)?;
        self.0 = &self.0[length..];
        if is_huffman {
            return huffman::decode(string, out);
        }
        out.extend_from_slice(string);
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(first)
    }
}

/// RFC 7541, appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use httlib_hpack::Encoder;
    use proptest::prelude::*;

    use super::*;

    type Fields = Vec<(Vec<u8>, Vec<u8>)>;

    fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Fields, Malformed> {
        let mut fields = Vec::new();
        decoder.decode(block, |name, value| fields.push((name.to_vec(), value.to_vec())))?;
        Ok(fields)
    }

    fn fields(fields: &[(&str, &str)]) -> Fields {
        fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn blocks_of_the_rfc_build_on_one_another() {
        // RFC 7541, appendix C.3: requests without Huffman coding.
        let mut decoder = Decoder::default();
        let first = b"\x82\x86\x84\x41\x0fwww.example.com";
        let common = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
        assert_eq!(decode(&mut decoder, first), Ok(fields(&common)));
        let second = decode(&mut decoder, b"\x82\x86\x84\xbe\x58\x08no-cache").unwrap();
        assert_eq!(second, fields(&[&common[..], &[("cache-control", "no-cache")]].concat()));
        assert_eq!(decoder.size, 110);
        let third = decode(&mut decoder, b"\x82\x87\x85\xbf\x40\x0acustom-key\x0ccustom-value").unwrap();
        assert_eq!(third.last(), Some(&(b"custom-key".to_vec(), b"custom-value".to_vec())));
        assert_eq!(decoder.size, 164);
    }

    #[test]
    fn what_cannot_be_understood_is_an_error() {
        let bad: [&[u8]; 9] = [
            b"\x80",
            b"\xbe",
            b"\x40",
            b"\x00\x01",
            b"\x00\x01a\x05b",
            b"\x3f\xe2\x1f",
            b"\x82\x20",
            b"\xff\xff\xff\xff\xff\xff",
            b"\x00\x01a\x81\x00",
        ];
        for block in bad {
            assert_eq!(decode(&mut Decoder::default(), block), Err(Malformed), "{block:?}");
        }
    }

    #[test]
    fn a_table_that_is_made_smaller_forgets_its_oldest() {
        let mut decoder = Decoder::default();
        decode(&mut decoder, b"\x40\x01a\x011\x40\x01b\x012").unwrap();
        assert_eq!(decode(&mut decoder, b"\x3f\x03\xbe"), Ok(fields(&[("b", "2")])));
        assert_eq!(decode(&mut decoder, b"\xbf"), Err(Malformed));
        // An entry that is larger than the table empties it.
        decode(&mut decoder, b"\x40\x01c\x05hello").unwrap();
        assert_eq!((decoder.entries.len(), decoder.size), (0, 0));
    }

    proptest! {
        #[test]
        fn what_another_encoder_wrote_is_read(
            blocks in proptest::collection::vec(proptest::collection::vec(
                ("[a-c]{1,3}", proptest::collection::vec(any::<u8>(), 0..40), 0_u8..16), 0..12), 1..20),
        ) {
            let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
            for block in blocks {
                let mut encoded = Vec::new();
                let mut expected = Vec::new();
                for (name, value, flags) in block {
                    expected.push((name.clone().into_bytes(), value.clone()));
                    encoder.encode((name.into_bytes(), value, flags), &mut encoded).unwrap();
                }
                prop_assert_eq!(decode(&mut decoder, &encoded), Ok(expected));
            }
        }

        #[test]
        fn no_block_breaks_it(block in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            let _ = decode(&mut decoder, &block);
            prop_assert!(decoder.size <= LARGEST_TABLE);
        }
    }
}
