//! What an edit makes of the resources, or why it is refused. All or nothing.

mod certificates;
mod first;
mod groups;
mod load_balancers;
mod quotas;
mod scaling;
mod services;

use std::sync::Arc;

use self::first::judged;
use self::scaling::Registration;
use super::edit::Edit;
use super::records::Records;
use super::resources::Resources;
use super::violation::Violation;
use crate::alb::listeners;
use crate::alb::targets::limits as target_groups;
use crate::ecs::task_definition;

/// Makes the change, or leaves everything as it is. Resources that an edit does not change are not copied.
pub(super) fn apply(edit: &Edit, resources: &mut Arc<Resources>, records: &mut Records) -> Result<(), Violation> {
    let mut remembered = records.clone();
    let mut changed = None;
    for part in edit.parts() {
        match part {
            Edit::PutRecord { kind, id, record } => remembered.put(kind, id, record)?,
            Edit::DeleteRecord { kind, id } => remembered.delete(kind, id),
            part => make(part, changed.get_or_insert_with(|| Resources::clone(resources)))?,
        }
    }
    if let Some(changed) = changed {
        quotas::check(resources, &changed)?;
        *resources = Arc::new(changed);
    }
    *records = remembered;
    Ok(())
}

fn make(edit: &Edit, resources: &mut Resources) -> Result<(), Violation> {
    match edit {
        Edit::CreateLoadBalancer { settings } => load_balancers::create(settings, resources)?,
        Edit::ModifyLoadBalancerAttributes { load_balancer, attributes } => {
            judged(listeners::attributes(attributes))?;
            load_balancers::find(load_balancer, resources)?.attributes = attributes.clone();
        }
        Edit::SetSecurityGroups { load_balancer, security_groups } => {
            load_balancers::set_security_groups(load_balancer, security_groups, resources)?;
        }
        Edit::DeleteLoadBalancer { load_balancer } => {
            // "If the load balancer does not exist or has already been deleted, the call succeeds" (DeleteLoadBalancer).
            resources.load_balancers.remove(load_balancer);
            resources.prune();
        }
        Edit::CreateListener { listener, load_balancer, settings } => {
            load_balancers::create_listener(listener, load_balancer, settings, resources)?;
        }
        Edit::ModifyListener { listener, port, protocol, default_actions } => {
            let changes = load_balancers::ListenerChanges {
                port: *port,
                protocol: protocol.as_ref(),
                default_actions: default_actions.as_ref(),
            };
            load_balancers::modify_listener(listener, &changes, resources)?;
        }
        Edit::ModifyListenerAttributes { listener, attributes } => {
            judged(listeners::headers(attributes))?;
            load_balancers::find_listener(listener, resources)?.listener.headers = attributes.clone();
        }
        Edit::DeleteListener { listener } => {
            load_balancers::find_listener(listener, resources)?;
            resources.listeners.remove(listener);
            resources.prune();
        }
        Edit::CreateRule { rule, listener, settings } => {
            load_balancers::create_rule(rule, listener, settings, resources)?;
        }
        Edit::ModifyRule { rule, conditions, actions, transforms } => {
            let changes = load_balancers::RuleChanges {
                conditions: conditions.as_deref(),
                actions: actions.as_ref(),
                transforms: transforms.as_ref(),
            };
            load_balancers::modify_rule(rule, &changes, resources)?;
        }
        Edit::SetRulePriorities { priorities } => load_balancers::set_priorities(priorities, resources)?,
        Edit::DeleteRule { rule } => load_balancers::delete_rule(rule, resources)?,
        Edit::CreateTargetGroup { target_group, settings } => {
            groups::create_target_group(target_group, settings, resources)?;
        }
        Edit::ModifyTargetGroup { target_group, health_check } => {
            let group = groups::find_target_group(target_group, resources)?;
            judged(target_groups::health_check(health_check, group.protocol_version))?;
            group.health_check = health_check.clone();
        }
        Edit::ModifyTargetGroupAttributes { target_group, attributes } => {
            let group = groups::find_target_group(target_group, resources)?;
            judged(target_groups::attributes(attributes))?;
            group.attributes = attributes.clone();
        }
        Edit::RegisterTargets { target_group, targets } => groups::register(target_group, targets, resources)?,
        Edit::DeregisterTargets { target_group, targets } => groups::deregister(target_group, targets, resources)?,
        Edit::DeleteTargetGroup { target_group } => groups::delete_target_group(target_group, resources)?,
        Edit::CreateSecurityGroup { security_group } => groups::create_security_group(security_group, resources)?,
        Edit::AuthorizeSecurityGroupIngress { security_group, rules } => {
            groups::authorize(security_group, rules, resources)?;
        }
        Edit::RevokeSecurityGroupIngress { security_group, rules } => groups::revoke(security_group, rules, resources)?,
        Edit::DeleteSecurityGroup { security_group } => groups::delete_security_group(security_group, resources)?,
        Edit::RequestCertificate { certificate } => certificates::request(certificate, resources)?,
        Edit::DeleteCertificate { certificate } => certificates::delete(certificate, resources)?,
        Edit::CreateCluster { cluster, hosts_services } => {
            services::create_cluster(cluster, *hosts_services, resources)?;
        }
        Edit::DeleteCluster { cluster } => services::delete_cluster(cluster, resources)?,
        Edit::RegisterTaskDefinition { definition } => {
            task_definition::judge(definition)?;
            resources.task_definitions.register(definition);
        }
        Edit::DeregisterTaskDefinition { task_definition } => resources.task_definitions.deregister(task_definition)?,
        Edit::CreateService { service, settings } => services::create(service, settings, resources)?,
        Edit::UpdateService {
            service,
            desired_count,
            task_definition,
            security_groups,
            load_balancers,
            health_check_grace_period,
            deployment_configuration,
            availability_zone_rebalancing,
            builds,
            images,
            // It begins a deployment, and changes nothing that is wanted.
            force_new_deployment: _,
        } => {
            let changes = services::Changes {
                desired_count: *desired_count,
                task_definition: task_definition.as_ref(),
                security_groups: security_groups.as_deref(),
                load_balancers: load_balancers.as_deref(),
                health_check_grace_period: *health_check_grace_period,
                deployment_configuration: deployment_configuration.as_ref(),
                availability_zone_rebalancing: *availability_zone_rebalancing,
                builds: builds.as_ref(),
                images: images.as_ref(),
            };
            services::update(service, &changes, resources)?;
        }
        Edit::RunTask { tasks, task_definition, overrides, started_by: _, images: _ } => {
            services::run_task(tasks, task_definition, overrides, resources)?;
        }
        Edit::DeleteService { service, force } => services::delete(service, *force, resources)?,
        Edit::RegisterScalableTarget { service, min_capacity, max_capacity, suspended } => {
            let (min_capacity, max_capacity, suspended) = (*min_capacity, *max_capacity, *suspended);
            scaling::register(service, &Registration { min_capacity, max_capacity, suspended }, resources)?;
        }
        Edit::DeregisterScalableTarget { service } => scaling::deregister(service, resources)?,
        Edit::PutScalingPolicy { service, policy, settings } => {
            scaling::put_policy(service, policy, settings, resources)?;
        }
        Edit::DeleteScalingPolicy { service, policy } => scaling::delete_policy(service, policy, resources)?,
        // Records are no resources, and changes that are made together are made one by one.
        Edit::PutRecord { .. } | Edit::DeleteRecord { .. } | Edit::Together { .. } => {}
    }
    Ok(())
}
