//! What `control` publishes: everything that is wanted and known at one moment, whole and typed, with a number.
//!
//! Edges make of it what their readers need: `admin` a view with strings, `logs` the files that containers write to.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ecs::registration;
use crate::ecs::world::{ImageState, World};
use crate::model::Topology;
use crate::model::target_health::TargetHealth;

/// Whether a listener's port is bound, by the port of the file, as the data plane reported it. The text says who holds
/// it or which right is missing, and the fix.
pub type Bindings = BTreeMap<u16, Result<(), String>>;

/// The stack at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Grows with every snapshot published.
    pub generation: u64,
    /// What is wanted.
    pub topology: Arc<Topology>,
    /// What is known.
    pub world: World,
    /// Which listeners are bound.
    pub bindings: Bindings,
}

impl Snapshot {
    /// Every service runs what it should, every target group in use has only healthy targets, every listener is bound.
    pub fn is_ready(&self) -> bool {
        let Self { topology, world, bindings, .. } = self;
        let states = registration::states(topology, world);
        let mut in_use = topology.in_use().into_iter();
        !world.shutting_down
            && topology.listeners().all(|(_, listener)| matches!(bindings.get(&listener.port), Some(Ok(()))))
            && world.services.values().all(|record| record.steady)
            && world.images.values().all(|image| image.state == ImageState::Ready)
            && in_use.all(|name| {
                let mut states = states.get(name).into_iter().flatten();
                states.all(|state| matches!(state.health, TargetHealth::Healthy | TargetHealth::Draining))
            })
    }
}
