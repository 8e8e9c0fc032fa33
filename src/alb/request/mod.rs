//! A request as the decisions see it, and whether it may be forwarded at all.

pub mod desync;
pub mod facts;
