//! neargate: Fargate, but near you.
//!
//! An AWS Application Load Balancer in front of ECS Fargate tasks, on a laptop and in CI. The modules below are in
//! reading order; first, the map of the whole:
//!
#![doc = include_str!("../ARCHITECTURE.md")]

// Nouns, and the text they come from.
pub mod config;
pub mod model;

// How what users wrote is read.
pub mod files;

// Decisions: the load balancer's, and above them those about tasks and services.
pub mod alb;
pub mod ecs;

// The one writer.
pub mod control;

// Edges.
pub mod admin;
pub mod certs;
pub mod folders;
pub mod hosts;
pub mod logs;
pub mod namespace;
pub mod probes;
pub mod proxy;
pub mod records;
pub mod runtime;
pub mod trust;
pub mod watch;

// What holds for whatever strangers send; for tests and `make fuzz`.
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties;

// Wiring and words.
pub mod app;
pub mod cli;
