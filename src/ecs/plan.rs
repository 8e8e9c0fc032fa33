//! The plan: what to do next, given what is wanted and what is.
//!
//! Level-triggered: it looks at the world as it is and knows nothing of how it came to be so. A missed event, a
//! container killed by hand or a restart needs no special case; the next plan starts from what the engine reports.
//!
//! ```text
//!   facts ──> observe ──> World ──> plan ──> steps ──> begin ──> World   (until nothing is left to decide)
//!                                              └──────> the executor, for those that need the engine
//! ```

use std::time::Instant;

use crate::ecs::images::renewal;
use crate::ecs::service::scheduler;
use crate::ecs::step::{Plan, Step};
use crate::ecs::world::{Preparation, World};
use crate::ecs::{registration, task};
use crate::model::Topology;

/// Decides what comes next. Removals come before additions, so that what is freed can be used.
pub fn plan(topology: &Topology, world: &World, now: Instant) -> Plan {
    let mut plan = Plan::default();

    match &world.project {
        Preparation::Missing if !world.shutting_down => plan.push(Step::PrepareProject),
        Preparation::Failed { retry_at, .. } if !world.shutting_down => {
            if now >= *retry_at {
                plan.push(Step::PrepareProject);
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
    for (name, record) in &world.services {
        scheduler::plan_service(world, name, record, now, &mut plan);
    }
    plan
}
