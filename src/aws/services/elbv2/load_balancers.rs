//! Load balancers and their attributes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{self, invalid, missing, not_here, not_one_of, refused, tags_refused};
use super::known::{ATTRIBUTES, Known, put};
use super::load_balancer_shape::{CREATED, IP_ADDRESS_TYPE, SUBNETS, scheme, shape};
use super::network::{self, SubnetMapping};
use crate::alb::attributes::load_balancer as texts;
use crate::alb::attributes::texts::{AttributesOf, Texts, change};
use crate::alb::violation::Violation;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::LoadBalancerName;
use crate::model::arn::Arn;
use crate::model::listener::LoadBalancer;
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::Iso8601;

/// "Application Load Balancers per Region" (ALB user guide, Quotas for your Application Load Balancers).
const MOST: usize = 50;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Created {
    name: Option<String>,
    subnets: Vec<String>,
    subnet_mappings: Vec<SubnetMapping>,
    security_groups: Vec<String>,
    scheme: Option<String>,
    r#type: Option<String>,
    ip_address_type: Option<String>,
    tags: Vec<Tag>,
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Created = input.read()?;
    let known = Known::of(state);
    let name = LoadBalancerName::new(asked.name.as_deref().ok_or_else(|| missing("name"))?);
    if let Some(kind) = asked.r#type.as_deref().filter(|kind| *kind != "application") {
        return Err(match kind {
            "network" | "gateway" => not_here(&format!("Type '{kind}'")),
            _ => not_one_of(kind, "type", &["application", "gateway", "network"]),
        });
    }
    let internal = match asked.scheme.as_deref() {
        None | Some("internet-facing") => false,
        Some("internal") => true,
        Some(other) => return Err(not_one_of(other, "scheme", &["internal", "internet-facing"])),
    };
    let address_type = ip_address_type(asked.ip_address_type.as_deref().unwrap_or("ipv4"))?;
    let subnets = network::subnets(&known, asked.subnets, &asked.subnet_mappings)?;
    let security_groups = network::security_groups(&known, &asked.security_groups)?;
    let tags = tags::of(asked.tags);
    tags::judge(&tags).map_err(|problem| tags_refused(&problem))?;
    let arn = Arn::load_balancer(&name).to_string();
    if let Some(before) = known.resources.load_balancers.get(&name) {
        // "If you attempt to create multiple load balancers with the same settings, each call succeeds."
        let is_same = before.internal == internal
            && before.security_groups == security_groups
            && known.member(&arn, SUBNETS) == Some(json!(subnets))
            && known.member(&arn, IP_ADDRESS_TYPE) == Some(json!(address_type));
        return match is_same {
            true => Ok(Decision::members(json!({ "LoadBalancers": [shape(&known, before)] }))),
            false => Err(refused(&Violation::DuplicateLoadBalancerName(name))),
        };
    }
    if known.resources.load_balancers.len() >= MOST {
        return Err(Fault::new(
            "TooManyLoadBalancers",
            "You've reached the limit on the number of load balancers for your AWS account.",
        ));
    }
    let bind_address = network::free_address(&known);
    let settings =
        LoadBalancer { internal, security_groups, bind_address, ..LoadBalancer::new(name.clone(), Vec::new()) };
    let record = Record::new(json!({
        SUBNETS: subnets,
        IP_ADDRESS_TYPE: address_type,
        CREATED: Iso8601(state.now),
    }));
    let edits = vec![Edit::CreateLoadBalancer { settings }, put(&arn, record.with(tags))];
    Ok(Decision::edits(edits, move |state| {
        let mut shape = one(&Known::of(state), &name)?;
        // Until its first description, as on AWS.
        shape["State"] = json!({ "Code": "provisioning" });
        Ok(Members(json!({ "LoadBalancers": [shape] })))
    }))
}

fn one(known: &Known<'_>, name: &LoadBalancerName) -> Result<Value, Fault> {
    let balancer = known.resources.load_balancers.get(name);
    balancer.map(|balancer| shape(known, balancer)).ok_or_else(|| faults::no_load_balancer(name))
}

fn ip_address_type(given: &str) -> Result<&'static str, Fault> {
    const WORDS: [&str; 3] = ["ipv4", "dualstack", "dualstack-without-public-ipv4"];
    WORDS.into_iter().find(|word| *word == given).ok_or_else(|| not_one_of(given, "ipAddressType", &WORDS))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    load_balancer_arns: Vec<String>,
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    let known = Known::of(state);
    let all = &known.resources.load_balancers;
    let not_found = |message: String| Fault::new("LoadBalancerNotFound", message);
    let found: Vec<Value> = if !asked.load_balancer_arns.is_empty() {
        let of_arn = |arn: &String| {
            let found = known.load_balancer(Some(arn)).map_err(|fault| match &*fault.code {
                "LoadBalancerNotFound" => not_found("One or more load balancers not found".to_owned()),
                _ => fault,
            });
            found.map(|(_, balancer)| shape(&known, balancer))
        };
        asked.load_balancer_arns.iter().map(of_arn).collect::<Result<_, _>>()?
    } else if !asked.names.is_empty() {
        let missing: Vec<&str> =
            asked.names.iter().map(String::as_str).filter(|name| !all.contains_key(*name)).collect();
        if !missing.is_empty() {
            return Err(not_found(format!("Load balancers '[{}]' not found", missing.join(", "))));
        }
        asked.names.iter().filter_map(|name| all.get(name.as_str())).map(|balancer| shape(&known, balancer)).collect()
    } else {
        all.values().map(|balancer| shape(&known, balancer)).collect()
    };
    faults::page("LoadBalancers", &found, asked.page_size, asked.marker.as_deref()).map(Decision::members)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Set {
    load_balancer_arn: Option<String>,
    subnets: Vec<String>,
    subnet_mappings: Vec<SubnetMapping>,
    security_groups: Vec<String>,
    ip_address_type: Option<String>,
    attributes: Option<Vec<Attribute>>,
}

/// `Key` and `Value`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Attribute {
    key: String,
    value: String,
}

impl From<Attribute> for (String, String) {
    fn from(attribute: Attribute) -> Self {
        (attribute.key, attribute.value)
    }
}

/// "If the load balancer does not exist or has already been deleted, the call succeeds."
pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Set = input.read()?;
    let known = Known::of(state);
    let name = match known.load_balancer(asked.load_balancer_arn.as_deref()) {
        Ok((name, _)) => name.clone(),
        Err(fault) if fault.code == "LoadBalancerNotFound" => return Ok(Decision::members(json!({}))),
        Err(fault) => return Err(fault),
    };
    let arn = Arn::load_balancer(&name).to_string();
    let is_protected = texts_of(&known, &name)?.get("deletion_protection.enabled").is_some_and(|text| text == "true");
    if is_protected {
        return Err(Fault::new(
            "OperationNotPermitted",
            format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
        ));
    }
    let mut edits = vec![Edit::DeleteLoadBalancer { load_balancer: name.clone() }];
    edits.extend(known.forget_load_balancer(&name));
    Ok(Decision::edits(edits, |_| Ok(Members(json!({})))))
}

pub(super) fn set_security_groups(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Set = input.read()?;
    let known = Known::of(state);
    let (name, _) = known.load_balancer(asked.load_balancer_arn.as_deref())?;
    let load_balancer = name.clone();
    let security_groups = network::security_groups(&known, &asked.security_groups)?;
    let reply = json!({ "SecurityGroupIds": network::security_group_ids(&security_groups) });
    let edit = Edit::SetSecurityGroups { load_balancer, security_groups };
    Ok(Decision::edit(edit, move |_| Ok(Members(reply))))
}

pub(super) fn set_subnets(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Set = input.read()?;
    let known = Known::of(state);
    let (name, _) = known.load_balancer(asked.load_balancer_arn.as_deref())?;
    let arn = Arn::load_balancer(name).to_string();
    let subnets = network::subnets(&known, asked.subnets, &asked.subnet_mappings)?;
    let address_type = asked.ip_address_type.as_deref().map(ip_address_type).transpose()?;
    let mut record = known.record(&arn);
    record.value[SUBNETS] = json!(subnets);
    if let Some(address_type) = address_type {
        record.value[IP_ADDRESS_TYPE] = json!(address_type);
    }
    let address_type = record.value.get(IP_ADDRESS_TYPE).cloned().unwrap_or_else(|| json!("ipv4"));
    let reply = json!({ "AvailabilityZones": network::zones(&known, &subnets), "IpAddressType": address_type });
    Ok(Decision::edit(put(&arn, record), move |_| Ok(Members(reply))))
}

pub(super) fn set_ip_address_type(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Set = input.read()?;
    let known = Known::of(state);
    let (name, balancer) = known.load_balancer(asked.load_balancer_arn.as_deref())?;
    let address_type = ip_address_type(asked.ip_address_type.as_deref().ok_or_else(|| missing("ipAddressType"))?)?;
    if balancer.internal && address_type == "dualstack-without-public-ipv4" {
        return Err(invalid(format!(
            "The IP address type '{address_type}' is not supported for load balancers with the scheme '{}'",
            scheme(balancer)
        )));
    }
    let edit = known.remember(Arn::load_balancer(name).as_str(), IP_ADDRESS_TYPE, json!(address_type));
    Ok(Decision::edit(edit, move |_| Ok(Members(json!({ "IpAddressType": address_type })))))
}

/// All attributes of a load balancer.
fn texts_of(known: &Known<'_>, name: &LoadBalancerName) -> Result<Texts, Fault> {
    let balancer = known.resources.load_balancers.get(name).ok_or_else(|| faults::no_load_balancer(name))?;
    let decided = texts::spelled(&balancer.attributes);
    let said = texts::texts(&balancer.attributes);
    Ok(known.attributes(Arn::load_balancer(name).as_str(), said, |key| decided.contains_key(key)))
}

/// `[{Key, Value}]`
pub(super) fn listed(texts: &Texts) -> Value {
    texts.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

pub(super) fn describe_attributes(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Set = input.read()?;
    let known = Known::of(state);
    let (name, _) = known.load_balancer(asked.load_balancer_arn.as_deref())?;
    Ok(Decision::members(json!({ "Attributes": listed(&texts_of(&known, name)?) })))
}

pub(super) fn modify_attributes(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Set = input.read()?;
    let known = Known::of(state);
    let (name, _) = known.load_balancer(asked.load_balancer_arn.as_deref())?;
    let mut changed = texts_of(&known, name)?;
    let changes = asked.attributes.ok_or_else(|| missing("attributes"))?.into_iter().map(Into::into);
    change(&mut changed, changes, AttributesOf::LoadBalancer).map_err(|violation| refused(&violation))?;
    let attributes = texts::read(&changed).map_err(|violation| refused(&violation))?;
    let arn = Arn::load_balancer(name).to_string();
    let edits = vec![
        Edit::ModifyLoadBalancerAttributes { load_balancer: name.clone(), attributes },
        known.remember(&arn, ATTRIBUTES, json!(changed)),
    ];
    let name = name.clone();
    Ok(Decision::edits(edits, move |state| {
        Ok(Members(json!({ "Attributes": listed(&texts_of(&Known::of(state), &name)?) })))
    }))
}
