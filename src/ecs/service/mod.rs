//! Services: how many tasks each has, which are replaced, and when.

pub(crate) mod record;
pub(crate) mod scheduler;
