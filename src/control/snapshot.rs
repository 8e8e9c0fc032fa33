//! The published state: everything that is desired and known at one moment, typed, with a number.
//!
//! Edges derive from it what their readers need: `admin` a view for people and programs, `logs` the files of the containers'
//! output.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::desired::merge::Departure;
use crate::ecs::registration;
use crate::ecs::world::{ImageState, World};
use crate::model::target_health::TargetHealth;
use crate::model::{LoadBalancerName, Topology};

/// Whether each listener's port is bound, by load balancer and port, as reported by the data plane. The message names the
/// process that holds the port or the missing privilege, and the fix.
pub type Bindings = BTreeMap<(LoadBalancerName, u16), Result<(), String>>;

/// The stack at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Increases with every published snapshot.
    pub generation: u64,
    /// The desired state.
    pub topology: Arc<Topology>,
    /// Where the file does not apply, because other authors have changed something.
    pub left_alone: Arc<[Departure]>,
    /// The known state.
    pub world: World,
    /// Which listeners are bound.
    pub bindings: Bindings,
}

impl Snapshot {
    /// Whether every service is steady, every target group in use has only healthy targets, and every listener is
    /// bound.
    pub fn is_ready(&self) -> bool {
        let Self { topology, world, bindings, .. } = self;
        let states = registration::states(topology, world);
        let mut in_use = topology.in_use().into_iter();
        !world.shutting_down
            && topology.listeners().all(|(balancer, listener)| {
                matches!(bindings.get(&(balancer.name.clone(), listener.port)), Some(Ok(())))
            })
            && world.services.values().all(|record| record.steady)
            && world.images.values().all(|image| image.state == ImageState::Ready)
            && in_use.all(|name| {
                let mut states = states.get(name).into_iter().flatten();
                states.all(|state| matches!(state.health, TargetHealth::Healthy | TargetHealth::Draining))
            })
    }
}
