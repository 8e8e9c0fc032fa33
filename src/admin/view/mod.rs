//! The part of the state that is visible outside: one immutable value with a generation number, made from a
//! [`Snapshot`](crate::control::snapshot::Snapshot).
//!
//! This is also the documented shape of `--format json`: names are ECS's and ELBv2's, fields are only ever added.

mod of_snapshot;
pub mod scaling;
mod service_deployments;
pub mod shape;
pub mod views;
pub mod words;
