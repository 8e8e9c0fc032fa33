//! Rewrites message heads: which fields are passed on, added and removed.

pub mod headers;
pub mod host;
pub mod trace_id;
