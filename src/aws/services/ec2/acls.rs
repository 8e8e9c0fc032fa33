//! Network ACLs (EC2 API reference). They are remembered, and let everything through: between tasks here there is no network
//! to filter.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::done;
use super::finding::gone;
use super::kinds::{NETWORK_ACL, SUBNET, VPC};
use super::specification::{Specification, specified};
use super::{defaults, describe as describing};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::arn::fingerprint;
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    vpc_id: String,
    network_acl_id: String,
    association_id: String,
    rule_number: Option<u32>,
    protocol: Option<String>,
    rule_action: Option<String>,
    egress: bool,
    cidr_block: Option<String>,
    ipv6_cidr_block: Option<String>,
    port_range: Option<Ports>,
    icmp: Option<Icmp>,
    tag_specification: Vec<Specification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ports {
    from: i64,
    to: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Icmp {
    r#type: i64,
    code: i64,
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    VPC.find(state, &asked.vpc_id)?;
    let tags = specified(asked.tag_specification, &NETWORK_ACL)?;
    let id = state.ids.ec2("acl");
    let record = Record::new(defaults::network_acl(&id, &asked.vpc_id, false)).with(tags);
    Ok(Decision::edit(Edit::put(NETWORK_ACL.record, &id, record), move |state| {
        Ok(Members(json!({ "networkAcl": describing::one(state, &NETWORK_ACL, &id)? })))
    }))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Asked { network_acl_id: id, .. } = input.read()?;
    let acl = NETWORK_ACL.find(state, &id)?;
    if acl.value["default"] == json!(true) {
        return Err(Fault::new("InvalidParameterValue", format!("cannot delete default network ACL {id}")));
    }
    if acl.value["associationSet"].as_array().is_some_and(|associations| !associations.is_empty()) {
        let message = format!("The networkAcl '{id}' has dependencies and cannot be deleted.");
        return Err(Fault::new("DependencyViolation", message));
    }
    Ok(Decision::edit(gone(&NETWORK_ACL, &id), |_| Ok(done())))
}

impl Asked {
    fn is_number_of(&self, entry: &Value) -> bool {
        entry["ruleNumber"] == json!(self.rule_number) && entry["egress"] == json!(self.egress)
    }

    fn entry(&self) -> Value {
        let mut entry = json!({
            "ruleNumber": self.rule_number,
            "protocol": self.protocol,
            "ruleAction": self.rule_action,
            "egress": self.egress,
        });
        let mut put = |member: &str, value: Option<Value>| {
            if let Some(value) = value {
                entry[member] = value;
            }
        };
        put("cidrBlock", self.cidr_block.as_ref().map(|range| json!(range)));
        put("ipv6CidrBlock", self.ipv6_cidr_block.as_ref().map(|range| json!(range)));
        put("portRange", self.port_range.as_ref().map(|ports| json!({ "from": ports.from, "to": ports.to })));
        put("icmpTypeCode", self.icmp.as_ref().map(|icmp| json!({ "type": icmp.r#type, "code": icmp.code })));
        entry
    }

    fn no_entry(&self) -> Fault {
        let (number, kind) = (self.rule_number.unwrap_or_default(), if self.egress { "egress" } else { "ingress" });
        let message =
            format!("The {kind} rule number '{number}' does not exist in the network ACL '{}'", self.network_acl_id);
        Fault::new("InvalidNetworkAclEntry.NotFound", message)
    }

    /// The ACL with other entries.
    fn changed(
        &self,
        state: &State,
        change: impl FnOnce(&mut Vec<Value>) -> Result<(), Fault>,
    ) -> Result<Decision, Fault> {
        let mut acl = NETWORK_ACL.find(state, &self.network_acl_id)?.into_owned();
        acl.value["entrySet"].as_array_mut().map_or(Ok(()), change)?;
        Ok(Decision::edit(Edit::put(NETWORK_ACL.record, &self.network_acl_id, acl), |_| Ok(done())))
    }
}

pub(super) fn create_entry(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    asked.changed(state, |entries| {
        if entries.iter().any(|entry| asked.is_number_of(entry)) {
            let message = format!(
                "The network acl entry identified by {} already exists.",
                asked.rule_number.unwrap_or_default()
            );
            return Err(Fault::new("NetworkAclEntryAlreadyExists", message));
        }
        entries.push(asked.entry());
        Ok(())
    })
}

pub(super) fn replace_entry(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    asked.changed(state, |entries| {
        let entry = entries.iter_mut().find(|entry| asked.is_number_of(entry));
        *entry.ok_or_else(|| asked.no_entry())? = asked.entry();
        Ok(())
    })
}

pub(super) fn delete_entry(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    asked.changed(state, |entries| {
        let before = entries.len();
        entries.retain(|entry| !asked.is_number_of(entry));
        if entries.len() < before { Ok(()) } else { Err(asked.no_entry()) }
    })
}

/// The subnets that an ACL filters: those that it was given, and for a default one all that no other has.
fn associations(state: &State, id: &str, acl: &Record) -> Value {
    let given = |acl: &Record| {
        let own = acl.value["associationSet"].as_array().into_iter().flatten();
        own.filter_map(|one| one["subnetId"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let mut found = acl.value["associationSet"].as_array().cloned().unwrap_or_default();
    if acl.value["default"] == json!(true) {
        let taken: Vec<String> = NETWORK_ACL.list(state).iter().flat_map(|(_, acl)| given(acl)).collect();
        let subnets = SUBNET.list(state).into_iter();
        let implied =
            subnets.filter(|(subnet, record)| record.value["vpcId"] == acl.value["vpcId"] && !taken.contains(subnet));
        found.extend(implied.map(|(subnet, _)| association(id, &subnet)));
    }
    Value::Array(found)
}

fn association(acl: &str, subnet: &str) -> Value {
    let id = format!("aclassoc-0{:016x}", fingerprint(&["aclassoc", acl, subnet]));
    json!({ "networkAclAssociationId": id, "networkAclId": acl, "subnetId": subnet })
}

pub(super) fn replace_association(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    NETWORK_ACL.find(state, &asked.network_acl_id)?;
    let acls = NETWORK_ACL.list(state);
    let found = acls.iter().find_map(|(id, acl)| {
        let associations = associations(state, id, acl);
        let one = associations
            .as_array()?
            .iter()
            .find(|one| one["networkAclAssociationId"] == json!(asked.association_id))?;
        one["subnetId"].as_str().map(str::to_owned)
    });
    let subnet = found.ok_or_else(|| {
        let message = format!("The association ID '{}' does not exist", asked.association_id);
        Fault::new("InvalidAssociationID.NotFound", message)
    })?;
    let new = association(&asked.network_acl_id, &subnet);
    let mut edits = Vec::new();
    for (id, acl) in acls {
        let mut acl = acl.into_owned();
        let is_default = acl.value["default"] == json!(true);
        if let Some(own) = acl.value["associationSet"].as_array_mut() {
            own.retain(|one| one["subnetId"] != json!(subnet));
            if id == asked.network_acl_id && !is_default {
                own.push(new.clone());
            }
        }
        edits.push(Edit::put(NETWORK_ACL.record, id, acl));
    }
    let id = new["networkAclAssociationId"].clone();
    Ok(Decision::edits(edits, move |_| Ok(Members(json!({ "newAssociationId": id })))))
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let all = NETWORK_ACL.list(state).into_iter().map(|(id, acl)| {
        let associations = associations(state, &id, &acl);
        let mut shown = describing::Shown::of(id, &acl);
        shown.value["associationSet"] = associations;
        shown
    });
    describing::described(&NETWORK_ACL, input.read()?, all.collect())
}
