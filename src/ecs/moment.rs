//! The current time, as an argument: nothing here reads a clock.

use std::time::Instant;

use jiff::Timestamp;

/// The current time on two clocks: one for decisions, one for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For waits.
    pub instant: Instant,
    /// For `createdAt` and similar fields.
    pub timestamp: Timestamp,
}
