//! Services: how many tasks each has, which are replaced, and when.

pub mod bounds;
mod circuit_breaker;
pub(crate) mod events;
mod keeping;
pub mod lifecycle;
pub mod protection;
pub(crate) mod rebalancing;
pub(crate) mod record;
pub(crate) mod scheduler;
pub(crate) mod standing;
pub(crate) mod tasks;
