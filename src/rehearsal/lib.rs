//! Judges a rehearsal of a deployment: which of the requests that were sent meanwhile failed, at which task, in which phase
//! of its life, and why.
//!
//! [`recording`] is what was measured: samples of the traffic, what the load balancer says of each, and what became of the
//! tasks. [`findings`] draws the conclusions, [`words`] puts them into words, [`picture`] draws the timeline. Times count
//! from the beginning of the traffic.

pub mod findings;
pub mod life;
pub mod picture;
pub mod recording;
pub mod words;

#[cfg(test)]
mod cases;
