//! The plan: the next steps from the actual to the desired state.
//!
//! Planning is level-triggered: it looks only at the current state, not at its history. A missed event, a container
//! killed by hand or a restart needs no special case; the next plan starts from what the engine reports.
//!
//! ```text
//!   facts ──> observe ──> World ──> plan ──> changes ──> apply ──> World   (until nothing is left to decide)
//!                                     └────> effects ──> begin ──> World
//!                                               └──────> the executor
//! ```

use std::time::Instant;

use crate::census::Census;
use crate::images::renewal;
use crate::service::scheduler;
use crate::step::{Effect, Plan};
use crate::world::{Preparation, World};
use crate::{registration, standalone, task};
use neargate_model::Topology;

/// Decides the next steps. Removals come before additions, so that freed resources can be reused.
pub fn plan(topology: &Topology, world: &World, now: Instant) -> Plan {
    let mut plan = Plan::default();

    match &world.project {
        Preparation::Missing if !world.shutting_down => plan.push(Effect::PrepareProject),
        Preparation::Failed { retry_at, .. } if !world.shutting_down => {
            if now >= *retry_at {
                plan.push(Effect::PrepareProject);
            } else {
                plan.wake_by(*retry_at);
            }
        }
        _ => {}
    }

    registration::plan_drained(world, now, &mut plan);
    for task in world.tasks.values() {
        task::plan_task(world, task, now, topology.time_scale, &mut plan);
    }
    renewal::plan_images(topology, world, &mut plan);
    let census = Census::new(world);
    for (name, record) in world.services.iter() {
        scheduler::plan_service(&census, name, record, now, &mut plan);
    }
    standalone::plan_standalone(census.standalone(), world.shutting_down, &mut plan);
    plan
}
