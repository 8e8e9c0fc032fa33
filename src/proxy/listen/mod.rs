//! Listening sockets.

pub(crate) mod listeners;
pub(crate) mod port_holder;
