//! What holds for any bytes that arrive: see [`crate::properties`].

use super::heads;

/// Frames are the same to `h2` however they arrive, and heads are read or end the connection.
pub(crate) fn frames(bytes: &[u8]) {
    let whole = heads::passed(bytes, [bytes.len()]);
    assert_eq!(heads::passed(bytes, std::iter::repeat_n(1, bytes.len())), whole, "byte by byte");
    assert_eq!(heads::passed(bytes, std::iter::repeat_n(7, bytes.len())), whole, "in pieces");
}
