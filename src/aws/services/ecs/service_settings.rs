//! What CreateService and UpdateService ask for.

use serde::Deserialize;
use serde_json::Value;

use super::names::{self, invalid, refused};
use super::service_names::{Connect, Registry};
use crate::aws::action::State;
use crate::aws::services::elbv2;
use crate::aws::tags::Tag;
use crate::ecs::violation::Violation;
use crate::model::SecurityGroupName;
use crate::model::arn::{self, Arn};
use crate::model::deployment::{CircuitBreaker, DeploymentConfiguration, Threshold};
use crate::model::service::LoadBalancerBinding;
use crate::model::task_definition::RevisionName;
use crate::protocols::fault::Fault;

/// CreateService and UpdateService. Members that are not here change nothing on this machine.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Settings {
    pub(super) cluster: Option<String>,
    pub(super) service_name: Option<String>,
    pub(super) service: Option<String>,
    pub(super) task_definition: Option<String>,
    pub(super) desired_count: Option<i64>,
    pub(super) scheduling_strategy: Option<String>,
    pub(super) launch_type: Option<String>,
    pub(super) capacity_provider_strategy: Vec<Value>,
    pub(super) load_balancers: Option<Vec<LoadBalancer>>,
    pub(super) network_configuration: Option<NetworkConfiguration>,
    pub(super) health_check_grace_period_seconds: Option<u64>,
    pub(super) deployment_configuration: Option<Configuration>,
    pub(super) force_new_deployment: bool,
    pub(super) availability_zone_rebalancing: Option<String>,
    pub(super) service_registries: Vec<Registry>,
    pub(super) service_connect_configuration: Option<Connect>,
    pub(super) tags: Vec<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LoadBalancer {
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
pub(super) struct Configuration {
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
    pub(super) fn over(self, before: &DeploymentConfiguration) -> DeploymentConfiguration {
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
    pub(super) fn count(&self) -> Result<Option<u32>, Fault> {
        let Some(count) = self.desired_count else { return Ok(None) };
        let count = u32::try_from(count).map_err(|_| invalid("desiredCount must be 0 or more"))?;
        Ok(Some(count))
    }

    pub(super) fn revision(&self, state: &State) -> Result<Option<RevisionName>, Fault> {
        let Some(given) = &self.task_definition else { return Ok(None) };
        let found = names::task_definition(state, given).ok_or_else(|| {
            let name = RevisionName { family: given.as_str().into(), number: 0 };
            refused(&Violation::TaskDefinitionNotFound(name))
        })?;
        Ok(Some(found.name()))
    }

    pub(super) fn bindings(&self, state: &State) -> Result<Option<Vec<LoadBalancerBinding>>, Fault> {
        let Some(given) = &self.load_balancers else { return Ok(None) };
        given.iter().map(|one| one.binding(state)).collect::<Result<_, _>>().map(Some)
    }

    /// Security groups by id. Subnets only say in which zones tasks may be, and every task here is in one.
    pub(super) fn security_groups(&self, state: &State) -> Result<Option<Vec<SecurityGroupName>>, Fault> {
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
        if elbv2::target_type(state, group) == "instance" {
            return Err(invalid(format!(
                "The provided target group {arn} has target type instance, which is incompatible with the awsvpc network mode \
                 specified in the task definition."
            )));
        }
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
