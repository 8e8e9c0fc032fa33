//! Finds the end of a message (RFC 9112, section 6), for requests and responses.

use super::error::RequestError;
use super::fields::{FieldKind, Fields};
use super::head::Version;
use super::message;

/// How the body that follows a head is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyHeader {
    /// There is none.
    None,
    /// `Content-Length`
    Length(u64),
    /// `Transfer-Encoding: chunked`
    Chunked,
}

/// How the body of a request is delimited, and whether the connection may be used afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestFraming {
    /// What the target is told.
    pub body: BodyHeader,
    /// Two readers could disagree on where this request ends, so nothing may follow it.
    pub ambiguous: bool,
}

/// Reads the framing of a request. What cannot be understood in one way only is refused, or marked.
pub fn request_framing(version: Version, fields: Fields<'_>) -> Result<RequestFraming, RequestError> {
    let length = content_length(fields).map_err(RequestError::Malformed)?;
    let chunked = match transfer_coding(fields) {
        Coding::Identity => false,
        Coding::Chunked => true,
        Coding::Unknown => return Err(RequestError::UnsupportedTransferEncoding),
        Coding::Malformed => return Err(RequestError::Malformed("Transfer-Encoding does not end in one chunked")),
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
pub enum ResponseFraming {
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
pub fn response_framing(status: u16, head_only: bool, fields: Fields<'_>) -> Result<ResponseFraming, &'static str> {
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
pub fn content_length(fields: Fields<'_>) -> Result<Option<u64>, &'static str> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::FieldList;

    fn framing(version: Version, fields: &[(&str, &str)]) -> Result<RequestFraming, RequestError> {
        let list: FieldList = fields.iter().copied().collect();
        request_framing(version, list.fields())
    }

    #[test]
    fn a_request_is_delimited_in_one_way_or_refused() {
        let plain = |body| Ok(RequestFraming { body, ambiguous: false });
        let malformed = |what| Err(RequestError::Malformed(what));
        let not_a_number = malformed("a Content-Length that is not a number");
        let ambiguous = Ok(RequestFraming { body: BodyHeader::Chunked, ambiguous: true });
        let v11 = |fields: &[(&str, &str)]| framing(Version::Http11, fields);
        assert_eq!(v11(&[]), plain(BodyHeader::None));
        assert_eq!(v11(&[("Content-Length", "5")]), plain(BodyHeader::Length(5)));
        assert_eq!(v11(&[("Content-Length", "5"), ("content-length", "5")]), plain(BodyHeader::Length(5)));
        assert_eq!(
            v11(&[("Content-Length", "5"), ("Content-Length", "6")]),
            malformed("two different Content-Lengths")
        );
        assert_eq!(v11(&[("Content-Length", "+5")]), not_a_number);
        assert_eq!(v11(&[("Content-Length", "5, 5")]), not_a_number);
        assert_eq!(v11(&[("Content-Length", "99999999999999999999")]), not_a_number);
        assert_eq!(v11(&[("Transfer-Encoding", "Chunked")]), plain(BodyHeader::Chunked));
        assert_eq!(v11(&[("Transfer-Encoding", "identity")]), plain(BodyHeader::None));
        assert_eq!(v11(&[("Transfer-Encoding", "gzip, chunked")]), Err(RequestError::UnsupportedTransferEncoding));
        let twice = [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")];
        assert_eq!(v11(&twice), malformed("Transfer-Encoding does not end in one chunked"));
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
