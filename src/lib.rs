//! neargate: Fargate, but near you.
//!
//! An AWS Application Load Balancer in front of ECS Fargate tasks, on a laptop and in CI. The modules below are in
//! reading order; first, the map of the whole:
//!
#![doc = include_str!("../ARCHITECTURE.md")]

// Nouns, the codec of HTTP/1, and the text of users.
pub use neargate_config as config;
pub use neargate_http1 as http1;
pub use neargate_import as import;
pub use neargate_model as model;
pub use neargate_pipeline as pipeline;
pub use neargate_protocols as protocols;

// Decisions: the load balancer's, and above them those about tasks and services.
pub use neargate_alb as alb;
pub use neargate_ecs as ecs;
pub use neargate_iam as iam;
pub use neargate_lint as lint;
pub use neargate_rehearsal as rehearsal;
pub use neargate_replay as replay;

// This machine, and connections to targets.
pub mod certs;
pub mod machine;
pub mod transport;

// The one writer.
pub mod control;

// Edges.
pub mod admin;
pub mod aws;
pub mod connect;
pub mod logs;
pub mod metadata;
pub mod names;
pub mod probes;
pub mod proxy;
pub mod runner;
pub mod runtime;
pub mod traffic;
pub mod web;

// What holds for whatever strangers send; for tests and `make fuzz`.
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties;

// Wiring and words.
pub mod app;
pub mod cli;
