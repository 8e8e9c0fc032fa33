//! Images that change while a service runs: `up` builds or pulls them again, and a service whose tasks run an outdated
//! image gets a new deployment.

use std::collections::BTreeSet;

use crate::images::naming;
use crate::step::{ImageUser, Plan};
use crate::world::{ImageState, Task, World};
use neargate_model::{NodeName, Topology};

/// Requests the images to renew; those of a running service are not requested by the start of a task.
pub(crate) fn plan_images(topology: &Topology, world: &World, plan: &mut Plan) {
    if world.shutting_down || world.renew.is_empty() {
        return;
    }
    for (name, service) in topology.services.iter().filter(|(_, service)| service.desired_count > 0) {
        for container in &service.task_definition.containers {
            let image = naming::reference(&topology.name, name, service, container);
            let known = world.images.get(&image).filter(|known| known.state == ImageState::Missing);
            if let Some(known) = known.filter(|_| world.renew.contains(&image)) {
                let there: Vec<&NodeName> = known.nodes.iter().filter(|node| world.nodes.takes_tasks(node)).collect();
                // Where none of several nodes can be asked, nothing is had again until one returns.
                if !there.is_empty() || known.nodes.is_empty() {
                    plan.provide_image(image, ImageUser::Service(name.clone()), &container.name, there);
                }
            }
        }
    }
}

/// Whether a container of the task was started from an image other than the current one, unless that was rejected.
pub(crate) fn is_outdated(world: &World, task: &Task, rejected: &BTreeSet<String>) -> bool {
    task.spec.definition.containers.iter().any(|definition| {
        let started_from = task.containers[&definition.name].image_id.as_ref();
        let there = world.images.get(task.spec.image(definition)).filter(|image| image.state == ImageState::Ready);
        match (started_from, there.and_then(|image| image.provided.as_ref()).map(|provided| &provided.id)) {
            (Some(started_from), Some(there)) => started_from != there && !rejected.contains(there),
            _ => false,
        }
    })
}
