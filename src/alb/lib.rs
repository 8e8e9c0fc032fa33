//! The load balancer's decisions, as pure functions from values to values. No async, no I/O, no clock, no randomness:
//! time and random numbers are arguments. The edges carry out the decisions.

// Decisions about a request.
pub mod actions;
pub mod attributes;
pub mod candidates;
pub mod certificates;
pub mod cookie_seal;
pub mod head;
pub mod limits;
pub mod listeners;
pub mod names;
pub mod quotas;
pub mod request;
pub mod routing;
pub mod rules;
pub mod security_group;
pub mod stickiness;
pub mod targets;
pub mod violation;

// Reports on those decisions.
pub mod explain;
pub mod logs;
pub mod metrics;
pub mod way_in;

#[cfg(test)]
mod forward_cases;
#[cfg(test)]
mod refusal_cases;
#[cfg(test)]
mod rule_cases;
