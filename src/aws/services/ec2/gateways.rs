//! Internet gateways, NAT gateways and Elastic IP addresses (EC2 API reference). Tasks reach the internet without them, through
//! the engine.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{done, missing};
use super::finding::gone;
use super::kinds::{ADDRESS, INTERNET_GATEWAY, Kind, NAT_GATEWAY, SUBNET, VPC};
use super::specification::{Specification, specified};
use super::{defaults, describe};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::arn::{ACCOUNT, REGION, fingerprint};
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::Iso8601;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    internet_gateway_id: String,
    vpc_id: String,
    tag_specification: Vec<Specification>,
    allocation_id: Option<String>,
    association_id: Option<String>,
    public_ip: Option<String>,
    subnet_id: Option<String>,
    nat_gateway_id: String,
    connectivity_type: Option<String>,
    private_ip_address: Option<String>,
    client_token: Option<String>,
    attribute: Option<String>,
}

pub(super) fn create_internet_gateway(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let tags = specified(asked.tag_specification, &INTERNET_GATEWAY)?;
    let id = state.ids.ec2("igw");
    let record = Record::new(defaults::internet_gateway(&id, None)).with(tags);
    Ok(Decision::edit(Edit::put(INTERNET_GATEWAY.record, &id, record), move |state| {
        Ok(Members(json!({ "internetGateway": describe::one(state, &INTERNET_GATEWAY, &id)? })))
    }))
}

pub(super) fn attach_internet_gateway(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Asked { internet_gateway_id: id, vpc_id: vpc, .. } = input.read()?;
    let gateway = INTERNET_GATEWAY.find(state, &id)?;
    VPC.find(state, &vpc)?;
    if attached(&gateway).next().is_some() {
        let message = format!("resource {id} is already attached to network {vpc}");
        return Err(Fault::new("Resource.AlreadyAssociated", message));
    }
    let others = INTERNET_GATEWAY.list(state);
    if others.iter().any(|(_, other)| attached(other).any(|attachment| attachment["vpcId"] == json!(vpc))) {
        let message = format!("Network {vpc} already has an internet gateway attached");
        return Err(Fault::new("InvalidParameterValue", message));
    }
    let mut gateway = gateway.into_owned();
    gateway.value["attachmentSet"] = json!([{ "vpcId": vpc, "state": "available" }]);
    Ok(Decision::edit(Edit::put(INTERNET_GATEWAY.record, id, gateway), |_| Ok(done())))
}

fn attached(gateway: &Record) -> impl Iterator<Item = &Value> {
    gateway.value["attachmentSet"].as_array().into_iter().flatten()
}

pub(super) fn detach_internet_gateway(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Asked { internet_gateway_id: id, vpc_id: vpc, .. } = input.read()?;
    let mut gateway = INTERNET_GATEWAY.find(state, &id)?.into_owned();
    VPC.find(state, &vpc)?;
    if !attached(&gateway).any(|attachment| attachment["vpcId"] == json!(vpc)) {
        return Err(Fault::new("Gateway.NotAttached", format!("resource {id} is not attached to network {vpc}")));
    }
    let maps_addresses = NAT_GATEWAY.list(state).iter().any(|(_, nat)| {
        nat.text("vpcId") == vpc && nat.text("state") != "deleted" && nat.text("connectivityType") == "public"
    });
    if maps_addresses {
        let message = format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before \
             detaching the gateway."
        );
        return Err(Fault::new("DependencyViolation", message));
    }
    gateway.value["attachmentSet"] = json!([]);
    Ok(Decision::edit(Edit::put(INTERNET_GATEWAY.record, id, gateway), |_| Ok(done())))
}

pub(super) fn delete_internet_gateway(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Asked { internet_gateway_id: id, .. } = input.read()?;
    if attached(&*INTERNET_GATEWAY.find(state, &id)?).next().is_some() {
        let message = format!("The internetGateway '{id}' has dependencies and cannot be deleted.");
        return Err(Fault::new("DependencyViolation", message));
    }
    Ok(Decision::edit(gone(&INTERNET_GATEWAY, &id), |_| Ok(done())))
}

pub(super) fn describe_internet_gateways(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    describe::remembered(state, input, &INTERNET_GATEWAY)
}

/// Its address is one of a range for documentation (RFC 5737): nothing on the internet has it.
pub(super) fn allocate_address(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let tags = specified(asked.tag_specification, &ADDRESS)?;
    let id = state.ids.ec2("eipalloc");
    let taken: Vec<String> = ADDRESS.list(state).iter().map(|(_, record)| record.text("publicIp").to_owned()).collect();
    let ranges = ["203.0.113", "198.51.100"];
    let all = ranges.iter().flat_map(|range| (1..255).map(move |last| format!("{range}.{last}")));
    let free: Vec<String> = all.filter(|address| !taken.contains(address)).collect();
    let nth = fingerprint(&[&id]) as usize;
    let address = nth.checked_rem(free.len()).map(|nth| free[nth].clone());
    let address = address
        .ok_or_else(|| Fault::new("AddressLimitExceeded", "The maximum number of addresses has been reached."))?;
    let value = json!({
        "allocationId": id,
        "publicIp": address,
        "publicIpv4Pool": "amazon",
        "domain": "vpc",
        "networkBorderGroup": REGION,
    });
    let reply = value.clone();
    let edit = Edit::put(ADDRESS.record, id, Record::new(value).with(tags));
    Ok(Decision::edit(edit, |_| Ok(Members(reply))))
}

pub(super) fn describe_addresses(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    describe::remembered(state, input, &ADDRESS)
}

/// The names of addresses, of which there are none (`DescribeAddressesAttribute`: only those with a PTR record are listed).
pub(super) fn describe_addresses_attribute(_: &State, _: &Input<'_>) -> Result<Decision, Fault> {
    Ok(Decision::members(json!({ "addressSet": [] })))
}

pub(super) fn release_address(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let id = asked.allocation_id.ok_or_else(|| missing("AllocationId"))?;
    let address = ADDRESS.find(state, &id)?;
    if !address.text("associationId").is_empty() {
        let message = format!("Address {} is in use.", address.text("publicIp"));
        return Err(Fault::new("InvalidIPAddress.InUse", message));
    }
    Ok(Decision::edit(gone(&ADDRESS, &id), |_| Ok(done())))
}

/// An address that nothing has any more. Terraform asks for it after the NAT gateway is gone, and takes this code for an answer.
pub(super) fn disassociate_address(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let association = asked.association_id.or(asked.public_ip).ok_or_else(|| missing("AssociationId"))?;
    let addresses = ADDRESS.list(state);
    let found = addresses
        .iter()
        .find(|(_, record)| record.text("associationId") == association || record.text("publicIp") == association);
    match found {
        None => Err(Fault::new(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{association}' does not exist"),
        )),
        Some((_, record)) if NAT_GATEWAY.find(state, record.text("natGatewayId")).is_ok() => {
            Err(Fault::new("AuthFailure", "You do not have permission to access the specified resource."))
        }
        Some((id, record)) => Ok(Decision::edit(Edit::put(ADDRESS.record, id, free(record)), |_| Ok(done()))),
    }
}

/// The address without what had it.
fn free(address: &Record) -> Record {
    let mut address = address.clone();
    if let Some(members) = address.value.as_object_mut() {
        for member in
            ["associationId", "networkInterfaceId", "networkInterfaceOwnerId", "privateIpAddress", "natGatewayId"]
        {
            members.remove(member);
        }
    }
    address
}

pub(super) fn create_nat_gateway(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    if let Some((id, _)) = state.made_with(NAT_GATEWAY.record, "clientToken", asked.client_token.as_deref()) {
        return Ok(Decision::members(json!({ "natGateway": describe::one(state, &NAT_GATEWAY, id)? })));
    }
    let subnet = asked.subnet_id.ok_or_else(|| missing("SubnetId"))?;
    let vpc = SUBNET.find(state, &subnet)?.text("vpcId").to_owned();
    let tags = specified(asked.tag_specification, &NAT_GATEWAY)?;
    let connectivity = asked.connectivity_type.unwrap_or_else(|| "public".to_owned());
    let (id, interface) = (state.ids.ec2("nat"), state.ids.ec2("eni"));
    let private = asked.private_ip_address.unwrap_or_else(|| {
        inside(
            &SUBNET.find(state, &subnet).ok().map_or_else(String::new, |subnet| subnet.text("cidrBlock").to_owned()),
            &id,
        )
    });
    let mut address = json!({
        "networkInterfaceId": interface,
        "privateIp": private,
        "isPrimary": true,
        "status": "succeeded",
    });
    let mut edits = Vec::new();
    match (connectivity.as_str(), asked.allocation_id) {
        ("public", None) => return Err(missing("AllocationId")),
        ("public", Some(allocation)) => {
            let elastic = ADDRESS.find(state, &allocation)?;
            if !elastic.text("associationId").is_empty() {
                let message = format!("Elastic IP address [{allocation}] is already associated");
                return Err(Fault::new("Resource.AlreadyAssociated", message));
            }
            let association = state.ids.ec2("eipassoc");
            address["allocationId"] = json!(allocation);
            address["associationId"] = json!(association);
            address["publicIp"] = elastic.value["publicIp"].clone();
            let mut elastic = elastic.into_owned();
            for (member, value) in [
                ("associationId", &association),
                ("networkInterfaceId", &interface),
                ("privateIpAddress", &private),
                ("natGatewayId", &id),
            ] {
                elastic.value[member] = json!(value);
            }
            elastic.value["networkInterfaceOwnerId"] = json!(ACCOUNT);
            edits.push(Edit::put(ADDRESS.record, allocation, elastic));
        }
        _ => {}
    }
    let value = json!({
        "natGatewayId": id,
        "subnetId": subnet,
        "vpcId": vpc,
        "state": "available",
        "connectivityType": connectivity,
        "availabilityMode": "zonal",
        "createTime": Iso8601(state.now),
        "natGatewayAddressSet": [address],
        "clientToken": asked.client_token,
    });
    edits.push(Edit::put(NAT_GATEWAY.record, &id, Record::new(value).with(tags)));
    Ok(Decision::edits(edits, move |state| {
        Ok(Members(json!({ "natGateway": describe::one(state, &NAT_GATEWAY, &id)? })))
    }))
}

/// An address in a range, chosen by what it is for.
pub(super) fn inside(range: &str, purpose: &str) -> String {
    let Ok(range) = range.parse::<ipnet::Ipv4Net>() else { return String::new() };
    let size = 1_u32 << (32 - u32::from(range.prefix_len()));
    let nth = 4 + (fingerprint(&[purpose]) % u64::from(size.saturating_sub(5).max(1))) as u32;
    std::net::Ipv4Addr::from(u32::from(range.network()) + nth).to_string()
}

/// It is shown as deleted for as long as the account is (AWS: for an hour), and its address is free.
pub(super) fn delete_nat_gateway(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Asked { nat_gateway_id: id, .. } = input.read()?;
    let mut gateway = NAT_GATEWAY.find(state, &id)?.into_owned();
    gateway.value["state"] = json!("deleted");
    gateway.value["deleteTime"] = json!(Iso8601(state.now));
    gateway.value["clientToken"] = Value::Null;
    let mut edits = vec![Edit::put(NAT_GATEWAY.record, &id, gateway)];
    for (allocation, address) in ADDRESS.list(state) {
        if address.text("natGatewayId") == id {
            edits.push(Edit::put(ADDRESS.record, allocation, free(&address)));
        }
    }
    Ok(Decision::edits(edits, move |_| Ok(Members(json!({ "natGatewayId": id })))))
}

pub(super) fn describe_nat_gateways(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    describe::remembered(state, input, &NAT_GATEWAY)
}

/// Whether a route may lead there.
pub(super) fn exists(state: &State, kind: &Kind, id: &str) -> Result<(), Fault> {
    kind.find(state, id).map(drop)
}
