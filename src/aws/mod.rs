//! AWS's APIs on a loopback port, so that the team's own tools run against this machine: AWS CLI, the SDKs, the actions of
//! its workflow.
//!
//! ```text
//!   server ─> endpoint: who asks, and for which action ─> an action decides ─> control ─> what it answers
//!                                                         (pure: a state and an input in, an edit and a reply out)
//! ```
//!
//! `protocols` reads and writes what goes over the wire. Actions only read the state: what they want changed is an edit,
//! which control judges as it judges everybody's.

mod access;
mod action;
mod authentication;
mod caller;
#[cfg(test)]
mod calls;
mod docker;
mod endpoint;
mod ids;
mod output;
mod pages;
mod registry;
mod remembered;
mod repositories;
mod server;
mod services;
mod tags;

pub use endpoint::{Endpoint, KeepEdits};
pub use output::{ContainerOutput, Event};
pub use registry::Registry;
pub use repositories::Repositories;
pub use server::serve;
pub use services::{ActionOf, actions};
