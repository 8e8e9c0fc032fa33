//! HTTP/2 with clients, on the `h2` crate, which owns frames and flow control.

pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod heads;
pub(crate) mod hpack;
pub(crate) mod opaque;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
pub(crate) mod refused;
pub(crate) mod responder;
