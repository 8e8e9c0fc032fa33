//! Machines that run tasks. On Fargate nobody sees them, but for the zone that each is in.

use super::ids::{NodeName, Zone};

/// A machine, as whatever runs tasks sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedNode {
    /// Unique.
    pub name: NodeName,
    /// Where it is.
    pub zone: Zone,
    /// Whether it is alive.
    pub state: NodeState,
    /// Whether it takes new tasks.
    pub schedulable: bool,
}

/// Whether a machine is alive, in the eyes of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It is.
    Ready,
    /// It does not answer the others.
    Down,
}
