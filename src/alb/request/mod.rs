//! A request as the decisions see it, and whether it may be forwarded.

pub mod desync;
pub mod facts;
