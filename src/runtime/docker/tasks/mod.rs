//! Tasks and their containers: starting, inspecting and ending them.

pub(crate) mod close;
pub(crate) mod container_config;
mod etc;
pub mod exec;
pub(crate) mod logs;
mod mounts;
pub mod sync;
pub(crate) mod task;
pub(crate) mod usage;
