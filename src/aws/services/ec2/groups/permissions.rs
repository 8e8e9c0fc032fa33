//! What groups let in and out (EC2 API reference, AuthorizeSecurityGroupIngress and its like).

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::answers::{done, missing};
use super::super::kinds::{SECURITY_GROUP, SECURITY_GROUP_RULE};
use super::super::specification::{Specification, specified};
use super::group::{Described, Group, Remembered, find, key_of, known, named, of_its_own, record, rules};
use super::rule::{Permission, Rule, Short};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::security_group::IngressRule;
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    group_id: Option<String>,
    group_name: Option<String>,
    ip_permissions: Vec<Permission>,
    security_group_rule_id: Vec<String>,
    security_group_rule_description: Vec<NewDescription>,
    security_group_rule: Vec<Update>,
    tag_specification: Vec<Specification>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct NewDescription {
    security_group_rule_id: String,
    description: Option<String>,
}

/// A rule of ModifySecurityGroupRules, in the place of another.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Update {
    security_group_rule_id: String,
    security_group_rule: Requested,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Requested {
    ip_protocol: String,
    from_port: Option<String>,
    to_port: Option<String>,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
    referenced_group_id: Option<String>,
    prefix_list_id: Option<String>,
    description: Option<String>,
}

/// A rule with its description.
type Given = (Rule, Option<String>);

impl Asked {
    fn group(&self, state: &State) -> Result<Group, Fault> {
        match (&self.group_id, &self.group_name) {
            (Some(id), _) => find(state, id),
            (None, Some(name)) => named(state, name),
            (None, None) => Err(missing("groupId")),
        }
    }

    fn rules(&self, state: &State, input: &Input<'_>, is_egress: bool) -> Result<Vec<Given>, Fault> {
        let mut permissions = self.ip_permissions.clone();
        permissions.extend(input.read::<Short>()?.permission());
        let id_of = |given: &str| match given.starts_with("sg-") {
            true => find(state, given).map(|group| group.id),
            false => named(state, given).map(|group| group.id),
        };
        let rules = permissions.into_iter().map(|permission| permission.rules(is_egress, &id_of));
        let rules: Vec<Given> = rules.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        if rules.is_empty() && self.security_group_rule_id.is_empty() {
            return Err(missing("ipPermissions"));
        }
        Ok(rules)
    }
}

pub(crate) fn authorize_ingress(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    authorize(state, input, false)
}

pub(crate) fn authorize_egress(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    authorize(state, input, true)
}

fn authorize(state: &State, input: &Input<'_>, is_egress: bool) -> Result<Decision, Fault> {
    let mut asked: Asked = input.read()?;
    let group = asked.group(state)?;
    let new = asked.rules(state, input, is_egress)?;
    let before = rules(state, &group);
    for (index, (rule, _)) in new.iter().enumerate() {
        let is_twice = new[..index].iter().any(|(other, _)| other == rule);
        if is_twice || before.iter().any(|one| one.rule == *rule) {
            return Err(exists_already(rule));
        }
    }
    let tags = specified(std::mem::take(&mut asked.tag_specification), &SECURITY_GROUP_RULE)?;
    let remembered = Remembered::of(state, &group.id);
    let described =
        |(rule, description)| Described { description, tags: tags.clone(), ..remembered.described(&group.id, rule) };
    let new: Vec<Described> = new.into_iter().map(described).collect();
    let edits = added(state, &group, &new);
    let shapes = new.iter().map(|one| {
        let mut shape = one.shape(state, &group.id);
        shape["tagSet"] = crate::aws::tags::lower(&one.tags);
        shape
    });
    let reply = json!({ "return": true, "securityGroupRuleSet": shapes.collect::<Vec<_>>() });
    Ok(Decision::edits(edits, |_| Ok(Members(reply))))
}

fn exists_already(rule: &Rule) -> Fault {
    let message = format!("the specified rule \"{}\" already exists", rule.in_words());
    Fault::new("InvalidPermission.Duplicate", message)
}

/// The edits that give a group these rules.
fn added(state: &State, group: &Group, new: &[Described]) -> Vec<Edit> {
    let mut edits = known(state, group);
    let ingress: Vec<IngressRule> = new.iter().filter_map(|one| one.rule.ingress(|id| key_of(state, id))).collect();
    if !ingress.is_empty() {
        edits.push(Edit::AuthorizeSecurityGroupIngress { security_group: group.key.clone(), rules: ingress });
    }
    for one in new {
        if !group.is_remembered && one.rule == Rule::all_egress() {
            edits.push(closed(state, group, false));
        }
        // Of a rule of the topology, only what is said about it is remembered, and an id that does not follow from it.
        let is_the_topologys = one.rule.ingress(|id| key_of(state, id)).is_some();
        let is_plain = one.description.is_none() && one.tags.is_empty() && one.id == one.rule.id(&group.id);
        edits.push(match is_the_topologys && is_plain {
            true => Edit::forget(SECURITY_GROUP_RULE.record, &one.id),
            false => Edit::put(SECURITY_GROUP_RULE.record, &one.id, one.record(&group.id)),
        });
    }
    edits
}

/// Whether what may leave a group of the file, which is everything, is taken away.
fn closed(state: &State, group: &Group, is_closed: bool) -> Edit {
    let known = record(state, &group.id).unwrap_or_default();
    let mut value = known.value.clone();
    value["closed"] = json!(is_closed);
    Edit::put(SECURITY_GROUP.record, &group.id, Record { value, ..known })
}

pub(crate) fn revoke_ingress(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    revoke(state, input, false)
}

pub(crate) fn revoke_egress(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    revoke(state, input, true)
}

fn revoke(state: &State, input: &Input<'_>, is_egress: bool) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let group = asked.group(state)?;
    let before: Vec<Described> =
        rules(state, &group).into_iter().filter(|one| one.rule.is_egress == is_egress).collect();
    let mut old: Vec<Rule> = asked.rules(state, input, is_egress)?.into_iter().map(|(rule, _)| rule).collect();
    for id in &asked.security_group_rule_id {
        let found = before.iter().find(|one| one.id == *id);
        old.push(found.ok_or_else(|| SECURITY_GROUP_RULE.not_found(id))?.rule.clone());
    }
    if old.iter().any(|rule| before.iter().all(|one| one.rule != *rule)) {
        return Err(Fault::new(
            "InvalidPermission.NotFound",
            "The specified rule does not exist in this security group.",
        ));
    }
    let gone: Vec<Described> = before.into_iter().filter(|one| old.contains(&one.rule)).collect();
    let shapes = gone.iter().map(|one| one.rule.revoked(&one.id, &group.id, one.description.as_deref()));
    let reply = json!({ "return": true, "revokedSecurityGroupRuleSet": shapes.collect::<Vec<Value>>() });
    Ok(Decision::edits(removed(state, &group, &gone), |_| Ok(Members(reply))))
}

/// The edits that take these rules from a group.
fn removed(state: &State, group: &Group, old: &[Described]) -> Vec<Edit> {
    let mut edits = known(state, group);
    let of_topology = state.desired.topology().security_groups.get(&group.key);
    let own = Rule { is_egress: false, ..of_its_own(&group.id) };
    let is_old = |rule: &Rule| old.iter().any(|one| one.rule == *rule);
    let mut ingress: Vec<IngressRule> = Vec::new();
    match of_topology {
        Some(of_topology) => {
            let as_rule = |rule: &IngressRule| Rule::of_ingress(rule, crate::model::arn::security_group_id);
            ingress.extend(of_topology.ingress.iter().filter(|rule| is_old(&as_rule(rule))).cloned());
        }
        None if is_old(&own) => ingress.extend(own.ingress(|_| Some(group.key.clone()))),
        None => {}
    }
    if !ingress.is_empty() {
        edits.push(Edit::RevokeSecurityGroupIngress { security_group: group.key.clone(), rules: ingress });
    }
    for one in old {
        if !group.is_remembered && one.rule == Rule::all_egress() {
            edits.push(closed(state, group, true));
        }
        edits.push(Edit::forget(SECURITY_GROUP_RULE.record, &one.id));
    }
    edits
}

/// Rules in the place of others, whose ids they keep.
pub(crate) fn modify_rules(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let group = asked.group(state)?;
    let before = rules(state, &group);
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for Update { security_group_rule_id: id, security_group_rule: requested } in asked.security_group_rule {
        let found = before.iter().find(|one| one.id == id);
        let found = found.ok_or_else(|| SECURITY_GROUP_RULE.not_found(&id))?;
        let description = requested.description.clone();
        let rule = requested.rule(found.rule.is_egress)?;
        if before.iter().any(|other| other.id != id && other.rule == rule) {
            return Err(exists_already(&rule));
        }
        old.push(found.clone());
        new.push(Described { rule, description, ..found.clone() });
    }
    let mut edits = removed(state, &group, &old);
    edits.extend(
        added(state, &group, &new).into_iter().filter(|edit| !matches!(edit, Edit::CreateSecurityGroup { .. })),
    );
    Ok(Decision::edits(edits, |_| Ok(done())))
}

impl Requested {
    fn rule(self, is_egress: bool) -> Result<Rule, Fault> {
        let port = |given: Option<String>| given.and_then(|text| text.parse::<i64>().ok());
        let (from, to) = (port(self.from_port), port(self.to_port));
        Rule::of_request(
            is_egress,
            &self.ip_protocol,
            from,
            to,
            super::rule::Given {
                range: self.cidr_ipv4.or(self.cidr_ipv6),
                group: self.referenced_group_id,
                prefix_list: self.prefix_list_id,
            },
        )
    }
}

pub(crate) fn update_ingress_descriptions(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    update_descriptions(state, input, false)
}

pub(crate) fn update_egress_descriptions(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    update_descriptions(state, input, true)
}

fn update_descriptions(state: &State, input: &Input<'_>, is_egress: bool) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let group = asked.group(state)?;
    let before = rules(state, &group);
    let of_permissions = asked.ip_permissions.iter().cloned().map(|one| one.rules(is_egress, &|id| Ok(id.to_owned())));
    let of_permissions = of_permissions.collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
    let by_rule = of_permissions.map(|(rule, text)| (before.iter().find(|one| one.rule == rule), text));
    let by_id = asked.security_group_rule_description.into_iter();
    let by_id =
        by_id.map(|asked| (before.iter().find(|one| one.id == asked.security_group_rule_id), asked.description));
    let edits = by_rule.chain(by_id).map(|(found, description)| {
        let found = found.filter(|one| one.rule.is_egress == is_egress).ok_or_else(|| {
            Fault::new("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        })?;
        let changed = Described { description, ..found.clone() };
        Ok(Edit::put(SECURITY_GROUP_RULE.record, &found.id, changed.record(&group.id)))
    });
    let edits = edits.collect::<Result<_, Fault>>()?;
    Ok(Decision::edits(edits, |_| Ok(done())))
}
