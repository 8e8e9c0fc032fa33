//! The decisions: pure functions from values to values. No async, no I/O, no clock, no randomness: time and random
//! numbers arrive as arguments. What is decided here is carried out by the edges and remembered by `control`.

pub mod arn;

// What the load balancer does with a request.
pub mod anomaly;
pub mod balancing;
pub mod certificates;
mod conditions;
pub mod cookie_seal;
pub mod desync;
pub mod explain;
mod expression;
pub mod facts;
mod glance;
pub mod headers;
pub mod host;
pub mod message;
mod normal_path;
pub mod pattern;
pub mod protocols;
pub mod redirect;
pub mod routing;
pub mod slow_start;
pub mod stickiness;
pub mod trace_id;
pub mod transform;

// What is written down about it.
pub mod figures;
pub mod logs;

// Whom it may reach, and who is fit.
pub mod health;
pub mod security_group;
pub mod target_tls;
pub mod targets;

// What tasks and services do next.
mod begin;
pub mod dockerignore;
mod image_record;
pub mod images;
mod lifecycle;
mod observe;
pub mod plan;
mod renewal;
pub mod retry;
mod scheduling;
mod scheduling_record;
pub mod watching;
pub mod world;

pub use begin::{Context, NewTask};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod forward_cases;
#[cfg(test)]
mod rule_cases;
