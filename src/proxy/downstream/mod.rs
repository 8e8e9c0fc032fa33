//! Towards clients: the two versions of HTTP that they speak.

pub(crate) mod accept;
pub(crate) mod http1;
pub(crate) mod http2;
