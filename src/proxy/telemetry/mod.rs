//! Records and counters of each connection and request.

pub mod certificate;
pub(crate) mod meters;
pub mod transaction;
