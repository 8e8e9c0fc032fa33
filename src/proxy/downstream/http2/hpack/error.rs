//! A header block that cannot be decoded.

/// The connection cannot go on: what follows would be understood wrongly (RFC 7541, section 2.3.3 and others).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;
