//! What CreateService and UpdateService ask for.

use serde::Deserialize;
use serde_json::Value;

use super::deployment_settings::Configuration;
use super::names::{self, invalid, refused};
use super::service_names::{Connect, Registry};
use crate::aws::action::State;
use crate::aws::services::{ec2, elbv2};
use crate::aws::tags::Tag;
use crate::ecs::violation::Violation;
use crate::model::SecurityGroupName;
use crate::model::TargetGroupName;
use crate::model::arn::{self, Arn};
use crate::model::rule::ListenerRule;
use crate::model::service::{AdvancedConfiguration, LoadBalancerBinding};
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
    advanced_configuration: Option<Advanced>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Advanced {
    alternate_target_group_arn: String,
    production_listener_rule: String,
    test_listener_rule: Option<String>,
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

    /// `availabilityZoneRebalancing`
    pub(super) fn rebalances(&self) -> Option<bool> {
        self.availability_zone_rebalancing.as_deref().map(|word| word != "DISABLED")
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
    if let Some(id) = subnets.iter().find(|id| !ec2::may_be_a_subnet(state, id)) {
        return Err(invalid(format!(
            "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist (ErrorCode: \
             InvalidSubnetID.NotFound)"
        )));
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
        let group = target_group(state, arn)?;
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
            advanced: self.advanced_configuration.as_ref().map(|advanced| advanced.read(state)).transpose()?,
        })
    }
}

fn target_group<'s>(state: &'s State, arn: &str) -> Result<&'s TargetGroupName, Fault> {
    let groups = &state.snapshot.topology.target_groups;
    let group = groups.keys().find(|name| Arn::target_group(name).as_str() == arn);
    group.ok_or_else(|| invalid(format!("The specified target group {arn} does not exist.")))
}

impl Advanced {
    fn read(&self, state: &State) -> Result<AdvancedConfiguration, Fault> {
        let rule = |arn: &str| -> Result<ListenerRule, Fault> {
            let rule = elbv2::listener_rule(state, arn);
            rule.ok_or_else(|| invalid(format!("The specified listener rule {arn} does not exist.")))
        };
        Ok(AdvancedConfiguration {
            alternate_target_group: target_group(state, &self.alternate_target_group_arn)?.clone(),
            production_listener_rule: rule(&self.production_listener_rule)?,
            test_listener_rule: self.test_listener_rule.as_deref().map(rule).transpose()?,
        })
    }
}
