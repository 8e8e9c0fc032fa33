//! Towards targets: whose turn it is, and connections to them.

pub(crate) mod load;
pub(crate) mod multiplexed;
pub(crate) mod outcomes;
pub(crate) mod pool;
pub(crate) mod target;
