//! Goes through a body as it arrives.

use super::chunked::{ChunkDecoder, Malformed, Piece};
use super::framing::{BodyHeader, ResponseFraming};

/// More than this still to come is read with a larger buffer.
const WORTH_A_LARGE_BUFFER: u64 = 16 * 1024;

/// Where a message is in its body. Data stays in the buffer it was read into.
#[derive(Debug)]
pub enum BodyReader {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(ChunkDecoder),
    /// All up to the end of the connection.
    UntilClose,
}

/// What is at the front of the buffer, after the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// So many bytes of the body.
    Data {
        /// At least one.
        length: usize,
        /// Nothing of the body comes after them; with chunks that is never known.
        last: bool,
    },
    /// Nothing before more is read.
    More,
    /// The body is complete.
    End,
}

impl From<BodyHeader> for BodyReader {
    fn from(header: BodyHeader) -> Self {
        match header {
            BodyHeader::None => Self::Length(0),
            BodyHeader::Length(length) => Self::Length(length),
            BodyHeader::Chunked => Self::Chunked(ChunkDecoder::default()),
        }
    }
}

impl From<ResponseFraming> for BodyReader {
    fn from(framing: ResponseFraming) -> Self {
        match framing {
            ResponseFraming::None => Self::Length(0),
            ResponseFraming::Length(length) => Self::Length(length),
            ResponseFraming::Chunked => Self::Chunked(ChunkDecoder::default()),
            ResponseFraming::UntilClose => Self::UntilClose,
        }
    }
}

impl BodyReader {
    /// How many bytes of framing to skip at the front of what was received, and what follows them.
    pub fn next(&mut self, received: &[u8]) -> Result<(usize, Next), Malformed> {
        let next = match self {
            Self::Length(0) => Next::End,
            Self::Length(left) if !received.is_empty() => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(received.len());
                Next::Data { length, last: length as u64 == *left }
            }
            Self::Chunked(decoder) => {
                let (skip, piece) = decoder.next(received)?;
                let next = match piece {
                    Piece::Data(length) => Next::Data { length, last: false },
                    Piece::More => Next::More,
                    Piece::End => Next::End,
                };
                return Ok((skip, next));
            }
            Self::UntilClose if !received.is_empty() => Next::Data { length: received.len(), last: false },
            Self::Length(_) | Self::UntilClose => Next::More,
        };
        Ok((0, next))
    }

    /// Takes note that data was used.
    pub fn consume(&mut self, count: usize) {
        match self {
            Self::Length(left) => *left -= count as u64,
            Self::Chunked(decoder) => decoder.consume(count),
            Self::UntilClose => {}
        }
    }

    /// Whether so much is to come that a larger buffer pays.
    pub fn is_large(&self) -> bool {
        match self {
            Self::Length(left) => *left > WORTH_A_LARGE_BUFFER,
            Self::Chunked(decoder) => decoder.left_of_chunk() > WORTH_A_LARGE_BUFFER,
            Self::UntilClose => false,
        }
    }

    /// Whether the connection may end here: only a body without any other end may.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self, Self::UntilClose)
    }
}
