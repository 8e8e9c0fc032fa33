//! What a rule does with a request besides forwarding it.

pub mod limits;
pub mod redirect;
pub mod transform;
