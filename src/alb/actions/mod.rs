//! Actions and transforms of a rule, other than forwarding.

pub mod limits;
pub mod redirect;
pub mod transform;
