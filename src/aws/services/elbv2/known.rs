//! What there is: the resources that ARNs name, with what is remembered of each beside the topology.

use std::sync::Arc;

use serde_json::{Value, json};

use super::faults::{invalid, missing, no_listeners, no_load_balancer, no_rules, no_target_groups};
use crate::alb::attributes::texts::Texts;
use crate::aws::action::State;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::control::desired::resources::{OwnedListener, OwnedRule, Resources};
use crate::model::arn::{self, Arn, fingerprint};
use crate::model::listener::LoadBalancer;
use crate::model::target_group::TargetGroup;
use crate::model::{ListenerId, LoadBalancerName, RuleId, TargetGroupName};
use crate::protocols::fault::Fault;

/// The kind of every record of this service. Their ids are ARNs.
const KIND: &str = "elasticloadbalancing";

/// The resources, and what is remembered.
pub(super) struct Known<'s> {
    pub(super) state: &'s State,
    pub(super) resources: Arc<Resources>,
}

/// A rule of a listener: the default one has no id of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RuleOf {
    Default(ListenerId),
    Own(RuleId),
}

impl<'s> Known<'s> {
    pub(super) fn of(state: &'s State) -> Self {
        Self { state, resources: state.desired.resources() }
    }

    /// What is remembered of a resource: nothing, of those of the file.
    pub(super) fn record(&self, arn: &str) -> Record {
        self.state.records().get(KIND, arn).cloned().unwrap_or_else(|| Record::new(json!({})))
    }

    /// A member of what is remembered.
    pub(super) fn member(&self, arn: &str, member: &str) -> Option<Value> {
        self.state.records().get(KIND, arn)?.value.get(member).cloned()
    }

    /// The edit that remembers another value of a member.
    pub(super) fn remember(&self, arn: &str, member: &str, value: Value) -> Edit {
        let mut record = self.record(arn);
        record.value[member] = value;
        put(arn, record)
    }

    /// Attributes: what the topology says, and where it says nothing, what was set.
    pub(super) fn attributes(&self, arn: &str, said: Texts, decides: impl Fn(&str) -> bool) -> Texts {
        let set = self.member(arn, ATTRIBUTES);
        let set = set.as_ref().and_then(Value::as_object);
        let text = |key: &str| set?.get(key)?.as_str().map(str::to_owned);
        said.into_iter()
            .map(|(key, said)| {
                let text = if decides(&key) && !said.is_empty() { None } else { text(&key) };
                (key, text.unwrap_or(said))
            })
            .collect()
    }

    pub(super) fn load_balancer(&self, given: Option<&str>) -> Result<(&LoadBalancerName, &LoadBalancer), Fault> {
        let given = given.ok_or_else(|| missing("loadBalancerArn"))?;
        let name = of_arn(given, "loadbalancer/app/", "load balancer")?.split('/').next().unwrap_or_default();
        let found = self.resources.load_balancers.get_key_value(name);
        found.filter(|(name, _)| Arn::load_balancer(name).as_str() == given).ok_or_else(|| Fault {
            message: format!("Load balancer '{given}' not found"),
            ..no_load_balancer(&name.into())
        })
    }

    pub(super) fn target_group(&self, given: Option<&str>) -> Result<(&TargetGroupName, &TargetGroup), Fault> {
        let given = given.ok_or_else(|| missing("targetGroupArn"))?;
        let name = of_arn(given, "targetgroup/", "target group")?.split('/').next().unwrap_or_default();
        let found = self.resources.target_groups.get_key_value(name);
        found.filter(|(name, _)| Arn::target_group(name).as_str() == given).ok_or_else(no_target_groups)
    }

    pub(super) fn listener(&self, given: Option<&str>) -> Result<(&ListenerId, &OwnedListener), Fault> {
        let given = given.ok_or_else(|| missing("listenerArn"))?;
        let id = of_arn(given, "listener/app/", "listener")?.rsplit('/').next().unwrap_or_default();
        let found = self.resources.listeners.get_key_value(id);
        found.filter(|(id, owned)| listener_arn(id, &owned.load_balancer) == given).ok_or_else(no_listeners)
    }

    pub(super) fn rule(&self, given: Option<&str>) -> Result<RuleOf, Fault> {
        let given = given.ok_or_else(|| missing("ruleArn"))?;
        let id = of_arn(given, "listener-rule/app/", "listener rule")?.rsplit('/').next().unwrap_or_default();
        if let Some((id, owned)) = self.resources.rules.get_key_value(id)
            && self.rule_arn(id, owned).is_some_and(|arn| arn == given)
        {
            return Ok(RuleOf::Own(id.clone()));
        }
        let mut listeners = self.resources.listeners.iter();
        let default = listeners.find(|(id, owned)| default_rule_arn(id, &owned.load_balancer) == given);
        default.map(|(id, _)| RuleOf::Default(id.clone())).ok_or_else(no_rules)
    }

    pub(super) fn rule_arn(&self, id: &RuleId, owned: &OwnedRule) -> Option<String> {
        let listener = self.resources.listeners.get(&owned.listener)?;
        Some(own("listener-rule", &listener.load_balancer, &[owned.listener.as_str(), id.as_str()]))
    }

    /// The load balancers that forward to a group.
    pub(super) fn forwarding(&self, group: &TargetGroupName) -> Vec<&LoadBalancerName> {
        let mut all: Vec<_> =
            self.resources.forwards().filter(|(_, to)| *to == group).map(|(owner, _)| owner).collect();
        all.dedup();
        all
    }

    /// What goes with a load balancer: its own record, and those of its listeners and rules.
    pub(super) fn forget_load_balancer(&self, name: &LoadBalancerName) -> Vec<Edit> {
        let listeners = self.resources.listeners.iter().filter(|(_, owned)| owned.load_balancer == *name);
        let below = listeners.flat_map(|(id, owned)| self.forget_listener(id, owned));
        std::iter::once(forget(Arn::load_balancer(name).as_str())).chain(below).collect()
    }

    /// And with a listener.
    pub(super) fn forget_listener(&self, id: &ListenerId, owned: &OwnedListener) -> Vec<Edit> {
        let rules = self.resources.rules.iter().filter(|(_, rule)| rule.listener == *id);
        let rules = rules.filter_map(|(id, rule)| self.rule_arn(id, rule)).map(|arn| forget(&arn));
        std::iter::once(forget(&listener_arn(id, &owned.load_balancer))).chain(rules).collect()
    }

    /// The id of a new listener: that of a file's listener on this port, unless one that has moved has it.
    pub(super) fn new_listener_id(&self, load_balancer: &LoadBalancerName, port: u16) -> ListenerId {
        let id = arn::listener_id(load_balancer, port);
        match self.resources.listeners.contains_key(&id) {
            true => ListenerId::new(self.state.ids.hex("listener")),
            false => id,
        }
    }

    /// The id of a new rule, likewise.
    pub(super) fn new_rule_id(&self, owned: &OwnedListener, priority: u32) -> RuleId {
        let id = arn::rule_id(&owned.load_balancer, owned.listener.port, priority);
        match self.resources.rules.contains_key(&id) {
            true => RuleId::new(self.state.ids.hex("rule")),
            false => id,
        }
    }
}

/// The member of a record that has attributes.
pub(super) const ATTRIBUTES: &str = "attributes";

/// Remembers this of a resource.
pub(super) fn put(arn: &str, record: Record) -> Edit {
    Edit::put(KIND, arn, record)
}

/// Forgets a resource.
pub(super) fn forget(arn: &str) -> Edit {
    Edit::forget(KIND, arn)
}

/// `arn:aws:elasticloadbalancing:…:listener/app/<name>/<id>/<id>`
pub(super) fn listener_arn(id: &ListenerId, load_balancer: &LoadBalancerName) -> String {
    own("listener", load_balancer, &[id.as_str()])
}

/// Of the rule that a listener always has.
pub(super) fn default_rule_arn(id: &ListenerId, load_balancer: &LoadBalancerName) -> String {
    let rule = format!("{:016x}", fingerprint(&["default rule", id.as_str()]));
    own("listener-rule", load_balancer, &[id.as_str(), &rule])
}

fn own(kind: &str, load_balancer: &LoadBalancerName, ids: &[&str]) -> String {
    let of_load_balancer = Arn::load_balancer(load_balancer).to_string();
    let (before, id) = of_load_balancer.split_once("loadbalancer/").unwrap_or_default();
    format!("{before}{kind}/{id}/{}", ids.join("/"))
}

/// What follows the kind in an ARN of this service.
fn of_arn<'a>(given: &'a str, kind: &str, what: &str) -> Result<&'a str, Fault> {
    let resource = given.strip_prefix("arn:").and_then(|rest| rest.splitn(5, ':').nth(4));
    let id = resource.and_then(|resource| resource.strip_prefix(kind));
    id.ok_or_else(|| invalid(format!("'{given}' is not a valid {what} ARN")))
}
