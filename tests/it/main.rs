//! The integration tests: one binary, so that it links once.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says why it was skipped")]

/// Tasks on a real engine, through the API.
mod engine_runtime;
