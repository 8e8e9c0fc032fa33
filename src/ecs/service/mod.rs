//! Services: how many tasks each has, which are replaced, and when.

pub mod bounds;
pub(crate) mod record;
pub(crate) mod scheduler;
pub(crate) mod standing;
