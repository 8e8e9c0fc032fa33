//! Specifications of new tasks: everything that a task needs is looked up once, when it is created.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::ids::IdSource;
use crate::control::secrets;
use crate::ecs::firelens::configuration;
use crate::ecs::images::naming;
use crate::ecs::standalone;
use crate::ecs::world::Deployment;
use crate::model::overrides::TaskOverride;
use crate::model::task::{Origin, Reason, TaskSpec};
use crate::model::task_definition::{ContainerDefinition, Revision, TaskDefinition};
use crate::model::{ContainerName, Redacted, ServiceName, TaskId, Topology};

/// The specification of a new task of a service's deployment.
pub(crate) fn of_service(
    topology: &Topology,
    ids: &mut impl IdSource,
    name: &ServiceName,
    deployment: &Deployment,
) -> (TaskSpec, Result<(), Reason>) {
    let service = &deployment.service;
    let definition = Arc::clone(&service.task_definition.definition);
    let credentials = definition.containers.iter().filter(|container| naming::uses_credentials(service, container));
    let id = ids.task_id();
    let (secrets, verdict) = secrets_of(topology, &definition, credentials, &id);
    let images = definition
        .containers
        .iter()
        .map(|container| (container.name.clone(), naming::reference(&topology.name, name, service, container)))
        .collect();
    let origin = Origin::Service { service: name.clone(), deployment: deployment.id.clone() };
    let spec = TaskSpec {
        id,
        origin,
        definition,
        revision: deployment.service.task_definition.number,
        secrets,
        images,
        node: None,
        endpoints: deployment.endpoints.to_vec(),
        router_configuration: None,
    };
    (with_router(spec, topology), verdict)
}

/// Adds the configuration of the log router, which names the task.
fn with_router(mut spec: TaskSpec, topology: &Topology) -> TaskSpec {
    let router = spec.definition.containers.iter().find_map(|container| container.log_router.as_ref());
    spec.router_configuration = router.map(|router| configuration::configuration(&spec, router, &topology.cluster));
    spec
}

/// The values of a task's secrets, and whether it has all that it needs, credentials for its images included.
fn secrets_of<'d>(
    topology: &Topology,
    definition: &TaskDefinition,
    mut with_credentials: impl Iterator<Item = &'d ContainerDefinition>,
    task: &TaskId,
) -> (BTreeMap<ContainerName, BTreeMap<String, Redacted>>, Result<(), Reason>) {
    let credentials = with_credentials.try_for_each(|container| secrets::credentials(topology, container).map(|_| ()));
    match (secrets::resolve(topology, definition, task), credentials) {
        (Ok(values), Ok(())) => (values, Ok(())),
        (Err(reason), _) | (_, Err(reason)) => (BTreeMap::new(), Err(reason)),
    }
}

/// What an accepted RunTask asks for.
pub(crate) struct StandaloneRun {
    pub(crate) revision: Option<Revision>,
    pub(crate) overrides: TaskOverride,
    pub(crate) started_by: Option<String>,
    pub(crate) images: BTreeMap<ContainerName, String>,
}

impl StandaloneRun {
    /// Its tasks, each with what keeps it from running.
    pub(crate) fn tasks(self, topology: &Topology, ids: Vec<TaskId>) -> Vec<(TaskSpec, Result<(), Reason>)> {
        let Self { revision, overrides, started_by, images } = self;
        // Judged with the edit.
        let definition = revision.as_ref().map(|revision| standalone::overridden(revision, &overrides, ids.len()));
        let (Some(revision), Some(Ok(definition))) = (&revision, definition) else { return Vec::new() };
        let definition = Arc::new(definition);
        let own_image = |container: &&ContainerDefinition| !images.contains_key(&container.name);
        let with_credentials = definition.containers.iter().filter(own_image);
        let Some(first) = ids.first() else { return Vec::new() };
        let (secrets, verdict) = secrets_of(topology, &definition, with_credentials, first);
        let spec = |id| TaskSpec {
            id,
            origin: Origin::Standalone { started_by: started_by.clone() },
            definition: Arc::clone(&definition),
            revision: revision.number,
            secrets: secrets.clone(),
            images: images.clone(),
            node: None,
            endpoints: Vec::new(),
            router_configuration: None,
        };
        ids.into_iter().map(|id| (with_router(spec(id), topology), verdict.clone())).collect()
    }
}
