//! Responses that the load balancer generates itself.

pub(crate) mod additions;
pub(crate) mod error;
pub(crate) mod respond;
