//! The head of a message on its way: what is passed, added and taken out.

pub mod headers;
pub mod host;
pub mod message;
pub mod trace_id;
