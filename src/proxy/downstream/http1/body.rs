//! Finds the end of an HTTP/1 message (RFC 9112, section 6), for requests and responses.

use super::chunked::{ChunkDecoder, Piece};
use super::head::Version;
use crate::alb::head::headers::BodyHeader;
use crate::alb::head::message;
use crate::alb::request::facts::{FieldKind, Fields};
use crate::proxy::answer::error::ProxyError;
use crate::proxy::io::buffer::Buffer;

/// More than this still to come is read with a larger buffer.
const WORTH_A_LARGE_BUFFER: u64 = 16 * 1024;

/// How the body of a request is delimited, and whether the connection may be used afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestFraming {
    pub(crate) body: BodyHeader,
    /// Two readers could disagree on where this request ends, so nothing may follow it.
    pub(crate) ambiguous: bool,
}

/// Reads the framing of a request. What cannot be understood in one way only is refused, or marked.
pub(crate) fn request_framing(version: Version, fields: Fields<'_>) -> Result<RequestFraming, ProxyError> {
    let length = content_length(fields).map_err(ProxyError::MalformedRequest)?;
    let chunked = match transfer_coding(fields) {
        Coding::Identity => false,
        Coding::Chunked => true,
        Coding::Unknown => return Err(ProxyError::UnsupportedTransferEncoding),
        Coding::Malformed => return Err(ProxyError::MalformedRequest("Transfer-Encoding does not end in one chunked")),
    };
    let body = match (chunked, length) {
        (true, _) => BodyHeader::Chunked,
        (false, Some(length)) => BodyHeader::Length(length),
        (false, None) => BodyHeader::None,
    };
    Ok(RequestFraming { body, ambiguous: chunked && (length.is_some() || version == Version::Http10) })
}

/// How the body of a response is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum ResponseFraming {
    /// There is none, whatever the header fields say.
    None,
    /// `Content-Length`
    Length(u64),
    /// `Transfer-Encoding: chunked`
    Chunked,
    /// Up to the end of the connection.
    UntilClose,
}

/// Reads the framing of a response. The message says what is wrong with it.
pub(crate) fn response_framing(
    status: u16,
    head_only: bool,
    fields: Fields<'_>,
) -> Result<ResponseFraming, &'static str> {
    if !message::has_content(status, head_only) {
        return Ok(ResponseFraming::None);
    }
    let length = content_length(fields)?;
    match transfer_coding(fields) {
        Coding::Chunked => Ok(ResponseFraming::Chunked),
        Coding::Identity => Ok(length.map_or(ResponseFraming::UntilClose, ResponseFraming::Length)),
        Coding::Unknown | Coding::Malformed => Err("a Transfer-Encoding other than chunked"),
    }
}

/// The length that all `Content-Length` fields agree on.
pub(in crate::proxy) fn content_length(fields: Fields<'_>) -> Result<Option<u64>, &'static str> {
    let mut length = None;
    for value in fields.all(FieldKind::ContentLength) {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse::<u64>().ok());
        let number = number.ok_or("a Content-Length that is not a number")?;
        if length.is_some_and(|length| length != number) {
            return Err("two different Content-Lengths");
        }
        length = Some(number);
    }
    Ok(length)
}

enum Coding {
    /// None, or `identity`.
    Identity,
    Chunked,
    /// Something an ALB does not take.
    Unknown,
    /// `chunked` twice, or not at the end.
    Malformed,
}

fn transfer_coding(fields: Fields<'_>) -> Coding {
    let mut coding = Coding::Identity;
    let items = fields.all(FieldKind::TransferEncoding).flat_map(|value| value.split(|&byte| byte == b','));
    for item in items.map(<[u8]>::trim_ascii) {
        coding = match coding {
            Coding::Identity if item.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
            Coding::Identity if item.eq_ignore_ascii_case(b"identity") => Coding::Identity,
            Coding::Chunked if item.eq_ignore_ascii_case(b"chunked") || item.eq_ignore_ascii_case(b"identity") => {
                return Coding::Malformed;
            }
            _ => return Coding::Unknown,
        };
    }
    coding
}

/// Goes through a body as it arrives; data stays in the buffer it was read into.
#[derive(Debug)]
pub(crate) enum BodyReader {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(ChunkDecoder),
    /// All up to the end of the connection.
    UntilClose,
}

/// The kind of data at the front of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Next {
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
            BodyHeader::Chunked => Self::Chunked(ChunkDecoder::new()),
        }
    }
}

impl From<ResponseFraming> for BodyReader {
    fn from(framing: ResponseFraming) -> Self {
        match framing {
            ResponseFraming::None => Self::Length(0),
            ResponseFraming::Length(length) => Self::Length(length),
            ResponseFraming::Chunked => Self::Chunked(ChunkDecoder::new()),
            ResponseFraming::UntilClose => Self::UntilClose,
        }
    }
}

impl BodyReader {
    /// Skips framing at the front of the buffer and says what follows.
    pub(crate) fn next(&mut self, buffer: &mut Buffer) -> Result<Next, super::chunked::Malformed> {
        match self {
            Self::Length(0) => Ok(Next::End),
            Self::Length(left) if !buffer.is_empty() => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                Ok(Next::Data { length, last: length as u64 == *left })
            }
            Self::Chunked(decoder) => {
                let (skip, piece) = decoder.next(buffer)?;
                buffer.consume(skip);
                Ok(match piece {
                    Piece::Data(length) => Next::Data { length, last: false },
                    Piece::More => Next::More,
                    Piece::End => Next::End,
                })
            }
            Self::UntilClose if !buffer.is_empty() => Ok(Next::Data { length: buffer.len(), last: false }),
            Self::Length(_) | Self::UntilClose => Ok(Next::More),
        }
    }

    /// Takes data that was used out of the buffer.
    pub(crate) fn consume(&mut self, buffer: &mut Buffer, count: usize) {
        buffer.consume(count);
        match self {
            Self::Length(left) => *left -= count as u64,
            Self::Chunked(decoder) => decoder.consume(count),
            Self::UntilClose => {}
        }
    }

    /// Whether so much is to come that a larger buffer pays.
    pub(crate) fn is_large(&self) -> bool {
        match self {
            Self::Length(left) => *left > WORTH_A_LARGE_BUFFER,
            Self::Chunked(decoder) => decoder.left_of_chunk() > WORTH_A_LARGE_BUFFER,
            Self::UntilClose => false,
        }
    }

    /// Whether the connection may end here: only a body without any other end may.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self, Self::UntilClose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alb::request::facts::FieldList;

    fn framing(version: Version, fields: &[(&str, &str)]) -> Result<RequestFraming, u16> {
        let list: FieldList = fields.iter().copied().collect();
        request_framing(version, list.fields()).map_err(|error| error.status())
    }

    #[test]
    fn a_request_is_delimited_in_one_way_or_refused() {
        let plain = |body| Ok(RequestFraming { body, ambiguous: false });
        let ambiguous = Ok(RequestFraming { body: BodyHeader::Chunked, ambiguous: true });
        let v11 = |fields: &[(&str, &str)]| framing(Version::Http11, fields);
        assert_eq!(v11(&[]), plain(BodyHeader::None));
        assert_eq!(v11(&[("Content-Length", "5")]), plain(BodyHeader::Length(5)));
        assert_eq!(v11(&[("Content-Length", "5"), ("content-length", "5")]), plain(BodyHeader::Length(5)));
        assert_eq!(v11(&[("Content-Length", "5"), ("Content-Length", "6")]), Err(400));
        assert_eq!(v11(&[("Content-Length", "+5")]), Err(400));
        assert_eq!(v11(&[("Content-Length", "5, 5")]), Err(400));
        assert_eq!(v11(&[("Content-Length", "99999999999999999999")]), Err(400));
        assert_eq!(v11(&[("Transfer-Encoding", "Chunked")]), plain(BodyHeader::Chunked));
        assert_eq!(v11(&[("Transfer-Encoding", "identity")]), plain(BodyHeader::None));
        assert_eq!(v11(&[("Transfer-Encoding", "gzip, chunked")]), Err(501));
        assert_eq!(v11(&[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")]), Err(400));
        assert_eq!(v11(&[("Transfer-Encoding", "chunked"), ("Content-Length", "5")]), ambiguous);
        assert_eq!(framing(Version::Http10, &[("Transfer-Encoding", "chunked")]), ambiguous);
    }

    #[test]
    fn a_response_without_a_length_ends_with_its_connection() {
        let of = |status, head_only, fields: &[(&str, &str)]| {
            let list: FieldList = fields.iter().copied().collect();
            response_framing(status, head_only, list.fields())
        };
        assert_eq!(of(200, false, &[]), Ok(ResponseFraming::UntilClose));
        assert_eq!(of(200, false, &[("Content-Length", "0")]), Ok(ResponseFraming::Length(0)));
        assert_eq!(of(200, true, &[("Content-Length", "9")]), Ok(ResponseFraming::None));
        assert_eq!(of(304, false, &[("Content-Length", "9")]), Ok(ResponseFraming::None));
        let both = [("Content-Length", "9"), ("Transfer-Encoding", "chunked")];
        assert_eq!(of(200, false, &both), Ok(ResponseFraming::Chunked));
        assert!(of(200, false, &[("Transfer-Encoding", "gzip")]).is_err());
    }
}
