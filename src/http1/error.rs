//! What a request can be refused for before anybody looks at what it asks for.

/// Why a head, or the end of the body that it announces, cannot be understood safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The message says what is wrong.
    Malformed(&'static str),
    /// A version of HTTP later than 1.
    UnexpectedVersion,
    /// A `Transfer-Encoding` other than chunked.
    UnsupportedTransferEncoding,
    /// A line of more than 16 K, or a head of more than 64 K.
    HeadTooLarge,
    /// A URL of more than 16 K.
    UrlTooLarge,
}
