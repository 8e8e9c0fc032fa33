//! The target side: choosing a target, and connections to targets.

pub(crate) mod load;
pub(crate) mod multiplexed;
pub(crate) mod outcomes;
pub(crate) mod pool;
pub(crate) mod target;
