//! The engine itself: its location, its abilities, and our objects in it.

pub(crate) mod address;
pub(crate) mod cgroup;
pub mod connect;
pub(crate) mod door;
pub mod endpoint;
pub(crate) mod error;
pub(crate) mod labels;
pub(crate) mod network;
pub mod options;
pub mod owner;
pub mod pause;
pub(crate) mod raw;
