//! Tasks on a container engine, through the Docker API (Docker Engine 20.10 and later, Podman's service).
//!
//! Only this module knows bollard.

mod error;

pub mod connect;
pub mod endpoint;
pub mod owner;
pub mod pause;

pub use connect::{Engine, EngineInfo, EngineKind};
