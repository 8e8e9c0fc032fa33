//! Replays access logs of a real load balancer against the rules of a file: which line agrees with what the rules would
//! have decided, which contradicts it, and which cannot be decided, because it depends on a header that logs do not hold.
//!
//! [`line`](mod@line) reads a line, [`replay`] judges it, [`tally`] counts; [`moves`] compares two sets of
//! rules.

pub mod line;
pub mod moves;
pub mod replay;
pub mod tally;
