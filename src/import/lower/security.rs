//! Security groups: those that load balancers and services are in, and those that their rules name.

use std::collections::BTreeMap;

use super::context::Context;
use super::names;
use super::report::Outcome;
use super::tree::{Map, Out, Part, raw, text};
use crate::objects::{Item, Kind, Object, Objects, Place, Target};

/// Keys of the groups that `members` and the rules of those groups name. Empty if one of them is in none of the sources:
/// half of the groups would let in too little.
pub(super) fn keys(members: &[&Item], context: &mut Context<'_>) -> BTreeMap<String, String> {
    let mut found: Vec<&Object> = Vec::new();
    for member in members.iter().flat_map(|list| list.list()) {
        match context.objects.follow(Kind::SecurityGroup, member) {
            Target::Object(group) => {
                if !found.iter().any(|known| known.key == group.key) {
                    found.push(group);
                }
            }
            Target::External(_) | Target::Refused { .. } => {
                let note = "the group is in none of the sources, so none is imported, and every connection is let in";
                context.report.add(Outcome::Approximated, "SecurityGroups", &member.place, note);
                return BTreeMap::new();
            }
        }
    }
    let mut next = 0;
    while let Some(group) = found.get(next).copied() {
        next += 1;
        for pair in permissions(group, context.objects).iter().flat_map(pairs) {
            if let Target::Object(other) = context.objects.follow(Kind::SecurityGroup, pair)
                && !found.iter().any(|known| known.key == other.key)
            {
                found.push(other);
            }
        }
    }
    names::keys(found.into_iter())
}

/// `security_groups` of a load balancer or a service.
pub(super) fn members(list: Option<&Item>, owner: &Place, out: &mut Map, context: &mut Context<'_>) {
    if context.security.is_empty() {
        return;
    }
    let Some(list) = list else {
        let note = "it is in the VPC's default group, which lets in only its own members";
        context.report.add(Outcome::Approximated, "SecurityGroups", owner, note);
        return;
    };
    let key = |member: &Item| match context.objects.follow(Kind::SecurityGroup, member) {
        Target::Object(group) => context.security.get(&group.key).map(|key| Part::at(text(key), &member.place)),
        _ => None,
    };
    let members: Vec<Part> = list.list().iter().filter_map(key).collect();
    if !members.is_empty() {
        out.put("security_groups", Out::List(members));
    }
}

/// All groups that have a key.
pub(super) fn lower(context: &mut Context<'_>) -> Out {
    let mut all = Map::default();
    let groups: Vec<(String, String)> =
        context.security.iter().map(|(key, name)| (name.clone(), key.clone())).collect();
    for (name, key) in groups {
        let Some(group) = context.objects.by_key(&key) else { continue };
        let permissions = permissions(group, context.objects);
        let rules = permissions.iter().flat_map(|permission| ingress(permission, context)).collect();
        let mut out = Map::default();
        out.put("ingress", Out::List(rules));
        all.put(&name, Part::at(out.out(), group.place()).comment(group.place().to_string()));
        context.rest(group, &["GroupName", "GroupId", "IpPermissions", "VpcId", "Description", "Tags"]);
    }
    all.out()
}

/// Rules in the group, and rules that are resources.
fn permissions(group: &Object, objects: &Objects) -> Vec<Item> {
    let mut all: Vec<Item> = group.get("IpPermissions").into_iter().flat_map(Item::list).cloned().collect();
    for rule in objects.of(Kind::SecurityGroupIngress) {
        let owner = rule.get("GroupId").map(|link| objects.follow(Kind::SecurityGroup, link));
        if matches!(owner, Some(Target::Object(owner)) if owner.key == group.key) {
            all.extend(rule.get("IpPermissions").into_iter().flat_map(Item::list).cloned());
        }
    }
    all
}

fn pairs(permission: &Item) -> impl Iterator<Item = &Item> {
    permission.get("UserIdGroupPairs").into_iter().flat_map(Item::list).filter_map(|pair| pair.get("GroupId"))
}

/// A rule for each source of a permission.
fn ingress(permission: &Item, context: &mut Context<'_>) -> Vec<Part> {
    let protocol = permission.get("IpProtocol").and_then(Item::as_text).unwrap_or_else(|| "-1".to_owned());
    if !matches!(protocol.as_str(), "tcp" | "udp" | "-1" | "6" | "17" | "all") {
        let note = "only TCP and UDP reach tasks here";
        context.report.add(Outcome::Ignored, "IpProtocol", &permission.place, note);
        return Vec::new();
    }
    let number = |field: &str| permission.get(field).and_then(Item::as_number);
    let mut head = Map::default();
    match (protocol.as_str(), number("FromPort"), number("ToPort")) {
        ("-1" | "all", ..) => head.put("protocol", Out::Scalar("\"-1\"".to_owned())),
        (protocol, from, to) => {
            if matches!(protocol, "udp" | "17") {
                head.put("protocol", text("udp"));
            }
            match (from, to) {
                (Some(from), Some(to)) if from == to => head.put("port", raw(from)),
                (from, to) => {
                    head.put("from_port", raw(from.unwrap_or(0)));
                    head.put("to_port", raw(to.unwrap_or(65535)));
                }
            }
        }
    }
    let mut rules = Vec::new();
    let mut add = |key: &str, value: Out, place: &Place| {
        let mut rule = head.clone();
        rule.put(key, Part::at(value, place));
        rules.push(Part::at(rule.out(), place));
    };
    for (field, inner) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
        for range in permission.get(field).into_iter().flat_map(Item::list) {
            if let Some(cidr) = range.get(inner).and_then(Item::as_text) {
                add("cidr", text(&cidr), &range.place);
            }
        }
    }
    for pair in pairs(permission) {
        match context.objects.follow(Kind::SecurityGroup, pair) {
            Target::Object(group) => {
                if let Some(key) = context.security.get(&group.key) {
                    add("security_group", text(key), &pair.place);
                }
            }
            Target::External(id) => {
                let note = format!("the group {id} is in none of the sources: its members are not let in");
                context.report.add(Outcome::Approximated, "UserIdGroupPairs", &pair.place, note);
            }
            Target::Refused { why, .. } => {
                context.report.add(Outcome::Refused, "UserIdGroupPairs", &pair.place, format!("not known: {why}"));
            }
        }
    }
    for list in permission.get("PrefixListIds").into_iter().flat_map(Item::list) {
        let note = "the addresses of a prefix list are not known here: everybody may connect";
        context.report.add(Outcome::Approximated, "PrefixListIds", &list.place, note);
        add("cidr", text("0.0.0.0/0"), &list.place);
    }
    rules
}
