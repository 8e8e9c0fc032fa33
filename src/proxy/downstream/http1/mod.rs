//! HTTP/1 with clients: heads, bodies, responses.

pub(crate) mod body;
pub(crate) mod bytes;
pub(crate) mod chunked;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod head;
#[cfg(test)]
mod one_meaning;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
pub(crate) mod request_fields;
pub(crate) mod responder;
