//! The real binary in front of a real engine, and a real browser in front of that: what a person would see.
//!
//! Without an engine these tests fail, unless `NEARGATE_TEST_NO_ENGINE` is set, which prints that they were skipped.

/// The fixture application in a real Chromium.
mod browser;
/// The fixture application as a client of the load balancer sees it.
mod chatkit;
/// What the commands promise: exit codes, output for programs, what they change and what they leave alone.
mod commands;
/// What clients, targets and `doctor` show when something is wrong with the application.
mod failures;
/// `kill -9` at the worst moments, and an engine that goes away.
mod interrupted;

use crate::support::engine::Listing;
use crate::support::stack::Stack;

/// Nothing of the project is left: in the engine, in the state folder, on any port.
async fn assert_nothing_is_left(stack: &Stack, before: &Listing) {
    before.assert_unchanged(stack.project(), "afterwards").await;
    assert!(!stack.state_folder().exists(), "{:?} is still there", stack.state_folder());
    assert!(!stack.listens(), "something still listens");
}
