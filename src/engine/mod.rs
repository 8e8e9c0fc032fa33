//! The decisions: pure functions from values to values. No async, no I/O, no clock, no randomness: time and random
//! numbers arrive as arguments. What is decided here is carried out by the edges and remembered by `control`.

pub mod arn;
pub mod health;
pub mod routing;
pub mod security_group;

mod begin;
mod lifecycle;
mod observe;
pub mod plan;
mod scheduling;
mod scheduling_record;
pub mod targets;
pub mod world;

pub use begin::Context;
