//! The lifecycle of a deployment that runs beside the one before it and takes the traffic over from it: blue/green, linear
//! and canary (ECS developer guide, "Amazon ECS blue/green service deployments workflow").
//!
//! ```text
//!  stages    what each stage is: a table          traffic   weights of the rules, whatever they are now
//!  progress  where a deployment is in it          hooks     commands and people that are asked
//!  begin     a deployment begins, or goes back    payload   what a hook is told
//!  plan      what comes next                      status    what a service deployment is called
//! ```

pub mod answer;
mod begin;
pub mod change;
mod hooks;
pub mod payload;
pub(crate) mod plan;
pub mod progress;
pub mod stages;
pub mod status;
pub mod traffic;
pub mod violations;
