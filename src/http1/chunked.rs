//! The chunked transfer coding (RFC 9112, section 7.1).
//!
//! The decoder does not move data: it only says how many bytes of framing to skip and how many bytes of data follow. It
//! accepts exactly the grammar, including CR LF line ends, because bytes that one side reads as framing and the other as
//! data allow request smuggling.

/// Longest chunk-size line and longest trailer section.
const LONGEST_LINE: usize = 4096;

/// Where the decoder is in the body.
#[derive(Debug)]
pub struct ChunkDecoder {
    state: State,
    /// Bytes of the current line, or of the trailer section.
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before or within the digits of a size.
    Size { size: u64, digits: u8 },
    /// White space or an extension, up to CR.
    Extension { size: u64 },
    /// LF after a size line.
    SizeEnd { size: u64 },
    /// Data of a chunk.
    Data { left: u64 },
    /// CR after the data.
    DataEnd,
    /// LF after the data.
    DataEndLf,
    /// At the start of a trailer line.
    TrailerStart,
    /// Within a trailer line.
    Trailer,
    /// LF after a trailer line.
    TrailerLf,
    /// LF of the empty line that ends everything.
    FinalLf,
    /// Past the end.
    Done,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes of data.
    Data(usize),
    /// Nothing before more is read.
    More,
    /// The body is complete.
    End,
}

/// The bytes do not follow the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// At the beginning of a body.
impl Default for ChunkDecoder {
    fn default() -> Self {
        Self { state: State::Size { size: 0, digits: 0 }, length: 0 }
    }
}

impl ChunkDecoder {
    /// Goes over the framing at the front of `input`. Returns how many bytes to skip, and what follows them.
    pub fn next(&mut self, input: &[u8]) -> Result<(usize, Piece), Malformed> {
        for (index, &byte) in input.iter().enumerate() {
            match self.state {
                State::Data { left } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - index);
                    return Ok((index, Piece::Data(here)));
                }
                State::Done => return Ok((index, Piece::End)),
                _ => self.step(byte)?,
            }
        }
        let piece = if self.state == State::Done { Piece::End } else { Piece::More };
        Ok((input.len(), piece))
    }

    /// Takes note that data was used.
    pub fn consume(&mut self, count: usize) {
        if let State::Data { left } = &mut self.state {
            *left -= count as u64;
            if *left == 0 {
                self.state = State::DataEnd;
            }
        }
    }

    /// Bytes of data still to come in the current chunk.
    pub fn left_of_chunk(&self) -> u64 {
        if let State::Data { left } = self.state { left } else { 0 }
    }

    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.length += 1;
        if self.length > LONGEST_LINE {
            return Err(Malformed);
        }
        self.state = match (self.state, byte) {
            (State::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < 16 => {
                let digit = (byte as char).to_digit(16).ok_or(Malformed)?;
                State::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (State::Size { size, digits: 1.. }, b'\r') => State::SizeEnd { size },
            (State::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => State::Extension { size },
            (State::Extension { size }, b'\r') => State::SizeEnd { size },
            (State::Extension { .. }, b'\n' | 0) => return Err(Malformed),
            (state @ State::Extension { .. }, _) => state,
            (State::SizeEnd { size: 0 }, b'\n') => {
                self.length = 0;
                State::TrailerStart
            }
            (State::SizeEnd { size }, b'\n') => {
                self.length = 0;
                State::Data { left: size }
            }
            (State::DataEnd, b'\r') => State::DataEndLf,
            (State::DataEndLf, b'\n') => {
                self.length = 0;
                State::Size { size: 0, digits: 0 }
            }
            (State::TrailerStart, b'\r') => State::FinalLf,
            (State::TrailerStart | State::Trailer, b'\n' | 0) => return Err(Malformed),
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerStart | State::Trailer, _) => State::Trailer,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::FinalLf, b'\n') => State::Done,
            _ => return Err(Malformed),
        };
        Ok(())
    }
}

/// The line in front of a chunk's data.
pub fn size_line(length: usize, line: &mut [u8; 18]) -> &[u8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    line[16..].copy_from_slice(b"\r\n");
    let (mut at, mut rest) = (16, length);
    loop {
        at -= 1;
        line[at] = DIGITS[rest & 15];
        rest >>= 4;
        if rest == 0 {
            return &line[at..];
        }
    }
}

/// What ends a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::properties::decode;

    fn encode(chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            out.extend_from_slice(size_line(chunk.len(), &mut [0; 18]));
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(LAST_CHUNK);
        out
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_however_it_is_split(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6),
            size in 1_usize..9,
        ) {
            let mut bytes = encode(&chunks);
            bytes.extend_from_slice(b"GET /next");
            let parts: Vec<&[u8]> = bytes.chunks(size).collect();
            let (data, rest, done) = decode(parts.into_iter()).unwrap();
            prop_assert!(done);
            prop_assert_eq!(data, chunks.concat());
            prop_assert_eq!(rest, b"GET /next");
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_split_nowhere_differently(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b';'), any::<u8>()], 0..60),
            size in 1_usize..7,
        ) {
            let whole = decode(std::iter::once(&bytes[..]));
            let parts: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(whole.is_err(), decode(parts.into_iter()).is_err());
        }
    }

    #[test]
    fn extensions_and_trailers_are_skipped() {
        let (data, rest, done) = decode(std::iter::once(&b"3;a=\"b\"\r\nabc\r\n0\r\nX: y\r\n\r\n"[..])).unwrap();
        assert_eq!((&data[..], rest.len(), done), (&b"abc"[..], 0, true));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for body in
            ["\r\n", "3\nabc\r\n", "3\r\nabc\n", "3\r\nabcd", "0x3\r\n", "-1\r\n", " 3\r\n", "12345678123456781\r\n"]
        {
            assert_eq!(decode(std::iter::once(body.as_bytes())), Err(Malformed), "{body:?}");
        }
    }
}
