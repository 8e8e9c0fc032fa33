//! A request as the decisions see it, and whether it may be forwarded.

pub mod desync;
pub mod facts;
#[cfg(test)]
mod one_meaning;
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties;
