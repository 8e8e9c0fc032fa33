//! Requests for images: their origin, credentials and platform.

use crate::control::runtime::{Fresh, ImagePolicy, ImageRequest};
use crate::control::secrets;
use crate::ecs::images::naming;
use crate::ecs::images::naming::Source;
use crate::model::Topology;
use crate::model::service::Service;
use crate::model::task_definition::{ContainerDefinition, CpuArchitecture, TaskDefinition};

/// The request for the image of a container, under its name on this machine.
pub fn new(topology: &Topology, service: &Service, container: &ContainerDefinition, image: String) -> ImageRequest {
    let build = match naming::source(service, container) {
        Source::Build { build, .. } => Some(build.clone()),
        Source::Registry(_) => None,
    };
    ImageRequest {
        policy: if build.is_some() { ImagePolicy::Always } else { ImagePolicy::Missing },
        build,
        // A task whose credentials cannot be had fails for that reason, before any image is asked for.
        credentials: match naming::uses_credentials(service, container) {
            true => secrets::credentials(topology, container).ok().flatten(),
            false => None,
        },
        ..from_task_definition(topology, &service.task_definition, container, image)
    }
}

/// The request for what a container of a task without a service runs: what its task definition names, pulled.
pub(crate) fn from_task_definition(
    topology: &Topology,
    definition: &TaskDefinition,
    container: &ContainerDefinition,
    image: String,
) -> ImageRequest {
    ImageRequest {
        image,
        container: container.name.clone(),
        policy: ImagePolicy::Missing,
        build: None,
        credentials: secrets::credentials(topology, container).ok().flatten(),
        platform: definition.cpu_architecture.map(|architecture| match architecture {
            CpuArchitecture::X86_64 => "linux/amd64".to_owned(),
            CpuArchitecture::Arm64 => "linux/arm64".to_owned(),
        }),
        fresh: Fresh::default(),
    }
}
