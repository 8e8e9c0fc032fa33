//! Services.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{self, invalid, missing, refused};
use super::{pages, service_shape};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::ecs::violation::Violation;
use crate::model::arn::{self, ACCOUNT, Arn, REGION};
use crate::model::deployment::{CircuitBreaker, DeploymentConfiguration, Threshold};
use crate::model::service::{LoadBalancerBinding, Service};
use crate::model::task_definition::RevisionName;
use crate::model::{SecurityGroupName, ServiceName};
use crate::protocols::fault::Fault;

/// The most services in one DescribeServices.
const MOST_DESCRIBED: usize = 10;

/// CreateService and UpdateService. Members that are not here change nothing on this machine.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    cluster: Option<String>,
    service_name: Option<String>,
    service: Option<String>,
    task_definition: Option<String>,
    desired_count: Option<i64>,
    scheduling_strategy: Option<String>,
    launch_type: Option<String>,
    capacity_provider_strategy: Vec<Value>,
    load_balancers: Option<Vec<LoadBalancer>>,
    network_configuration: Option<NetworkConfiguration>,
    health_check_grace_period_seconds: Option<u64>,
    deployment_configuration: Option<Configuration>,
    force_new_deployment: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct LoadBalancer {
    target_group_arn: Option<String>,
    load_balancer_name: Option<String>,
    container_name: String,
    container_port: u16,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NetworkConfiguration {
    awsvpc_configuration: Awsvpc,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Awsvpc {
    subnets: Vec<String>,
    security_groups: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Configuration {
    deployment_circuit_breaker: Option<Breaker>,
    maximum_percent: Option<u32>,
    minimum_healthy_percent: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Breaker {
    enable: bool,
    rollback: bool,
    reset_on_healthy_task: Option<bool>,
    threshold_configuration: Option<ThresholdConfiguration>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ThresholdConfiguration {
    r#type: Option<String>,
    value: Option<u32>,
}

impl Configuration {
    /// What is not said stays as it is.
    fn over(self, before: &DeploymentConfiguration) -> DeploymentConfiguration {
        let mut configuration = before.clone();
        configuration.maximum_percent = self.maximum_percent.unwrap_or(before.maximum_percent);
        configuration.minimum_healthy_percent = self.minimum_healthy_percent.unwrap_or(before.minimum_healthy_percent);
        if let Some(breaker) = self.deployment_circuit_breaker {
            configuration.circuit_breaker = breaker.over(before.circuit_breaker);
        }
        configuration
    }
}

impl Breaker {
    fn over(self, before: CircuitBreaker) -> CircuitBreaker {
        let threshold = self.threshold_configuration.and_then(|said| {
            let value = said.value?;
            match said.r#type.as_deref() {
                Some("COUNT") => Some(Threshold::Count(value)),
                Some("UNBOUNDED_PERCENT") => Some(Threshold::UnboundedPercent(value)),
                Some("BOUNDED_PERCENT") => Some(Threshold::BoundedPercent(value)),
                _ => None,
            }
        });
        CircuitBreaker {
            enable: self.enable,
            rollback: self.rollback,
            reset_on_healthy_task: self.reset_on_healthy_task.unwrap_or(before.reset_on_healthy_task),
            threshold: threshold.unwrap_or(before.threshold),
        }
    }
}

impl Settings {
    fn count(&self) -> Result<Option<u32>, Fault> {
        let Some(count) = self.desired_count else { return Ok(None) };
        let count = u32::try_from(count).map_err(|_| invalid("desiredCount must be 0 or more"))?;
        Ok(Some(count))
    }

    fn revision(&self, state: &State) -> Result<Option<RevisionName>, Fault> {
        let Some(given) = &self.task_definition else { return Ok(None) };
        let found = names::task_definition(state, given).ok_or_else(|| {
            let name = RevisionName { family: given.as_str().into(), number: 0 };
            refused(&Violation::TaskDefinitionNotFound(name))
        })?;
        Ok(Some(found.name()))
    }

    fn bindings(&self, state: &State) -> Result<Option<Vec<LoadBalancerBinding>>, Fault> {
        let Some(given) = &self.load_balancers else { return Ok(None) };
        given.iter().map(|one| one.binding(state)).collect::<Result<_, _>>().map(Some)
    }

    /// Security groups by id. Subnets only say in which zones tasks may be, and every task here is in one.
    fn security_groups(&self, state: &State) -> Result<Option<Vec<SecurityGroupName>>, Fault> {
        let Some(network) = &self.network_configuration else { return Ok(None) };
        security_groups(state, network)
    }
}

pub(super) fn security_groups(
    state: &State,
    network: &NetworkConfiguration,
) -> Result<Option<Vec<SecurityGroupName>>, Fault> {
    let Awsvpc { subnets, security_groups } = &network.awsvpc_configuration;
    if subnets.is_empty() {
        return Err(invalid("subnets can not be empty."));
    }
    let Some(ids) = security_groups else { return Ok(None) };
    let known = &state.snapshot.topology.security_groups;
    let found = ids.iter().map(|id| {
        let named = |name: &&SecurityGroupName| arn::security_group_id(name) == *id || name.as_str() == id;
        known.keys().find(named).cloned().ok_or_else(|| {
            invalid(format!(
                "Error retrieving security group information for [{id}]: The security group '{id}' does not exist \
                 (ErrorCode: InvalidGroup.NotFound)"
            ))
        })
    });
    found.collect::<Result<_, _>>().map(Some)
}

impl LoadBalancer {
    fn binding(&self, state: &State) -> Result<LoadBalancerBinding, Fault> {
        let Some(arn) = &self.target_group_arn else {
            return Err(invalid(match self.load_balancer_name {
                Some(_) => "Classic Load Balancers are not supported with Fargate.",
                None => "targetGroupArn can not be blank.",
            }));
        };
        let groups = &state.snapshot.topology.target_groups;
        let group = groups.keys().find(|name| Arn::target_group(name).as_str() == arn);
        let group = group.ok_or_else(|| invalid(format!("The specified target group {arn} does not exist.")))?;
        if !state.snapshot.topology.is_in_use(group) {
            return Err(invalid(format!(
                "The target group with targetGroupArn {arn} does not have an associated load balancer."
            )));
        }
        Ok(LoadBalancerBinding {
            target_group: group.clone(),
            container: self.container_name.as_str().into(),
            port: self.container_port,
            advanced: None,
        })
    }
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Settings = input.read()?;
    names::cluster(state, asked.cluster.as_deref())?;
    let name = ServiceName::new(asked.service_name.as_deref().unwrap_or_default());
    if asked.scheduling_strategy.as_deref() == Some("DAEMON") {
        return Err(refused(&Violation::DaemonOnFargate));
    }
    if asked.launch_type.is_some() && !asked.capacity_provider_strategy.is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    let revision = asked.revision(state)?.ok_or_else(|| invalid("TaskDefinition can not be blank."))?;
    let network = asked.security_groups(state)?;
    if asked.network_configuration.is_none() {
        return Err(invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."));
    }
    let mut settings = Service::new(revision, asked.count()?.unwrap_or(0));
    settings.security_groups = network.unwrap_or_default();
    settings.load_balancers = asked.bindings(state)?.unwrap_or_default();
    settings.health_check_grace_period = Duration::from_secs(asked.health_check_grace_period_seconds.unwrap_or(0));
    if let Some(configuration) = asked.deployment_configuration {
        settings.deployment_configuration = configuration.over(&DeploymentConfiguration::default());
    }
    let edit = Edit::CreateService { service: name.clone(), settings };
    Ok(Decision::edit(edit, move |state| one(state, &name)))
}

pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Settings = input.read()?;
    names::cluster(state, asked.cluster.as_deref())?;
    let name = names::service(asked.service.as_deref().unwrap_or_default());
    let Some(before) = state.snapshot.topology.services.get(&name) else {
        // Observed: UpdateService says nothing more here.
        return match state.snapshot.world.services.get(&name) {
            Some(_) => Err(Fault::new("ServiceNotActiveException", "Service was not ACTIVE.")),
            None => Err(Fault::new("ServiceNotFoundException", "")),
        };
    };
    let mut edit = Edit::scale(name.clone(), before.desired_count);
    if let Edit::UpdateService {
        desired_count,
        task_definition,
        security_groups,
        load_balancers,
        health_check_grace_period,
        deployment_configuration,
        force_new_deployment,
        ..
    } = &mut edit
    {
        *desired_count = asked.count()?;
        *task_definition = asked.revision(state)?;
        *security_groups = asked.security_groups(state)?;
        *load_balancers = asked.bindings(state)?;
        *health_check_grace_period = asked.health_check_grace_period_seconds.map(Duration::from_secs);
        *force_new_deployment = asked.force_new_deployment;
        *deployment_configuration =
            asked.deployment_configuration.map(|configuration| configuration.over(&before.deployment_configuration));
    }
    Ok(Decision::edit(edit, move |state| one(state, &name)))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Deleted {
    cluster: Option<String>,
    service: String,
    force: bool,
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Deleted { cluster, service, force } = input.read()?;
    names::cluster(state, cluster.as_deref())?;
    let name = names::service(&service);
    let edit = Edit::DeleteService { service: name.clone(), force };
    // Without tasks it is gone as soon as it is deleted.
    let last = one(state, &name).ok().map(|mut last| {
        last["service"]["status"] = json!("DRAINING");
        last["service"]["desiredCount"] = json!(0);
        last
    });
    Ok(Decision::edit(edit, move |state| match (one(state, &name), last) {
        (Err(_), Some(last)) => Ok(last),
        (draining, _) => draining,
    }))
}

/// `{"service": …}`
fn one(state: &State, name: &ServiceName) -> Result<Value, Fault> {
    let record = state.snapshot.world.services.get(name);
    let record = record.ok_or_else(|| refused(&Violation::ServiceNotFound(name.clone())))?;
    Ok(json!({ "service": service_shape::shape(state, name, record) }))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Described {
    cluster: Option<String>,
    services: Vec<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Described { cluster, services } = input.read()?;
    let cluster = names::cluster(state, cluster.as_deref())?;
    if services.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if services.len() > MOST_DESCRIBED {
        return Err(invalid("Services cannot have more than 10 elements."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let is_the_stacks = state.snapshot.topology.cluster == cluster;
    for given in &services {
        let name = names::service(given);
        match state.snapshot.world.services.get(&name).filter(|_| is_the_stacks) {
            Some(record) => found.push(service_shape::shape(state, &name, record)),
            None if given.starts_with("arn:") => failures.push(missing(given)),
            // The old form, without the cluster (observed).
            None => failures.push(missing(format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/{given}"))),
        }
    }
    Ok(Decision::reply(json!({ "services": found, "failures": failures })))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    cluster: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Listed { cluster, max_results, next_token } = input.read()?;
    let cluster = names::cluster(state, cluster.as_deref())?;
    let topology = &state.snapshot.topology;
    let services = topology.services.keys().filter(|_| topology.cluster == cluster);
    let arns: Vec<Arn> = services.map(|name| Arn::service(&cluster, name)).collect();
    // Unlike the others, it gives ten at a time (ECS API, ListServices.maxResults).
    let (page, next) = pages::page(&arns, Some(max_results.unwrap_or(MOST_DESCRIBED)), next_token.as_deref())?;
    Ok(Decision::reply(pages::with_token(json!({ "serviceArns": page }), next)))
}
