//! The images that the services of a topology run. Pure.

use std::collections::BTreeSet;

use crate::control::command::Renew;
use crate::ecs::images::naming;
use crate::model::Topology;

/// By their names on this machine.
pub(super) struct WantedImages {
    /// All of them.
    pub(super) all: BTreeSet<String>,
    /// Those to be had again even if they exist.
    pub(super) again: BTreeSet<String>,
}

impl WantedImages {
    pub(super) fn new(topology: &Topology, renew: Renew) -> Self {
        let (mut all, mut again) = (BTreeSet::new(), BTreeSet::new());
        for (name, service) in &topology.services {
            for container in &service.task_definition.containers {
                let image = naming::reference(&topology.name, name, service, container);
                let is_renewed = match naming::source(service, container) {
                    naming::Source::Build { .. } => renew.builds,
                    naming::Source::Registry(_) => renew.pulls,
                };
                // An image that no task runs need not be had.
                if is_renewed && service.desired_count > 0 {
                    again.insert(image.clone());
                }
                all.insert(image);
            }
        }
        Self { all, again }
    }
}
