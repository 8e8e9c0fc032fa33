//! Target groups (ELBv2 API reference) and security groups (EC2 API reference).

use super::super::resources::Resources;
use super::first::judged;
use crate::alb::security_group;
use crate::alb::targets::limits;
use crate::alb::violation::Violation;
use crate::model::security_group::{IngressRule, SecurityGroup, Source};
use crate::model::target_group::{StaticTarget, TargetGroup};
use crate::model::target_health::Target;
use crate::model::{SecurityGroupName, TargetGroupName};

pub(super) fn find_target_group<'r>(
    name: &TargetGroupName,
    resources: &'r mut Resources,
) -> Result<&'r mut TargetGroup, Violation> {
    resources.target_groups.get_mut(name).ok_or_else(|| Violation::TargetGroupNotFound(name.clone()))
}

pub(super) fn create_target_group(
    name: &TargetGroupName,
    settings: &TargetGroup,
    resources: &mut Resources,
) -> Result<(), Violation> {
    match resources.target_groups.get(name) {
        None => {
            judged(limits::judge(name, settings))?;
            resources.target_groups.insert(name.clone(), settings.clone());
            Ok(())
        }
        // "If you attempt to create multiple target groups with the same settings, each call succeeds" (CreateTargetGroup).
        Some(known) if known == settings => Ok(()),
        Some(_) => Err(Violation::DuplicateTargetGroupName(name.clone())),
    }
}

pub(super) fn register(
    name: &TargetGroupName,
    targets: &[StaticTarget],
    resources: &mut Resources,
) -> Result<(), Violation> {
    let registered = &mut find_target_group(name, resources)?.static_targets;
    judged(limits::targets(targets))?;
    for target in targets {
        if !registered.contains(target) {
            registered.push(target.clone());
        }
    }
    Ok(())
}

pub(super) fn deregister(
    name: &TargetGroupName,
    targets: &[StaticTarget],
    resources: &mut Resources,
) -> Result<(), Violation> {
    let registered = &mut find_target_group(name, resources)?.static_targets;
    if let Some(unknown) = targets.iter().find(|target| !registered.contains(target)) {
        let unknown = Target { address: unknown.address, port: unknown.port };
        return Err(Violation::InvalidTarget(unknown.to_string()));
    }
    registered.retain(|target| !targets.contains(target));
    Ok(())
}

/// "You can delete a target group if it is not referenced by any actions" (DeleteTargetGroup).
pub(super) fn delete_target_group(name: &TargetGroupName, resources: &mut Resources) -> Result<(), Violation> {
    find_target_group(name, resources)?;
    if resources.forwards().any(|(_, group)| group == name) {
        return Err(Violation::TargetGroupInUse(name.clone()));
    }
    resources.target_groups.remove(name);
    Ok(())
}

pub(super) fn check_security_groups(names: &[SecurityGroupName], resources: &Resources) -> Result<(), Violation> {
    security_group::members(names.len())?;
    match names.iter().find(|name| !resources.security_groups.contains_key(*name)) {
        Some(unknown) => Err(Violation::SecurityGroupNotFound(unknown.clone())),
        None => Ok(()),
    }
}

fn find_security_group<'r>(
    name: &SecurityGroupName,
    resources: &'r mut Resources,
) -> Result<&'r mut SecurityGroup, Violation> {
    resources.security_groups.get_mut(name).ok_or_else(|| Violation::SecurityGroupNotFound(name.clone()))
}

pub(super) fn create_security_group(name: &SecurityGroupName, resources: &mut Resources) -> Result<(), Violation> {
    if resources.security_groups.contains_key(name) {
        return Err(Violation::DuplicateSecurityGroup(name.clone()));
    }
    resources.security_groups.insert(name.clone(), SecurityGroup::default());
    Ok(())
}

pub(super) fn authorize(
    name: &SecurityGroupName,
    rules: &[IngressRule],
    resources: &mut Resources,
) -> Result<(), Violation> {
    for rule in rules {
        if let Source::SecurityGroup(source) = &rule.source {
            check_security_groups(std::slice::from_ref(source), resources)?;
        }
    }
    let ingress = &mut find_security_group(name, resources)?.ingress;
    judged(rules.iter().filter_map(|rule| security_group::judge(rule).err()))?;
    if let Some(twice) = rules.iter().find(|rule| ingress.contains(rule)) {
        return Err(Violation::DuplicatePermission(twice.clone()));
    }
    ingress.extend_from_slice(rules);
    Ok(())
}

pub(super) fn revoke(
    name: &SecurityGroupName,
    rules: &[IngressRule],
    resources: &mut Resources,
) -> Result<(), Violation> {
    let ingress = &mut find_security_group(name, resources)?.ingress;
    if rules.iter().any(|rule| !ingress.contains(rule)) {
        return Err(Violation::PermissionNotFound);
    }
    ingress.retain(|rule| !rules.contains(rule));
    Ok(())
}

/// "If you attempt to delete a security group that is associated with an instance or network interface, is referenced by
/// another security group in the same VPC, …, the operation fails with DependencyViolation" (DeleteSecurityGroup).
pub(super) fn delete_security_group(name: &SecurityGroupName, resources: &mut Resources) -> Result<(), Violation> {
    find_security_group(name, resources)?;
    let in_load_balancer = resources.load_balancers.values().any(|one| one.security_groups.contains(name));
    let in_service = resources.services.values().any(|one| one.security_groups.contains(name));
    let refers = |rule: &IngressRule| matches!(&rule.source, Source::SecurityGroup(source) if source == name);
    let mut others = resources.security_groups.iter().filter(|(other, _)| *other != name);
    if in_load_balancer || in_service || others.any(|(_, group)| group.ingress.iter().any(refers)) {
        return Err(Violation::SecurityGroupInUse(name.clone()));
    }
    resources.security_groups.remove(name);
    Ok(())
}
