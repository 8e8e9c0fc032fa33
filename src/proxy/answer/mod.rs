//! What the load balancer answers itself.

pub(crate) mod additions;
pub(crate) mod error;
pub(crate) mod respond;
