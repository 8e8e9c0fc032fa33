//! The client side: HTTP/1 and HTTP/2.

pub(crate) mod accept;
pub(crate) mod http1;
pub(crate) mod http2;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod versions;
