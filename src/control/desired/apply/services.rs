//! Services (ECS API reference).

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::families::Status;
use super::super::resources::Resources;
use super::super::shifts;
use super::super::violation::Violation;
use super::groups::{check_security_groups, find_target_group};
use crate::ecs::names;
use crate::ecs::service::{bounds, lifecycle};
use crate::ecs::standalone;
use crate::ecs::violation::Violation as Refused;
use crate::model::deployment::DeploymentConfiguration;
use crate::model::overrides::TaskOverride;
use crate::model::rule::ListenerRule;
use crate::model::service::{Build, LoadBalancerBinding, Service};
use crate::model::task_definition::RevisionName;
use crate::model::{ClusterName, ContainerName, SecurityGroupName, ServiceName, TaskId};

fn find<'r>(name: &ServiceName, resources: &'r mut Resources) -> Result<&'r mut Service<RevisionName>, Refused> {
    resources.services.get_mut(name).ok_or_else(|| Refused::ServiceNotFound(name.clone()))
}

pub(super) fn create(
    name: &ServiceName,
    settings: &Service<RevisionName>,
    resources: &mut Resources,
) -> Result<(), Violation> {
    match resources.services.get(name) {
        Some(known) if known == settings => Ok(()),
        Some(_) => Err(Refused::NotIdempotent(name.clone()).into()),
        None => {
            names::service(name.as_str()).map_or(Ok(()), Err)?;
            check_task_definition(&settings.task_definition, resources)?;
            check(settings, resources)?;
            resources.services.insert(name.clone(), settings.clone());
            Ok(())
        }
    }
}

/// What UpdateService changes.
pub(super) struct Changes<'e> {
    pub(super) desired_count: Option<u32>,
    pub(super) task_definition: Option<&'e RevisionName>,
    pub(super) security_groups: Option<&'e [SecurityGroupName]>,
    pub(super) load_balancers: Option<&'e [LoadBalancerBinding]>,
    pub(super) health_check_grace_period: Option<Duration>,
    pub(super) deployment_configuration: Option<&'e DeploymentConfiguration>,
    pub(super) availability_zone_rebalancing: Option<bool>,
    pub(super) builds: Option<&'e BTreeMap<ContainerName, Build>>,
    pub(super) images: Option<&'e BTreeMap<ContainerName, String>>,
}

pub(super) fn update(name: &ServiceName, changes: &Changes<'_>, resources: &mut Resources) -> Result<(), Violation> {
    let mut service = find(name, resources)?.clone();
    service.desired_count = changes.desired_count.unwrap_or(service.desired_count);
    if let Some(task_definition) = changes.task_definition {
        check_task_definition(task_definition, resources)?;
        service.task_definition = task_definition.clone();
    }
    if let Some(groups) = changes.security_groups {
        service.security_groups = groups.to_vec();
    }
    if let Some(bindings) = changes.load_balancers {
        service.load_balancers = bindings.to_vec();
    }
    service.health_check_grace_period = changes.health_check_grace_period.unwrap_or(service.health_check_grace_period);
    if let Some(configuration) = changes.deployment_configuration {
        service.deployment_configuration = configuration.clone();
    }
    if let Some(rebalances) = changes.availability_zone_rebalancing {
        service.availability_zone_rebalancing = rebalances;
    }
    if let Some(builds) = changes.builds {
        service.builds = builds.clone();
    }
    if let Some(images) = changes.images {
        service.images = images.clone();
    }
    check(&service, resources)?;
    resources.services.insert(name.clone(), service);
    Ok(())
}

/// A new reference needs an ACTIVE revision; a service with one that is INACTIVE since may change otherwise (ECS developer
/// guide, "Deregistering an Amazon ECS task definition revision").
fn check_task_definition(name: &RevisionName, resources: &Resources) -> Result<(), Refused> {
    match resources.task_definitions.status(name) {
        Some(Status::Active) => Ok(()),
        Some(Status::Inactive) => Err(Refused::TaskDefinitionInactive(name.clone())),
        None => Err(Refused::TaskDefinitionNotFound(name.clone())),
    }
}

/// What a service refers to exists.
fn check(service: &Service<RevisionName>, resources: &mut Resources) -> Result<(), Violation> {
    if let Some(refused) = bounds::violations(&service.deployment_configuration).into_iter().next() {
        return Err(refused.into());
    }
    let forwards = |rule: &ListenerRule| shifts::forwards_to(resources, rule);
    if let Some(refused) = lifecycle::violations::judge(service, forwards).into_iter().next() {
        return Err(refused.into());
    }
    check_security_groups(&service.security_groups, resources)?;
    for binding in &service.load_balancers {
        let LoadBalancerBinding { target_group: _, container, port, advanced: _ } = binding;
        for target_group in binding.target_groups() {
            find_target_group(target_group, resources)?;
        }
        let revision = resources.task_definitions.revision(&service.task_definition);
        let definition = revision.as_ref().and_then(|revision| revision.container(container));
        let definition = definition.ok_or_else(|| Refused::ContainerNotFound(container.clone()))?;
        if definition.port_mappings.iter().all(|mapping| mapping.container_port != *port) {
            return Err(Refused::PortNotFound { container: container.clone(), port: *port }.into());
        }
    }
    Ok(())
}

pub(super) fn delete(name: &ServiceName, force: bool, resources: &mut Resources) -> Result<(), Violation> {
    if find(name, resources)?.desired_count > 0 && !force {
        return Err(Refused::ScaledAboveZero(name.clone()).into());
    }
    resources.services.remove(name);
    resources.prune();
    Ok(())
}

/// Whether tasks may run. They belong to no service, and no resource remembers them.
pub(super) fn run_task(
    tasks: &[TaskId],
    name: &RevisionName,
    overrides: &TaskOverride,
    resources: &Resources,
) -> Result<(), Violation> {
    match resources.task_definitions.status(name) {
        Some(Status::Inactive) => return Err(Refused::TaskDefinitionInactiveToRun(name.clone()).into()),
        Some(Status::Active) | None => {}
    }
    let revision = resources.task_definitions.revision(name);
    let revision = revision.ok_or_else(|| Refused::TaskDefinitionNotFound(name.clone()))?;
    standalone::overridden(&revision, overrides, tasks.len())?;
    Ok(())
}

/// Created again, it is the same one.
pub(super) fn create_cluster(
    name: &ClusterName,
    hosts_services: bool,
    resources: &mut Resources,
) -> Result<(), Refused> {
    names::cluster(name.as_str()).map_or(Ok(()), Err)?;
    resources.clusters.entry(name.clone()).or_default();
    if hosts_services && resources.services.is_empty() {
        resources.clusters.iter_mut().for_each(|(other, cluster)| cluster.is_the_stacks = other == name);
    }
    Ok(())
}

/// "You must deregister all container instances from this cluster before you may delete it"; services likewise
/// (DeleteCluster).
pub(super) fn delete_cluster(name: &ClusterName, resources: &mut Resources) -> Result<(), Refused> {
    let cluster = resources.clusters.get(name).ok_or_else(|| Refused::ClusterNotFound(name.clone()))?;
    if cluster.is_the_stacks && !resources.services.is_empty() {
        return Err(Refused::ClusterContainsServices(name.clone()));
    }
    resources.clusters.remove(name);
    Ok(())
}
