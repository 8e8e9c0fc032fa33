//! This machine: its folders and files, the hosts file, the trust stores.

pub mod files;
pub mod folders;
pub mod following;
pub mod hosts;
pub mod namespace;
pub mod trust;
pub mod watch;
