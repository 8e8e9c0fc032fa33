//! The actions of Elastic Load Balancing (ELBv2 API reference) for Application Load Balancers: each listens as one of the
//! file does, and what of it means nothing here is remembered.

mod account;
mod actions;
mod certificates;
mod conditions;
mod faults;
mod health;
mod known;
mod listener_shape;
mod listeners;
mod load_balancer_shape;
mod load_balancers;
mod network;
mod rules;
mod tagging;
mod target_group_shape;
mod target_groups;
mod targets;

use crate::aws::action::{Action, State};
use crate::model::TargetGroupName;
use crate::model::rule::ListenerRule;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "AddListenerCertificates", decide: certificates::add },
    Action { name: "AddTags", decide: tagging::add },
    Action { name: "CreateListener", decide: listeners::create },
    Action { name: "CreateLoadBalancer", decide: load_balancers::create },
    Action { name: "CreateRule", decide: rules::create },
    Action { name: "CreateTargetGroup", decide: target_groups::create },
    Action { name: "DeleteListener", decide: listeners::delete },
    Action { name: "DeleteLoadBalancer", decide: load_balancers::delete },
    Action { name: "DeleteRule", decide: rules::delete },
    Action { name: "DeleteTargetGroup", decide: target_groups::delete },
    Action { name: "DeregisterTargets", decide: targets::deregister },
    Action { name: "DescribeAccountLimits", decide: account::limits },
    Action { name: "DescribeCapacityReservation", decide: account::capacity_reservation },
    Action { name: "DescribeListenerAttributes", decide: listeners::describe_attributes },
    Action { name: "DescribeListenerCertificates", decide: certificates::describe },
    Action { name: "DescribeListeners", decide: listeners::describe },
    Action { name: "DescribeLoadBalancerAttributes", decide: load_balancers::describe_attributes },
    Action { name: "DescribeLoadBalancers", decide: load_balancers::describe },
    Action { name: "DescribeRules", decide: rules::describe },
    Action { name: "DescribeSSLPolicies", decide: account::ssl_policies },
    Action { name: "DescribeTags", decide: tagging::describe },
    Action { name: "DescribeTargetGroupAttributes", decide: target_groups::describe_attributes },
    Action { name: "DescribeTargetGroups", decide: target_groups::describe },
    Action { name: "DescribeTargetHealth", decide: health::describe },
    Action { name: "ModifyListener", decide: listeners::modify },
    Action { name: "ModifyListenerAttributes", decide: listeners::modify_attributes },
    Action { name: "ModifyLoadBalancerAttributes", decide: load_balancers::modify_attributes },
    Action { name: "ModifyRule", decide: rules::modify },
    Action { name: "ModifyTargetGroup", decide: target_groups::modify },
    Action { name: "ModifyTargetGroupAttributes", decide: target_groups::modify_attributes },
    Action { name: "RegisterTargets", decide: targets::register },
    Action { name: "RemoveListenerCertificates", decide: certificates::remove },
    Action { name: "RemoveTags", decide: tagging::remove },
    Action { name: "SetIpAddressType", decide: load_balancers::set_ip_address_type },
    Action { name: "SetRulePriorities", decide: rules::set_priorities },
    Action { name: "SetSecurityGroups", decide: load_balancers::set_security_groups },
    Action { name: "SetSubnets", decide: load_balancers::set_subnets },
];

/// The rule of that ARN, as other services name it.
pub(super) fn listener_rule(state: &State, arn: &str) -> Option<ListenerRule> {
    let known = known::Known::of(state);
    let (listener, priority) = match known.rule(Some(arn)).ok()? {
        known::RuleOf::Default(listener) => (listener, None),
        known::RuleOf::Own(rule) => {
            let owned = known.resources.rules.get(&rule)?;
            (owned.listener.clone(), Some(owned.rule.priority))
        }
    };
    let owned = known.resources.listeners.get(&listener)?;
    Some(ListenerRule { load_balancer: owned.load_balancer.clone(), listener: owned.listener.port, priority })
}

/// `TargetType` of a target group.
pub(super) fn target_type(state: &State, group: &TargetGroupName) -> String {
    target_group_shape::target_type(&known::Known::of(state), group)
}
