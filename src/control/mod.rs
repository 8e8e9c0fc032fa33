//! The single writer: owns all state, takes commands and observations in, publishes numbered snapshots.

pub mod observation;
pub mod runtime;
