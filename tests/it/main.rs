//! The one integration binary.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says why it was skipped")]

/// Configuration: every mistake as a person reads it, what `check` and `init` print, schema and reference.
mod config;
