//! Groups and what is known of them: from the topology, and from what is remembered.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::super::answers::missing;
use super::super::defaults;
use super::super::kinds::{SECURITY_GROUP, SECURITY_GROUP_RULE, VPC};
use super::super::specification::{Specification, specified};
use super::rule::{Peer, Rule};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, Tags};
use crate::model::SecurityGroupName;
use crate::model::arn::{self, ACCOUNT, REGION};
use crate::model::security_group::{IngressRule, Source};
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

/// The group that every VPC has.
pub(crate) const DEFAULT: &str = "default";

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    /// What the topology calls it, which has only one of each name. The default group of the default VPC is not there until
    /// something is said about it.
    pub(super) key: SecurityGroupName,
    pub(crate) name: String,
    pub(crate) vpc: String,
    pub(super) description: String,
    pub(super) tags: Tags,
    /// Whether clients have made it.
    pub(super) is_remembered: bool,
}

/// A rule of a group, with what is said about it.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) id: String,
    pub(super) rule: Rule,
    pub(super) description: Option<String>,
    pub(super) tags: Tags,
}

/// Every group.
pub(crate) fn all(state: &State) -> Vec<Group> {
    let known = &state.desired.topology().security_groups;
    let default = SecurityGroupName::new(DEFAULT);
    let implied = (!known.contains_key(&default)).then_some(&default);
    known.keys().chain(implied).map(|key| group(state, key)).collect()
}

fn group(state: &State, key: &SecurityGroupName) -> Group {
    let id = arn::security_group_id(key);
    let record = state.records().get(SECURITY_GROUP.record, &id);
    let text = |member: &str| record.map(|record| record.text(member)).filter(|text| !text.is_empty());
    let of_nobody = if key.as_str() == DEFAULT { "default VPC security group" } else { "declared in neargate.yaml" };
    Group {
        key: key.clone(),
        name: text("groupName").unwrap_or(key.as_str()).to_owned(),
        vpc: text("vpcId").map_or_else(defaults::vpc_id, str::to_owned),
        description: text("groupDescription").unwrap_or(of_nobody).to_owned(),
        tags: record.map(|record| record.tags.clone()).unwrap_or_default(),
        is_remembered: text("groupName").is_some(),
        id,
    }
}

/// The group with that id.
pub(crate) fn find(state: &State, id: &str) -> Result<Group, Fault> {
    all(state).into_iter().find(|group| group.id == id).ok_or_else(|| SECURITY_GROUP.not_found(id))
}

/// Its record, also if it has none yet.
pub(crate) fn record(state: &State, id: &str) -> Result<Record, Fault> {
    find(state, id)?;
    Ok(state.records().get(SECURITY_GROUP.record, id).cloned().unwrap_or_else(|| Record::new(json!({}))))
}

/// The record of a rule, also if it has none yet.
pub(crate) fn rule_record(state: &State, id: &str) -> Result<Record, Fault> {
    let found = all(state).into_iter().find_map(|group| {
        let described = rules(state, &group).into_iter().find(|one| one.id == id)?;
        Some(described.record(&group.id))
    });
    found.ok_or_else(|| SECURITY_GROUP_RULE.not_found(id))
}

impl Described {
    pub(super) fn record(&self, group: &str) -> Record {
        Record::new(self.rule.written(group, self.description.as_deref())).with(self.tags.clone())
    }
}

/// What is remembered of the rules of a group, by their ids.
#[derive(Clone, Default)]
pub(super) struct Remembered<'s>(BTreeMap<&'s str, (Rule, &'s Record)>);

impl<'s> Remembered<'s> {
    pub(super) fn of(state: &'s State, group: &str) -> Self {
        let of_group = state.records().of(SECURITY_GROUP_RULE.record);
        let of_group = of_group.filter(|(_, record)| record.text("groupId") == group);
        Self(of_group.filter_map(|(id, record)| Some((id, (Rule::read(&record.value)?, record)))).collect())
    }

    /// The rule with its id and with what is said about it.
    pub(super) fn described(&self, group: &str, rule: Rule) -> Described {
        let known = self.0.iter().find(|(_, (known, _))| *known == rule);
        let Some((id, (_, record))) = known else {
            let id = rule.ids(group).find(|id| !self.0.contains_key(id.as_str())).unwrap_or_default();
            return Described { id, rule, description: None, tags: Tags::new() };
        };
        let description = Some(record.text("description")).filter(|text| !text.is_empty()).map(str::to_owned);
        Described { id: (*id).to_owned(), rule, description, tags: record.tags.clone() }
    }
}

/// The rules of a group: those of the topology, and those that are only remembered.
pub(super) fn rules(state: &State, group: &Group) -> Vec<Described> {
    let remembered = Remembered::of(state, &group.id);
    let mut found: Vec<Described> = Vec::new();
    let mut add = |rule: Rule| found.push(remembered.described(&group.id, rule));
    match state.desired.topology().security_groups.get(&group.key) {
        Some(of_topology) => {
            of_topology.ingress.iter().map(|rule| Rule::of_ingress(rule, arn::security_group_id)).for_each(&mut add)
        }
        None => add(of_its_own(&group.id)),
    }
    if !group.is_remembered && !is_closed(state, &group.id) {
        add(Rule::all_egress());
    }
    for (rule, _) in remembered.0.values() {
        let is_the_topologys = rule.ingress(|id| key_of(state, id)).is_some();
        let is_implied = !group.is_remembered && *rule == Rule::all_egress();
        if !is_the_topologys && !is_implied {
            add(rule.clone());
        }
    }
    found
}

/// What a default group lets in: its own members.
pub(super) fn of_its_own(group: &str) -> Rule {
    Rule { is_egress: false, peer: Peer::Group(group.to_owned()), ..Rule::all_egress() }
}

/// Whether what may leave a group of the file has been taken away.
fn is_closed(state: &State, group: &str) -> bool {
    state.records().get(SECURITY_GROUP.record, group).is_some_and(|record| record.value["closed"] == json!(true))
}

pub(super) fn key_of(state: &State, id: &str) -> Option<SecurityGroupName> {
    all(state).into_iter().find(|group| group.id == id).map(|group| group.key)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    group_id: Option<String>,
    group_name: Option<String>,
    #[serde(rename = "GroupDescription")]
    description: Option<String>,
    vpc_id: Option<String>,
    tag_specification: Vec<Specification>,
}

pub(crate) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let name = asked.group_name.ok_or_else(|| missing("GroupName"))?;
    let description = asked.description.ok_or_else(|| missing("GroupDescription"))?;
    if name.to_ascii_lowercase().starts_with("sg-") {
        let message =
            format!("Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.");
        return Err(Fault::new("InvalidParameterValue", message));
    }
    let vpc = asked.vpc_id.unwrap_or_else(defaults::vpc_id);
    VPC.find(state, &vpc)?;
    if all(state).iter().any(|group| group.vpc == vpc && group.name == name) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Fault::new("InvalidGroup.Duplicate", message));
    }
    let tags = specified(asked.tag_specification, &SECURITY_GROUP)?;
    let (id, edits) = made(state, &name, &vpc, &description, tags);
    Ok(Decision::edits(edits, move |state| {
        let group = find(state, &id)?;
        Ok(Members(json!({
            "groupId": id,
            "securityGroupArn": group.arn(),
            "tagSet": tags::lower(&group.tags),
        })))
    }))
}

/// The edits that make a group, and its id. The topology has one group of each name: another one is told apart by its VPC.
fn made(state: &State, name: &str, vpc: &str, description: &str, tags: Tags) -> (String, Vec<Edit>) {
    let taken = |key: &str| state.desired.topology().security_groups.contains_key(key) || key == DEFAULT;
    let key = if taken(name) { format!("{name} ({vpc})") } else { name.to_owned() };
    let security_group = SecurityGroupName::new(key);
    let id = arn::security_group_id(&security_group);
    let value = json!({ "groupName": name, "vpcId": vpc, "groupDescription": description });
    let egress = Rule::all_egress();
    let edits = vec![
        Edit::CreateSecurityGroup { security_group },
        Edit::put(SECURITY_GROUP.record, &id, Record::new(value).with(tags)),
        Edit::put(SECURITY_GROUP_RULE.record, egress.id(&id), Record::new(egress.written(&id, None))),
    ];
    (id, edits)
}

/// The default group of a new VPC.
pub(crate) fn default_of(state: &State, vpc: &str) -> Vec<Edit> {
    let (_, mut edits) = made(state, DEFAULT, vpc, "default VPC security group", Tags::new());
    let own = edits.iter().find_map(|edit| match edit {
        Edit::CreateSecurityGroup { security_group } => Some(authorize_own(security_group)),
        _ => None,
    });
    edits.extend(own);
    edits
}

fn authorize_own(group: &SecurityGroupName) -> Edit {
    let rule = of_its_own(&arn::security_group_id(group)).ingress(|_| Some(group.clone()));
    Edit::AuthorizeSecurityGroupIngress { security_group: group.clone(), rules: rule.into_iter().collect() }
}

/// What makes the topology know a group that is only implied.
pub(super) fn known(state: &State, group: &Group) -> Vec<Edit> {
    if state.desired.topology().security_groups.contains_key(&group.key) {
        return Vec::new();
    }
    vec![Edit::CreateSecurityGroup { security_group: group.key.clone() }, authorize_own(&group.key)]
}

pub(crate) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let group = match (asked.group_id, asked.group_name) {
        (Some(id), _) => find(state, &id)?,
        (None, Some(name)) => named(state, &name)?,
        (None, None) => return Err(missing("groupId")),
    };
    if group.name == DEFAULT {
        let message = format!("the specified group: \"{}\" name: \"default\" cannot be deleted by a user", group.id);
        return Err(Fault::new("CannotDelete", message));
    }
    if is_referred_to(state, &group) {
        return Err(Fault::new("DependencyViolation", format!("resource {} has a dependent object", group.id)));
    }
    let reply = json!({ "return": true, "groupId": group.id });
    Ok(Decision::edits(deleted(state, &group), |_| Ok(Members(reply))))
}

/// By load balancers, services and other groups.
fn is_referred_to(state: &State, group: &Group) -> bool {
    let topology = state.desired.topology();
    let in_balancer = topology.load_balancers.values().any(|one| one.security_groups.contains(&group.key));
    let in_service = topology.services.values().any(|one| one.security_groups.contains(&group.key));
    let refers = |rule: &IngressRule| matches!(&rule.source, Source::SecurityGroup(source) if *source == group.key);
    let mut others = topology.security_groups.iter().filter(|(key, _)| **key != group.key);
    let in_rule = others.any(|(_, other)| other.ingress.iter().any(refers));
    let mut remembered = state.records().of(SECURITY_GROUP_RULE.record);
    let in_record =
        remembered.any(|(_, record)| record.text("group") == group.id && record.text("groupId") != group.id);
    in_balancer || in_service || in_rule || in_record
}

/// The edits that delete a group with its rules.
pub(crate) fn deleted(state: &State, group: &Group) -> Vec<Edit> {
    let own = state.records().of(SECURITY_GROUP_RULE.record).filter(|(_, record)| record.text("groupId") == group.id);
    let mut edits: Vec<Edit> = own.map(|(id, _)| Edit::forget(SECURITY_GROUP_RULE.record, id)).collect();
    edits.push(Edit::forget(SECURITY_GROUP.record, &group.id));
    if state.desired.topology().security_groups.contains_key(&group.key) {
        edits.push(Edit::DeleteSecurityGroup { security_group: group.key.clone() });
    }
    edits
}

/// A group of the default VPC by its name.
pub(super) fn named(state: &State, name: &str) -> Result<Group, Fault> {
    let vpc = defaults::vpc_id();
    let mut groups = all(state).into_iter();
    groups.find(|group| group.name == name && group.vpc == vpc).ok_or_else(|| {
        let message = format!("The security group '{name}' does not exist in default VPC '{vpc}'");
        Fault::new("InvalidGroup.NotFound", message)
    })
}

impl Group {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{}", self.id)
    }
}
