//! Load balancers, listeners and rules (ELBv2 API reference).

use std::collections::BTreeSet;

use super::super::resources::{OwnedListener, OwnedRule, Resources};
use super::certificates;
use super::first::judged;
use super::groups::check_security_groups;
use crate::alb::actions::limits::{self as actions, Context};
use crate::alb::actions::transform;
use crate::alb::rules::limits as rules;
use crate::alb::violation::Violation;
use crate::alb::violation::problems::NameKind;
use crate::alb::{limits, listeners, names};
use crate::model::listener::{Listener, ListenerProtocol, LoadBalancer};
use crate::model::rule::{Action, Actions, Condition, ListenerRule, Rule, Transforms};
use crate::model::{ListenerId, LoadBalancerName, RuleId, SecurityGroupName};

pub(super) fn find<'r>(
    name: &LoadBalancerName,
    resources: &'r mut Resources,
) -> Result<&'r mut LoadBalancer, Violation> {
    resources.load_balancers.get_mut(name).ok_or_else(|| Violation::LoadBalancerNotFound(name.clone()))
}

pub(super) fn find_listener<'r>(
    id: &ListenerId,
    resources: &'r mut Resources,
) -> Result<&'r mut OwnedListener, Violation> {
    resources.listeners.get_mut(id).ok_or_else(|| Violation::ListenerNotFound(id.clone()))
}

pub(super) fn create(settings: &LoadBalancer, resources: &mut Resources) -> Result<(), Violation> {
    names::judge(NameKind::LoadBalancer, settings.name.as_str())?;
    judged(listeners::attributes(&settings.attributes))?;
    check_security_groups(&settings.security_groups, resources)?;
    match resources.load_balancers.get(&settings.name) {
        None => {
            resources.load_balancers.insert(settings.name.clone(), settings.clone());
            Ok(())
        }
        // "If you attempt to create multiple load balancers with the same settings, each call succeeds"
        // (CreateLoadBalancer).
        Some(known) if known == settings => Ok(()),
        Some(_) => Err(Violation::DuplicateLoadBalancerName(settings.name.clone())),
    }
}

pub(super) fn set_security_groups(
    name: &LoadBalancerName,
    groups: &[SecurityGroupName],
    resources: &mut Resources,
) -> Result<(), Violation> {
    check_security_groups(groups, resources)?;
    find(name, resources)?.security_groups = groups.to_vec();
    Ok(())
}

pub(super) fn create_listener(
    id: &ListenerId,
    load_balancer: &LoadBalancerName,
    settings: &Listener,
    resources: &mut Resources,
) -> Result<(), Violation> {
    find(load_balancer, resources)?;
    check_port(load_balancer, settings.port, None, resources)?;
    check_action(&settings.default_actions.routing, load_balancer, resources)?;
    let context = Context::new(&settings.protocol, settings.port, &resources.target_groups);
    judged(listeners::listener(settings, &context))?;
    certificates::check(&settings.protocol, resources)?;
    let owned = OwnedListener { load_balancer: load_balancer.clone(), listener: settings.clone() };
    resources.listeners.insert(id.clone(), owned);
    Ok(())
}

/// What ModifyListener changes.
pub(super) struct ListenerChanges<'e> {
    pub(super) port: Option<u16>,
    pub(super) protocol: Option<&'e ListenerProtocol>,
    pub(super) default_actions: Option<&'e Actions>,
}

pub(super) fn modify_listener(
    id: &ListenerId,
    changes: &ListenerChanges<'_>,
    resources: &mut Resources,
) -> Result<(), Violation> {
    let OwnedListener { load_balancer, listener: known } = find_listener(id, resources)?.clone();
    if let Some(port) = changes.port {
        check_port(&load_balancer, port, Some(id), resources)?;
    }
    if let Some(actions) = changes.default_actions {
        check_action(&actions.routing, &load_balancer, resources)?;
    }
    let protocol = changes.protocol.unwrap_or(&known.protocol);
    let context = Context::new(protocol, changes.port.unwrap_or(known.port), &resources.target_groups);
    judged(limits::PORT.judge(context.port).map_err(Violation::from).err())?;
    judged(listeners::protocol(protocol))?;
    certificates::check(protocol, resources)?;
    judged(actions::judge(changes.default_actions.unwrap_or(&known.default_actions), &context))?;
    let rules = resources.rules.values().filter(|owned| owned.listener == *id);
    judged(rules.flat_map(|owned| actions::judge(&owned.rule.actions, &context)))?;
    let listener = &mut find_listener(id, resources)?.listener;
    if let Some(port) = changes.port {
        // A listener that was not remapped follows its port.
        if listener.bind_port == listener.port {
            listener.bind_port = port;
        }
        listener.port = port;
    }
    if let Some(protocol) = changes.protocol {
        listener.protocol = protocol.clone();
    }
    if let Some(actions) = changes.default_actions {
        listener.default_actions = actions.clone();
    }
    Ok(())
}

/// A load balancer has one listener per port.
fn check_port(
    load_balancer: &LoadBalancerName,
    port: u16,
    own: Option<&ListenerId>,
    resources: &Resources,
) -> Result<(), Violation> {
    let others = resources.listeners.iter().filter(|(id, _)| Some(*id) != own);
    let mut others = others.filter(|(_, other)| other.load_balancer == *load_balancer);
    match others.any(|(_, other)| other.listener.port == port) {
        true => Err(Violation::DuplicateListener { port }),
        false => Ok(()),
    }
}

/// A target group exists, and belongs to no other load balancer.
fn check_action(action: &Action, load_balancer: &LoadBalancerName, resources: &Resources) -> Result<(), Violation> {
    for group in action.forwards_to() {
        if !resources.target_groups.contains_key(group) {
            return Err(Violation::TargetGroupNotFound(group.clone()));
        }
        if resources.forwards().any(|(owner, other)| other == group && owner != load_balancer) {
            return Err(Violation::TargetGroupAssociationLimit(group.clone()));
        }
    }
    Ok(())
}

pub(super) fn create_rule(
    id: &RuleId,
    listener: &ListenerId,
    settings: &Rule,
    resources: &mut Resources,
) -> Result<(), Violation> {
    let OwnedListener { load_balancer, listener: owner } = find_listener(listener, resources)?.clone();
    let context = Context::new(&owner.protocol, owner.port, &resources.target_groups);
    judged(rules::judge(settings))?;
    judged(actions::judge(&settings.actions, &context))?;
    check_action(&settings.actions.routing, &load_balancer, resources)?;
    let mut others = resources.rules.values().filter(|other| other.listener == *listener);
    if others.any(|other| other.rule.priority == settings.priority) {
        return Err(Violation::PriorityInUse { priority: settings.priority });
    }
    resources.rules.insert(id.clone(), OwnedRule { listener: listener.clone(), rule: settings.clone() });
    Ok(())
}

/// What ModifyRule changes.
pub(super) struct RuleChanges<'e> {
    pub(super) conditions: Option<&'e [Condition]>,
    pub(super) actions: Option<&'e Actions>,
    pub(super) transforms: Option<&'e Transforms>,
}

pub(super) fn modify_rule(id: &RuleId, changes: &RuleChanges<'_>, resources: &mut Resources) -> Result<(), Violation> {
    let listener = find_rule(id, resources)?.listener.clone();
    let OwnedListener { load_balancer, listener: owner } = find_listener(&listener, resources)?.clone();
    judged(changes.conditions.map(rules::conditions).unwrap_or_default())?;
    judged(changes.transforms.map(transform::judge).unwrap_or_default())?;
    if let Some(actions) = changes.actions {
        let context = Context::new(&owner.protocol, owner.port, &resources.target_groups);
        judged(actions::judge(actions, &context))?;
        check_action(&actions.routing, &load_balancer, resources)?;
    }
    let rule = &mut find_rule(id, resources)?.rule;
    if let Some(conditions) = changes.conditions {
        rule.conditions = conditions.to_vec();
    }
    if let Some(actions) = changes.actions {
        rule.actions = actions.clone();
    }
    if let Some(transforms) = changes.transforms {
        rule.transforms = transforms.clone();
    }
    Ok(())
}

fn find_rule<'r>(id: &RuleId, resources: &'r mut Resources) -> Result<&'r mut OwnedRule, Violation> {
    resources.rules.get_mut(id).ok_or_else(|| Violation::RuleNotFound(id.clone()))
}

/// Priorities are compared after the change as a whole, so that rules can change places.
pub(super) fn set_priorities(priorities: &[(RuleId, u32)], resources: &mut Resources) -> Result<(), Violation> {
    let mut changed = resources.rules.clone();
    let mut given = BTreeSet::new();
    let mut moved = Vec::new();
    for (id, priority) in priorities {
        judged(limits::PRIORITY.judge(*priority).map_err(Violation::from).err())?;
        let owned = changed.get_mut(id).ok_or_else(|| Violation::RuleNotFound(id.clone()))?;
        if !given.insert((owned.listener.clone(), *priority)) {
            return Err(Violation::PriorityProvidedTwice { priority: *priority });
        }
        moved.push((owned.listener.clone(), owned.rule.priority, *priority));
        owned.rule.priority = *priority;
    }
    let mut taken = BTreeSet::new();
    for owned in changed.values() {
        if !taken.insert((&owned.listener, owned.rule.priority)) {
            return Err(Violation::PriorityInUse { priority: owned.rule.priority });
        }
    }
    resources.rules = changed;
    follow(&moved, resources);
    Ok(())
}

/// A service names a rule by its ARN, which a new priority does not change.
fn follow(moved: &[(ListenerId, u32, u32)], resources: &mut Resources) {
    let listeners = &resources.listeners;
    let new_priority = |rule: &ListenerRule| {
        let is_its = |id: &ListenerId| {
            listeners
                .get(id)
                .is_some_and(|owned| owned.load_balancer == rule.load_balancer && owned.listener.port == rule.listener)
        };
        moved.iter().find(|(id, before, _)| Some(*before) == rule.priority && is_its(id)).map(|(_, _, after)| *after)
    };
    let bindings = resources.services.values_mut().flat_map(|service| &mut service.load_balancers);
    for advanced in bindings.filter_map(|binding| binding.advanced.as_mut()) {
        let rules = std::iter::once(&mut advanced.production_listener_rule).chain(&mut advanced.test_listener_rule);
        for rule in rules {
            rule.priority = new_priority(rule).or(rule.priority);
        }
    }
}

pub(super) fn delete_rule(id: &RuleId, resources: &mut Resources) -> Result<(), Violation> {
    find_rule(id, resources)?;
    resources.rules.remove(id);
    Ok(())
}
