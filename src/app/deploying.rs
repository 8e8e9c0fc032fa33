//! `deploy` and `run-task`: the edits behind each, as a pipeline would make them through AWS's API. Refusals are AWS's, and
//! each says what there is instead.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use crate::admin::wire::{Answer, DeployRequest, Refused, Replacements, RunTaskRequest, WhatToRun};
use crate::control::ControlHandle;
use crate::control::command::{Refusal, Renew, StopType};
use crate::control::desired::edit::Edit;
use crate::control::ids::{IdSource, RandomIds};
use crate::ecs::images::naming;
use crate::ecs::violation::Violation;
use crate::model::overrides::{ContainerOverride, TaskOverride};
use crate::model::service::Service;
use crate::model::task_definition::{ContainerDefinition, RevisionName, TaskDefinition};
use crate::model::{ClusterName, ContainerName, ServiceName, Topology};

/// Registers what is to run, unless that is a registered revision as it is, and updates the service.
pub(super) async fn deploy(control: &ControlHandle, request: DeployRequest) -> Result<Answer, Refused> {
    let topology = control.topology();
    check_cluster(&topology, request.cluster.as_deref())?;
    let name = ServiceName::new(&request.service);
    let Some(service) = topology.services.get(&name) else {
        let known = list(topology.services.keys());
        return Err(refused(&Violation::ServiceNotFound(name), format!("the services of this stack are: {known}")));
    };
    let revision = match request.task_definition {
        WhatToRun::Current if request.replacements == Replacements::default() => service.task_definition.name(),
        what => {
            let current = Arc::clone(&service.task_definition.definition);
            revision(control, what, Some(current), &request.replacements, true).await?
        }
    };
    let desired = control.desired();
    let local = desired.declared().services.get(&name).unwrap_or(service);
    let given = |container: &ContainerName| request.replacements.images.contains_key(container.as_str());
    let mut edit = Edit::deploy(name.clone(), revision.clone());
    if let Edit::UpdateService { builds, images, force_new_deployment, .. } = &mut edit {
        *builds = Some(without(&local.builds, given));
        *images = Some(without(&local.images, given));
        *force_new_deployment = request.force_new_deployment;
    }
    let renew = Renew { builds: request.build, pulls: false };
    control.edit_and_renew(edit, renew).await.map_err(|refusal| refused_edit(&refusal))?;
    let deployment = control.snapshots().borrow().world.services.get(&name).map(|record| record.primary.id.to_string());
    Ok(Answer::Deployed { task_definition: revision.to_string(), deployment: deployment.unwrap_or_default() })
}

fn without<V: Clone>(
    all: &BTreeMap<ContainerName, V>,
    given: impl Fn(&ContainerName) -> bool,
) -> BTreeMap<ContainerName, V> {
    all.iter().filter(|(name, _)| !given(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Starts tasks that belong to no service.
pub(super) async fn run_task(control: &ControlHandle, request: RunTaskRequest) -> Result<Answer, Refused> {
    let topology = control.topology();
    check_cluster(&topology, request.cluster.as_deref())?;
    // Variables are an override of the run (ECS API, ContainerOverride); another image needs another revision.
    let Replacements { images, environment } = request.replacements;
    let replacements = Replacements { images, environment: BTreeMap::new() };
    let revision = revision(control, request.task_definition, None, &replacements, false).await?;
    let registered = control.desired().task_definitions().revision(&revision);
    let registered = registered.ok_or_else(|| refused(&Violation::TaskDefinitionNotFound(revision.clone()), ""))?;
    let mut overrides: TaskOverride = BTreeMap::new();
    for (container, environment) in environment {
        let container = ContainerName::new(container);
        overrides.insert(container, ContainerOverride { environment, ..ContainerOverride::default() });
    }
    if let Some((container, command)) = request.command {
        let first = registered.containers.iter().find(|container| container.essential);
        let container = container.map(ContainerName::new).or_else(|| first.map(|first| first.name.clone()));
        overrides.entry(container.unwrap_or_else(|| "".into())).or_default().command = Some(command);
    }
    let tasks: Vec<_> = (0..request.count).map(|_| RandomIds.task_id()).collect();
    let edit = Edit::RunTask {
        tasks: tasks.clone(),
        task_definition: revision.clone(),
        overrides,
        started_by: request.started_by,
        images: local_images(&topology, &registered, &replacements),
    };
    control.edit(edit).await.map_err(|refusal| {
        let hint = format!("the containers of {revision} are: {}", containers(&registered));
        match refusal {
            Refusal::Violation(violation) => {
                Refused::usage(with_hint(&format!("{}: {violation}", violation.code()), &hint))
            }
            other => Refused::failed(other),
        }
    })?;
    let tasks = tasks.iter().map(ToString::to_string).collect();
    Ok(Answer::Running { task_definition: revision.to_string(), tasks })
}

/// Stops the deployment of a service that is in progress, as StopServiceDeployment does.
pub(super) async fn stop(control: &ControlHandle, service: String, abort: bool) -> Result<Answer, Refused> {
    let name = ServiceName::new(service);
    let topology = control.topology();
    if !topology.services.contains_key(&name) {
        let known = list(topology.services.keys());
        return Err(refused(&Violation::ServiceNotFound(name), format!("the services of this stack are: {known}")));
    }
    let stop_type = if abort { StopType::Abort } else { StopType::Rollback };
    control.stop_service_deployment(name.clone(), stop_type).await.map_err(|refusal| refused_edit(&refusal))?;
    let snapshots = control.snapshots();
    let snapshot = snapshots.borrow();
    let record = snapshot.world.services.get(&name);
    let Some((record, failed)) = record.and_then(|record| Some((record, record.given_up.as_ref()?))) else {
        return Err(Refused::failed("the deployment is gone already"));
    };
    let restored = (record.primary.id != failed.id).then_some(&record.primary);
    Ok(Answer::Stopped {
        deployment: failed.id.to_string(),
        task_definition: failed.task_definition(),
        restored: restored.map(|restored| restored.id.to_string()),
    })
}

/// What containers of a family run here where a service of that family builds or replaces their images.
fn local_images(
    topology: &Topology,
    definition: &TaskDefinition,
    replacements: &Replacements,
) -> BTreeMap<ContainerName, String> {
    let is_of_family = |(_, service): &(&ServiceName, &Service)| service.task_definition.family == definition.family;
    let Some((name, service)) = topology.services.iter().find(is_of_family) else { return BTreeMap::new() };
    let own = |name: &ContainerName| replacements.images.contains_key(name.as_str());
    let containers = definition.containers.iter().filter(|container| !own(&container.name));
    let local = containers
        .map(|container| (container.name.clone(), naming::reference(&topology.name, name, service, container)));
    local.collect()
}

/// The revision to run. What is not registered yet is registered; with `always`, also what is registered already, as
/// RegisterTaskDefinition does.
async fn revision(
    control: &ControlHandle,
    what: WhatToRun,
    current: Option<Arc<TaskDefinition>>,
    replacements: &Replacements,
    always: bool,
) -> Result<RevisionName, Refused> {
    let families = control.desired().task_definitions();
    let (base, registered) = match (what, current) {
        (WhatToRun::Definition(definition), _) => (Arc::from(definition), None),
        (WhatToRun::Current, Some(current)) => (current, None),
        (WhatToRun::Current, None) => return Err(Refused::usage("name a task definition")),
        (WhatToRun::Registered(text), _) => {
            let found = match text.parse::<RevisionName>() {
                Ok(name) => families.revision(&name),
                Err(_) => families.latest(text.rsplit('/').next().unwrap_or(&text)),
            };
            let Some(found) = found else {
                let name = RevisionName { family: text.as_str().into(), number: 0 };
                let hint = format!("the families of this stack are: {}", list(families.names()));
                return Err(refused(&Violation::TaskDefinitionNotFound(name), hint));
            };
            (Arc::clone(&found.definition), Some(found.name()))
        }
    };
    if let (Some(name), true) = (registered, *replacements == Replacements::default()) {
        return Ok(name);
    }
    let definition = Arc::new(replaced(&base, replacements)?);
    if let (Some(name), false) = (families.last_with(&definition), always) {
        return Ok(name);
    }
    let edit = Edit::RegisterTaskDefinition { definition: Arc::clone(&definition) };
    control
        .edit_and_renew(edit, Renew { builds: false, pulls: false })
        .await
        .map_err(|refusal| refused_edit(&refusal))?;
    let name = control.desired().task_definitions().last_with(&definition);
    name.ok_or_else(|| Refused::failed("the new revision is gone already"))
}

fn replaced(base: &TaskDefinition, replacements: &Replacements) -> Result<TaskDefinition, Refused> {
    let mut definition = base.clone();
    let known = containers(base);
    for (name, image) in &replacements.images {
        container(&mut definition, name, &known)?.image.clone_from(image);
    }
    for (name, environment) in &replacements.environment {
        container(&mut definition, name, &known)?.environment.extend(environment.clone());
    }
    Ok(definition)
}

fn container<'d>(
    definition: &'d mut TaskDefinition,
    name: &str,
    known: &str,
) -> Result<&'d mut ContainerDefinition, Refused> {
    let found = definition.containers.iter_mut().find(|container| container.name.as_str() == name);
    found.ok_or_else(|| {
        Refused::usage(format!("the task definition has no container `{name}`; its containers are: {known}"))
    })
}

fn check_cluster(topology: &Topology, cluster: Option<&str>) -> Result<(), Refused> {
    match cluster.filter(|name| *name != topology.cluster.as_str()) {
        Some(name) => {
            let hint = format!("the cluster of this stack is {}", topology.cluster);
            Err(refused(&Violation::ClusterNotFound(ClusterName::new(name)), hint))
        }
        None => Ok(()),
    }
}

fn refused(violation: &Violation, hint: impl AsRef<str>) -> Refused {
    Refused::usage(with_hint(&format!("{}: {violation}", violation.code()), hint.as_ref()))
}

fn refused_edit(refusal: &Refusal) -> Refused {
    match refusal {
        Refusal::Violation(violation) => Refused::usage(format!("{}: {violation}", violation.code())),
        other => Refused::failed(other),
    }
}

fn with_hint(message: &str, hint: &str) -> String {
    if hint.is_empty() { message.to_owned() } else { format!("{message}\n{hint}") }
}

fn containers(definition: &TaskDefinition) -> String {
    list(definition.containers.iter().map(|container| &container.name))
}

fn list(names: impl Iterator<Item = impl Display>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
