//! Machines that run tasks. Fargate hides them, except for the availability zone of each.

use super::ids::{NodeName, Zone};

/// A machine, as the runtime reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedNode {
    /// Unique.
    pub name: NodeName,
    /// The availability zone that it is in.
    pub zone: Zone,
    /// Whether it is alive.
    pub state: NodeState,
    /// Whether it takes new tasks.
    pub schedulable: bool,
}

/// Whether a machine can be reached by the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It answers.
    Ready,
    /// It does not answer.
    Down,
}
