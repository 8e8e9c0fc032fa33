//! neargate: Fargate, but near you.
//!
//! An AWS Application Load Balancer in front of ECS Fargate tasks, on a laptop and in CI. `ARCHITECTURE.md` holds
//! the map and the invariants; the modules below are in reading order.

pub mod model;

pub mod config;
pub mod engine;

pub mod control;

pub mod certs;
pub mod probes;
pub mod proxy;
pub mod runtime;

pub mod cli;
