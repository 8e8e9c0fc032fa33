//! Rewrites the head of a message on its way: which fields are passed, added and removed.

pub mod headers;
pub mod host;
pub mod trace_id;
