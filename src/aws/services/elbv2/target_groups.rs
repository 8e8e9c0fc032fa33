//! Target groups and their attributes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{self, invalid, missing, no_target_groups, not_here, not_one_of, refused, tags_refused};
use super::known::{ATTRIBUTES, Known, forget, put};
use super::load_balancers::{Attribute, listed};
use super::target_group_shape::{self, Given, IP_ADDRESS_TYPE, TARGET_TYPE, VPC, read_protocol, shape};
use crate::alb::attributes::target_group as texts;
use crate::alb::attributes::texts::{AttributesOf, Texts, change};
use crate::alb::targets::limits;
use crate::alb::violation::Violation;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::TargetGroupName;
use crate::model::arn::Arn;
use crate::model::target_group::{HealthCheck, ProtocolVersion, TargetGroup};
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

/// "Target groups per Region" (ALB user guide, Quotas for your Application Load Balancers).
const MOST: usize = 3000;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    name: Option<String>,
    target_group_arn: Option<String>,
    protocol: Option<String>,
    protocol_version: Option<String>,
    port: Option<u16>,
    vpc_id: Option<String>,
    target_type: Option<String>,
    ip_address_type: Option<String>,
    tags: Vec<Tag>,
    attributes: Option<Vec<Attribute>>,
}

impl Asked {
    fn target_type(&self) -> Result<&str, Fault> {
        match self.target_type.as_deref() {
            None => Ok("instance"),
            Some(kind @ ("instance" | "ip")) => Ok(kind),
            Some(kind @ ("lambda" | "alb")) => Err(not_here(&format!("Target type '{kind}'"))),
            Some(other) => Err(not_one_of(other, "targetType", &["instance", "ip", "lambda", "alb"])),
        }
    }

    fn settings(&self, check: &Given) -> Result<TargetGroup, Fault> {
        let protocol = self.protocol.as_deref().ok_or_else(|| invalid("A protocol must be specified"))?;
        if ["TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC"].contains(&protocol) {
            return Err(not_here(&format!("Protocol '{protocol}'")));
        }
        let protocol = read_protocol(protocol, "protocol")?;
        let protocol_version = match self.protocol_version.as_deref() {
            None | Some("" | "HTTP1") => ProtocolVersion::Http1,
            Some("HTTP2") => ProtocolVersion::Http2,
            Some("GRPC") => ProtocolVersion::Grpc,
            Some(other) => {
                return Err(invalid(format!("Protocol version '{other}' must be one of 'GRPC, HTTP1, HTTP2'")));
            }
        };
        let port = self.port.ok_or_else(|| invalid("A port must be specified"))?;
        limits::health_checks(check.health_check_enabled.unwrap_or(true)).map_err(|violation| refused(&violation))?;
        let health_check = check.over(HealthCheck::new(protocol_version), protocol_version)?;
        Ok(TargetGroup { protocol, protocol_version, health_check, ..TargetGroup::new(port) })
    }
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let name = TargetGroupName::new(asked.name.as_deref().ok_or_else(|| missing("name"))?);
    let target_type = asked.target_type()?;
    let settings = asked.settings(&input.read()?)?;
    let vpc = asked.vpc_id.as_deref().filter(|id| !id.is_empty());
    let vpc = vpc.ok_or_else(|| invalid("A VPC ID must be specified"))?;
    let address_type = asked.ip_address_type.as_deref().unwrap_or("ipv4");
    if !["ipv4", "ipv6"].contains(&address_type) {
        return Err(not_one_of(address_type, "ipAddressType", &["ipv4", "ipv6"]));
    }
    let tags = tags::of(asked.tags.clone());
    tags::judge(&tags).map_err(|problem| tags_refused(&problem))?;
    let arn = Arn::target_group(&name).to_string();
    if let Some(before) = known.resources.target_groups.get(&name) {
        // "If you attempt to create multiple target groups with the same settings, each call succeeds."
        let attributes_apart = TargetGroup {
            attributes: before.attributes.clone(),
            static_targets: before.static_targets.clone(),
            ..settings
        };
        let is_same = *before == attributes_apart
            && known.member(&arn, VPC) == Some(json!(vpc))
            && known.member(&arn, TARGET_TYPE) == Some(json!(target_type));
        return match is_same {
            true => Ok(Decision::members(json!({ "TargetGroups": [shape(&known, &name, before)] }))),
            false => Err(refused(&Violation::DuplicateTargetGroupName(name))),
        };
    }
    if known.resources.target_groups.len() >= MOST {
        return Err(Fault::new(
            "TooManyTargetGroups",
            "You've reached the limit on the number of target groups for your AWS account.",
        ));
    }
    let record = json!({ VPC: vpc, TARGET_TYPE: target_type, IP_ADDRESS_TYPE: address_type });
    let edits = vec![
        Edit::CreateTargetGroup { target_group: name.clone(), settings },
        put(&arn, Record::new(record).with(tags)),
    ];
    Ok(Decision::edits(edits, move |state| Ok(Members(json!({ "TargetGroups": [one(&Known::of(state), &name)?] })))))
}

fn one(known: &Known<'_>, name: &TargetGroupName) -> Result<Value, Fault> {
    let group = known.resources.target_groups.get(name).ok_or_else(no_target_groups)?;
    Ok(shape(known, name, group))
}

pub(super) fn modify(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let check: target_group_shape::Given = input.read()?;
    let known = Known::of(state);
    let (name, group) = known.target_group(asked.target_group_arn.as_deref())?;
    limits::health_checks(check.health_check_enabled.unwrap_or(true)).map_err(|violation| refused(&violation))?;
    let health_check = check.over(group.health_check.clone(), group.protocol_version)?;
    let name = name.clone();
    let edit = Edit::ModifyTargetGroup { target_group: name.clone(), health_check };
    Ok(Decision::edit(edit, move |state| Ok(Members(json!({ "TargetGroups": [one(&Known::of(state), &name)?] })))))
}

/// "Deregistered targets are not affected"; those of one that does not exist are nobody's.
pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let name = match known.target_group(asked.target_group_arn.as_deref()) {
        Ok((name, _)) => name.clone(),
        // The errors of DeleteTargetGroup do not have TargetGroupNotFound.
        Err(fault) if fault.code == "TargetGroupNotFound" => return Ok(Decision::members(json!({}))),
        Err(fault) => return Err(fault),
    };
    let arn = Arn::target_group(&name).to_string();
    let edits = vec![Edit::DeleteTargetGroup { target_group: name }, forget(&arn)];
    Ok(Decision::edits(edits, |_| Ok(Members(json!({})))))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    load_balancer_arn: Option<String>,
    target_group_arns: Vec<String>,
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    let known = Known::of(state);
    let all = &known.resources.target_groups;
    let ways = [asked.load_balancer_arn.is_some(), !asked.target_group_arns.is_empty(), !asked.names.is_empty()];
    if ways.into_iter().filter(|is_given| *is_given).count() > 1 {
        return Err(invalid(
            "Target group names, target group ARNs, and a load balancer ARN cannot be specified together",
        ));
    }
    let found: Vec<Value> = if let Some(balancer) = &asked.load_balancer_arn {
        let (balancer, _) = known.load_balancer(Some(balancer))?;
        let own = all.iter().filter(|(name, _)| known.forwarding(name).contains(&balancer));
        own.map(|(name, group)| shape(&known, name, group)).collect()
    } else if !asked.names.is_empty() {
        let named = |name: &String| all.get_key_value(name.as_str()).ok_or_else(no_target_groups);
        let found = asked.names.iter().map(|name| named(name).map(|(name, group)| shape(&known, name, group)));
        found.collect::<Result<_, _>>()?
    } else if !asked.target_group_arns.is_empty() {
        let of_arn = |arn: &String| known.target_group(Some(arn)).map(|(name, group)| shape(&known, name, group));
        asked.target_group_arns.iter().map(of_arn).collect::<Result<_, _>>()?
    } else {
        all.iter().map(|(name, group)| shape(&known, name, group)).collect()
    };
    faults::page("TargetGroups", &found, asked.page_size, asked.marker.as_deref()).map(Decision::members)
}

/// All attributes of a target group.
fn texts_of(known: &Known<'_>, name: &TargetGroupName) -> Result<Texts, Fault> {
    let group = known.resources.target_groups.get(name).ok_or_else(no_target_groups)?;
    let decided = texts::spelled(&group.attributes);
    let said = texts::texts(&group.attributes);
    Ok(known.attributes(Arn::target_group(name).as_str(), said, |key| decided.contains_key(key)))
}

pub(super) fn describe_attributes(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (name, _) = known.target_group(asked.target_group_arn.as_deref())?;
    Ok(Decision::members(json!({ "Attributes": listed(&texts_of(&known, name)?) })))
}

pub(super) fn modify_attributes(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (name, _) = known.target_group(asked.target_group_arn.as_deref())?;
    let mut changed = texts_of(&known, name)?;
    let changes = asked.attributes.ok_or_else(|| missing("attributes"))?.into_iter().map(Into::into);
    change(&mut changed, changes, AttributesOf::TargetGroup).map_err(|violation| refused(&violation))?;
    let attributes = texts::read(&changed).map_err(|violation| refused(&violation))?;
    let arn = Arn::target_group(name).to_string();
    let edits = vec![
        Edit::ModifyTargetGroupAttributes { target_group: name.clone(), attributes },
        known.remember(&arn, ATTRIBUTES, json!(changed)),
    ];
    let name = name.clone();
    Ok(Decision::edits(edits, move |state| {
        Ok(Members(json!({ "Attributes": listed(&texts_of(&Known::of(state), &name)?) })))
    }))
}
