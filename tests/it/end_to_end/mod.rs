//! The real binary in front of a real engine, with a real browser in front of that: what a person would see.
//!
//! Without an engine these tests fail, unless `NEARGATE_TEST_NO_ENGINE` is set; then they print that they were skipped.

/// An account without a file, which clients of AWS's APIs fill.
mod account;
/// AWS's APIs of a running stack: a deployment as a pipeline makes it, and what is refused.
mod aws;
/// Blue/green under traffic: tests see the new revision first, and no request is lost.
mod blue_green;
/// The fixture application in a real Chromium.
mod browser;
/// The fixture application as a client of the load balancer sees it.
mod chatkit;
/// Two checkouts of one project are two stacks.
mod checkouts;
/// What the commands promise: exit codes, output for programs, what they change and what they leave alone.
mod commands;
/// `deploy` and `run-task`: revisions, how a deployment ends, and what a task's command returns.
mod deploying;
/// What clients, targets and `doctor` show when something is wrong with the application.
mod failures;
/// A log router gets the output of the other containers.
mod firelens;
/// The README's first command on a separate engine: never restarted, empty, then without a default bridge.
mod fresh_machine;
/// Images that are built here: whose code runs, when it is built, and what is reported.
mod images;
/// `kill -9` at the worst moments, and an engine that disappears.
mod interrupted;
/// A public and an internal load balancer in front of three services.
mod load_balancers;
/// What containers find at 169.254.170.2, and that nothing else does.
mod metadata;
/// Names that lead from one service to another.
mod names;
/// Failures before anything runs: one message, its exit code, and nothing left half done.
mod refused;
/// The account's registry: the stock docker client pushes to it, and tasks run what it has.
mod registry;
/// Deployments under traffic: what is lost, what is said of it, and that a well-behaved application loses nothing.
mod rehearsing;
/// A service that is scaled by its own load.
mod scaling;
/// AWS's SDKs in real containers, and a task that protects itself.
mod sdks;
/// Services that reach each other by Service Connect.
mod service_connect;
/// Terraform against a stack: apply, an empty plan, a change, destroy.
mod terraform;
/// Problems that no health check sees.
mod unseen;
/// Verbs for a running stack: scaling, events, output beside `up`, and shell completion.
mod verbs;

/// `up --watch`: the effect of files that change while a stack runs.
mod watching;
/// Texts for people: a closed port in `explain`, the lines of `up`, what `trust` did.
mod words;

use crate::support::engine::Listing;
use crate::support::stack::{Output, Stack};

/// Nothing of the project is left: not in the engine, not in the state folder, not on any port.
async fn assert_nothing_is_left(stack: &Stack, before: &Listing) {
    before.assert_unchanged(stack.project(), "afterwards").await;
    assert!(!stack.state_folder().exists(), "{:?} is still there", stack.state_folder());
    assert!(!stack.listens(), "something still listens");
}

/// The command failed with this code and one message that contains this.
#[track_caller]
fn assert_fails(output: &Output, code: i32, parts: &[&str]) {
    assert_eq!(output.code, Some(code), "{output:?}");
    assert_eq!(output.stderr.matches("error:").count(), 1, "{output:?}");
    for part in parts {
        assert!(output.stderr.contains(part), "no {part:?} in {output:?}");
    }
}
