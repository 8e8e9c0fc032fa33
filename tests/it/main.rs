//! The one integration binary. Add a test to the module whose sentence fits; add a module only for a new subject.
//!
//! Behaviour that a reader without Rust should be able to check lives as data under `fixtures/`; a module here holds
//! one `check` function per family of cases.
#![expect(clippy::print_stderr, reason = "tests say what they skip")]

mod support;

/// What the controller does with a pretended engine, as transcripts: `fixtures/tasks/*.yaml`.
mod tasks;
