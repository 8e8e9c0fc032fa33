//! Groups and rules in replies.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::describe::{self, Described as Asked, Shown};
use super::super::kinds::{SECURITY_GROUP, SECURITY_GROUP_RULE};
use super::group::{Described, Group, all, find, named, rules as rules_of};
use super::rule::Peer;
use crate::aws::action::{Decision, Input, State};
use crate::model::arn::ACCOUNT;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ByName {
    group_name: Vec<String>,
}

pub(crate) fn groups(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let mut asked: Asked = input.read()?;
    let ByName { group_name } = input.read()?;
    for name in &group_name {
        asked.ids.push(named(state, name)?.id);
    }
    let shown = all(state).into_iter().map(|group| {
        let value = group.shape(&rules_of(state, &group));
        Shown { id: group.id, value, tags: group.tags }
    });
    describe::described(&SECURITY_GROUP, asked, shown.collect())
}

pub(crate) fn rules(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let groups = all(state);
    let shown = groups.iter().flat_map(|group| {
        rules_of(state, group).into_iter().map(|one| Shown {
            id: one.id.clone(),
            value: one.shape(state, &group.id),
            tags: one.tags,
        })
    });
    describe::described(&SECURITY_GROUP_RULE, asked, shown.collect())
}

impl Group {
    fn shape(&self, rules: &[Described]) -> Value {
        json!({
            "groupId": self.id,
            "groupName": self.name,
            "groupDescription": self.description,
            "ownerId": ACCOUNT,
            "vpcId": self.vpc,
            "securityGroupArn": self.arn(),
            "ipPermissions": permissions(rules.iter().filter(|one| !one.rule.is_egress)),
            "ipPermissionsEgress": permissions(rules.iter().filter(|one| one.rule.is_egress)),
        })
    }
}

impl Described {
    pub(super) fn shape(&self, state: &State, group: &str) -> Value {
        let vpc_of = |id: &str| find(state, id).ok().map(|group| group.vpc);
        self.rule.shape(&self.id, group, self.description.as_deref(), vpc_of)
    }
}

/// Rules as `IpPermissions` have them: those of one protocol and range of ports together.
pub(super) fn permissions<'d>(rules: impl Iterator<Item = &'d Described>) -> Value {
    let mut permissions: Vec<Value> = Vec::new();
    for Described { rule, description, .. } in rules {
        // All ports are no ports at all.
        let port = |port: i64| (rule.protocol != "-1").then_some(port);
        let is_it = |permission: &Value| {
            permission["ipProtocol"] == json!(rule.protocol)
                && permission["fromPort"] == json!(port(rule.from_port))
                && permission["toPort"] == json!(port(rule.to_port))
        };
        let place = permissions.iter().position(is_it).unwrap_or_else(|| {
            permissions.push(json!({
                "ipProtocol": rule.protocol,
                "fromPort": port(rule.from_port),
                "toPort": port(rule.to_port),
                "groups": [],
                "ipRanges": [],
                "ipv6Ranges": [],
                "prefixListIds": [],
            }));
            permissions.len() - 1
        });
        let (list, member, peer) = match &rule.peer {
            Peer::Range(ipnet::IpNet::V4(range)) => ("ipRanges", "cidrIp", range.to_string()),
            Peer::Range(ipnet::IpNet::V6(range)) => ("ipv6Ranges", "cidrIpv6", range.to_string()),
            Peer::Group(id) => ("groups", "groupId", id.clone()),
            Peer::PrefixList(id) => ("prefixListIds", "prefixListId", id.clone()),
        };
        let mut item =
            Map::from_iter([(member.to_owned(), json!(peer)), ("description".to_owned(), json!(description))]);
        if list == "groups" {
            item.insert("userId".to_owned(), json!(ACCOUNT));
        }
        if let Some(items) = permissions[place][list].as_array_mut() {
            items.push(Value::Object(item));
        }
    }
    Value::Array(permissions)
}
