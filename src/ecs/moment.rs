//! Now, as an argument: what is decided here reads no clock.

use std::time::Instant;

use jiff::Timestamp;

/// Now, on both clocks: one for deciding, one for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For waits.
    pub instant: Instant,
    /// For `createdAt` and its like.
    pub timestamp: Timestamp,
}
