//! The decisions: pure functions from values to values. No async, no I/O, no clock, no randomness: time and random
//! numbers arrive as arguments. What is decided here is carried out by the edges and remembered by `control`.

pub mod arn;
pub mod balancing;
mod conditions;
pub mod explain;
pub mod facts;
pub mod headers;
pub mod host;
pub mod pattern;
pub mod redirect;
pub mod routing;
pub mod trace_id;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod rule_cases;
