//! Looks up the details that an effect omits: the specification of a task, the source of an image.

use std::sync::Arc;

use crate::control::command::Renew;
use crate::control::image_request;
use crate::control::runtime::{ImagePolicy, ImageRequest, Invocation};
use crate::ecs::service::lifecycle::payload;
use crate::ecs::step::{HookCall, ImageUser};
use crate::ecs::world::World;
use crate::model::task::TaskSpec;
use crate::model::{ContainerName, TaskId, Topology};

/// The data in which details are looked up.
pub(crate) struct Details<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) world: &'a World,
    /// The options with which the file was last applied.
    pub(crate) renew: Renew,
}

impl Details<'_> {
    /// The specification of a task.
    pub(crate) fn spec(&self, task: &TaskId) -> Option<Arc<TaskSpec>> {
        self.world.tasks.get(task).map(|task| Arc::clone(&task.spec))
    }

    /// The specification, in which the image's name is replaced by the id of the image that the container was first
    /// started from, if the name now means another image: a restart is not a deployment.
    pub(crate) fn pinned(&self, task: &TaskId, name: &ContainerName) -> Option<Arc<TaskSpec>> {
        let spec = self.spec(task)?;
        let container = self.world.tasks.get(task).and_then(|task| task.containers.get(name));
        let started_from = container.and_then(|container| container.image_id.clone());
        let image =
            spec.definition.container(name).and_then(|definition| self.world.images.get(spec.image(definition)));
        let there = image.and_then(|image| image.provided.as_ref()).map(|provided| &provided.id);
        Some(match started_from {
            Some(id) if Some(&id) != there => {
                let mut spec = Arc::unwrap_or_clone(spec);
                spec.images.insert(name.clone(), id);
                Arc::new(spec)
            }
            _ => spec,
        })
    }

    /// What is run and told when a lifecycle hook is asked.
    pub(crate) fn invocation(&self, call: &HookCall) -> Option<Invocation> {
        payload::invocation(self.topology, self.world, call)
    }

    /// The request for the image of a container.
    pub(crate) fn image_request(
        &self,
        image: String,
        user: &ImageUser,
        container: &ContainerName,
    ) -> Option<ImageRequest> {
        let mut request = match user {
            ImageUser::Service(name) => {
                let service = self.topology.services.get(name)?;
                let definition = service.task_definition.container(container)?;
                image_request::new(self.topology, service, definition, image)
            }
            ImageUser::Task(task) => {
                let task = &self.world.tasks.get(task)?.spec.definition;
                image_request::from_task_definition(self.topology, task, task.container(container)?, image)
            }
        };
        request.policy = match (self.world.renew.contains(&request.image), &request.build) {
            (true, _) => ImagePolicy::Always,
            // A service that nothing was asked of so far: 0 tasks were wanted of it.
            (false, Some(_)) if self.renew.builds => ImagePolicy::Always,
            (false, Some(_)) => ImagePolicy::Never,
            (false, None) => ImagePolicy::Missing,
        };
        Some(request)
    }
}
