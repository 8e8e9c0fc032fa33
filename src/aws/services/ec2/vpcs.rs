//! VPCs and their subnets (EC2 API reference). They decide where addresses come from on AWS; here they are remembered, since
//! every task is in the engine's network.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{done, missing};
use super::finding::gone;
use super::kinds::{self, INTERNET_GATEWAY, NAT_GATEWAY, NETWORK_ACL, ROUTE_TABLE, SUBNET, VPC};
use super::specification::{Specification, specified};
use super::{defaults, describe, groups};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Created {
    cidr_block: Option<String>,
    instance_tenancy: Option<String>,
    vpc_id: String,
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
    tag_specification: Vec<Specification>,
}

/// A range of addresses. AWS takes those of a VPC and of a subnet from /16 to /28.
fn range(given: Option<&str>, refusal: &'static str) -> Result<Ipv4Net, Fault> {
    let text = given.ok_or_else(|| missing("cidrBlock"))?;
    let range: Ipv4Net = text.parse().map_err(|_| {
        let message = format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.");
        Fault::new("InvalidParameterValue", message)
    })?;
    if !(16..=28).contains(&range.prefix_len()) {
        return Err(Fault::new(refusal, format!("The CIDR '{text}' is invalid.")));
    }
    Ok(range.trunc())
}

/// With what every VPC has: a main route table, a default network ACL and a default security group.
pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Created = input.read()?;
    let range = range(asked.cidr_block.as_deref(), "InvalidVpc.Range")?.to_string();
    let tags = specified(asked.tag_specification, &VPC)?;
    let (vpc, table, acl) = (state.ids.ec2("vpc"), state.ids.ec2("rtb"), state.ids.ec2("acl"));
    let mut routes = defaults::route_table(&table, &vpc, &range);
    routes["associationSet"] = json!([defaults::association(&state.ids.ec2("rtbassoc"), &table, None)]);
    let tenancy = asked.instance_tenancy.unwrap_or_else(|| "default".to_owned());
    let mut edits = vec![
        Edit::put(VPC.record, &vpc, Record::new(defaults::vpc(&vpc, &range, &tenancy)).with(tags)),
        Edit::put(ROUTE_TABLE.record, &table, Record::new(routes)),
        Edit::put(NETWORK_ACL.record, &acl, Record::new(defaults::network_acl(&acl, &vpc, true))),
    ];
    edits.extend(groups::default_of(state, &vpc));
    Ok(Decision::edits(edits, move |state| Ok(Members(json!({ "vpc": describe::one(state, &VPC, &vpc)? })))))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Named {
    vpc_id: String,
    subnet_id: String,
    attribute: String,
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Named { vpc_id: vpc, .. } = input.read()?;
    VPC.find(state, &vpc)?;
    let is_attached = INTERNET_GATEWAY.list(state).iter().any(|(_, gateway)| is_attached_to(&gateway.value, &vpc));
    let has_table = ROUTE_TABLE
        .list(state)
        .iter()
        .any(|(_, table)| table.text("vpcId") == vpc && !super::route_tables::is_main(&table.value));
    let has_acl =
        NETWORK_ACL.list(state).iter().any(|(_, acl)| acl.text("vpcId") == vpc && acl.value["default"] == json!(false));
    let has_group = groups::all(state).iter().any(|group| group.vpc == vpc && group.name != groups::DEFAULT);
    if SUBNET.any(state, "vpcId", &vpc) || is_attached || has_table || has_acl || has_group {
        let message = format!("The vpc '{vpc}' has dependencies and cannot be deleted.");
        return Err(Fault::new("DependencyViolation", message));
    }
    let mut edits = vec![gone(&VPC, &vpc)];
    for kind in [&ROUTE_TABLE, &NETWORK_ACL] {
        let own = kind.list(state).into_iter().filter(|(_, record)| record.text("vpcId") == vpc);
        edits.extend(own.map(|(id, _)| gone(kind, &id)));
    }
    let groups = groups::all(state);
    edits.extend(groups.iter().filter(|group| group.vpc == vpc).flat_map(|group| groups::deleted(state, group)));
    Ok(Decision::edits(edits, |_| Ok(done())))
}

fn is_attached_to(gateway: &Value, vpc: &str) -> bool {
    gateway["attachmentSet"].as_array().into_iter().flatten().any(|attachment| attachment["vpcId"] == vpc)
}

/// The attributes of a VPC that only an action of their own shows.
const ATTRIBUTES: [&str; 3] = ["enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics"];

pub(super) fn describe_attribute(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Named { vpc_id, attribute, .. } = input.read()?;
    let vpc = VPC.find(state, &vpc_id)?;
    if !ATTRIBUTES.contains(&attribute.as_str()) {
        return Err(invalid("attribute", &attribute));
    }
    let value = &vpc.value["attributes"][&attribute];
    Ok(Decision::members(json!({ "vpcId": vpc_id, attribute: { "value": value } })))
}

fn invalid(parameter: &str, value: &str) -> Fault {
    Fault::new("InvalidParameterValue", format!("Value ({value}) for parameter {parameter} is invalid."))
}

/// `X.Value=true`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Flag {
    value: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Modified {
    vpc_id: String,
    subnet_id: String,
    enable_dns_hostnames: Option<Flag>,
    enable_dns_support: Option<Flag>,
    enable_network_address_usage_metrics: Option<Flag>,
    map_public_ip_on_launch: Option<Flag>,
    assign_ipv6_address_on_creation: Option<Flag>,
    enable_dns64: Option<Flag>,
    enable_resource_name_dns_a_record_on_launch: Option<Flag>,
    #[serde(rename = "EnableResourceNameDnsAAAARecordOnLaunch")]
    enable_resource_name_dns_aaaa_record_on_launch: Option<Flag>,
    private_dns_hostname_type_on_launch: Option<String>,
}

pub(super) fn modify_attribute(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Modified = input.read()?;
    let mut vpc = VPC.find(state, &asked.vpc_id)?.into_owned();
    let given = [asked.enable_dns_hostnames, asked.enable_dns_support, asked.enable_network_address_usage_metrics];
    for (name, flag) in ATTRIBUTES.into_iter().zip(given) {
        if let Some(Flag { value }) = flag {
            vpc.value["attributes"][name] = json!(value);
        }
    }
    Ok(Decision::edit(Edit::put(VPC.record, asked.vpc_id, vpc), |_| Ok(done())))
}

pub(super) fn create_subnet(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Created = input.read()?;
    let vpc = VPC.find(state, &asked.vpc_id)?;
    let range = range(asked.cidr_block.as_deref(), "InvalidSubnet.Range")?;
    let inside = vpc.value["cidrBlockAssociationSet"].as_array().into_iter().flatten();
    let mut inside = inside.filter_map(|own| own["cidrBlock"].as_str()?.parse::<Ipv4Net>().ok());
    if !inside.any(|own| own.contains(&range)) {
        return Err(Fault::new("InvalidSubnet.Range", format!("The CIDR '{range}' is invalid.")));
    }
    let taken = |other: &Record| {
        let other_range = other.text("cidrBlock").parse::<Ipv4Net>();
        other.text("vpcId") == asked.vpc_id
            && other_range.is_ok_and(|other| other.contains(&range) || range.contains(&other))
    };
    if SUBNET.list(state).iter().any(|(_, other)| taken(other)) {
        let message = format!("The CIDR '{range}' conflicts with another subnet");
        return Err(Fault::new("InvalidSubnet.Conflict", message));
    }
    let zone = zone(asked.availability_zone.as_deref(), asked.availability_zone_id.as_deref())?;
    let tags = specified(asked.tag_specification, &SUBNET)?;
    let subnet = state.ids.ec2("subnet");
    // AWS keeps five addresses of each subnet (VPC user guide, "Subnet CIDR reservations").
    let free = (1_u64 << (32 - range.prefix_len())) - 5;
    let value = defaults::subnet(&subnet, &asked.vpc_id, &range.to_string(), zone, free);
    let edit = Edit::put(SUBNET.record, &subnet, Record::new(value).with(tags));
    Ok(Decision::edit(edit, move |state| Ok(Members(json!({ "subnet": describe::one(state, &SUBNET, &subnet)? })))))
}

/// The zone that is meant; the first one if none is named.
fn zone(name: Option<&str>, id: Option<&str>) -> Result<&'static str, Fault> {
    let mut zones = defaults::ZONES.iter();
    let found = match (name, id) {
        (Some(wanted), _) => zones.find(|(name, _)| *name == wanted),
        (None, Some(wanted)) => zones.find(|(_, id)| *id == wanted),
        (None, None) => zones.next(),
    };
    found.map(|(name, _)| *name).ok_or_else(|| {
        let (parameter, value) = name.map_or(("availabilityZoneId", id), |name| ("availabilityZone", Some(name)));
        let known: Vec<&str> = defaults::ZONES.iter().map(|(name, _)| *name).collect();
        let message = format!(
            "Value ({}) for parameter {parameter} is invalid. Subnets can currently only be created in the following availability \
             zones: {}.",
            value.unwrap_or_default(),
            known.join(", ")
        );
        Fault::new("InvalidParameterValue", message)
    })
}

pub(super) fn modify_subnet_attribute(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Modified = input.read()?;
    let mut subnet = SUBNET.find(state, &asked.subnet_id)?.into_owned();
    let names = "privateDnsNameOptionsOnLaunch";
    for (path, flag) in [
        ("/mapPublicIpOnLaunch", asked.map_public_ip_on_launch),
        ("/assignIpv6AddressOnCreation", asked.assign_ipv6_address_on_creation),
        ("/enableDns64", asked.enable_dns64),
        (&format!("/{names}/enableResourceNameDnsARecord"), asked.enable_resource_name_dns_a_record_on_launch),
        (&format!("/{names}/enableResourceNameDnsAAAARecord"), asked.enable_resource_name_dns_aaaa_record_on_launch),
    ] {
        if let (Some(Flag { value }), Some(member)) = (flag, subnet.value.pointer_mut(path)) {
            *member = json!(value);
        }
    }
    if let Some(kind) = asked.private_dns_hostname_type_on_launch {
        subnet.value[names]["hostnameType"] = json!(kind);
    }
    Ok(Decision::edit(Edit::put(SUBNET.record, asked.subnet_id, subnet), |_| Ok(done())))
}

pub(super) fn delete_subnet(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Named { subnet_id: subnet, .. } = input.read()?;
    SUBNET.find(state, &subnet)?;
    let gateways = NAT_GATEWAY.list(state);
    if gateways.iter().any(|(_, gateway)| gateway.text("subnetId") == subnet && gateway.text("state") != "deleted") {
        let message = format!("The subnet '{subnet}' has dependencies and cannot be deleted.");
        return Err(Fault::new("DependencyViolation", message));
    }
    let mut edits = vec![gone(&SUBNET, &subnet)];
    // Its association goes with it.
    for (id, table) in ROUTE_TABLE.list(state) {
        let mut table = table.into_owned();
        if let Some(associations) = table.value["associationSet"].as_array_mut() {
            let before = associations.len();
            associations.retain(|association| association["subnetId"] != json!(subnet));
            if associations.len() < before {
                edits.push(Edit::put(ROUTE_TABLE.record, id, table));
            }
        }
    }
    Ok(Decision::edits(edits, |_| Ok(done())))
}

pub(super) fn describe_vpcs(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    describe::remembered(state, input, &VPC)
}

pub(super) fn describe_subnets(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    describe::remembered(state, input, &SUBNET)
}

pub(super) fn describe_dhcp_options(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    describe::remembered(state, input, &kinds::DHCP_OPTIONS)
}
