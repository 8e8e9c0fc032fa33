//! Fargate's decisions: which tasks should exist, what each does next, and which are targets. Pure functions from values
//! to values: time and random numbers are arguments. [`plan`] decides, `control` carries it out, and `observe` and
//! `apply` change the known state ([`world`]).

pub mod count;
pub mod metadata;
pub mod moment;
pub mod names;
pub mod nodes;
pub mod persistent_map;
pub mod usage;
pub mod world;

// From the known state to the next steps.
mod census;
#[cfg(test)]
mod container_health;
mod dependencies;
pub mod discovery;
pub mod firelens;
pub mod images;
pub mod log_stream;
pub mod plan;
pub mod registration;
pub mod retry;
pub mod scaling;
pub mod service;
pub mod service_connect;
pub mod standalone;
mod task;
pub mod task_definition;

// From actions and observations to the known state.
pub mod apply;
mod observe;
mod protecting;
pub mod step;
pub mod violation;
