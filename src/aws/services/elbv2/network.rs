//! Where load balancers are: subnets, security groups, addresses. Subnets are what EC2 remembers of them, and otherwise what
//! the client says: everything is in one place here.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::invalid;
use super::known::Known;
use crate::model::SecurityGroupName;
use crate::model::arn::{self, REGION};
use crate::protocols::fault::Fault;

/// What EC2 remembers of subnets.
const SUBNET: &str = "ec2/subnet";

/// A subnet of a load balancer, with an address that a client wants there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SubnetMapping {
    subnet_id: String,
}

/// The ids of `Subnets` or `SubnetMappings`.
///
/// # Errors
///
/// Both, or fewer than two, or one that does not exist.
pub(super) fn subnets(known: &Known<'_>, ids: Vec<String>, mappings: &[SubnetMapping]) -> Result<Vec<String>, Fault> {
    if !ids.is_empty() && !mappings.is_empty() {
        return Err(invalid("You cannot specify both subnets and subnet mappings"));
    }
    let ids: Vec<String> =
        if ids.is_empty() { mappings.iter().map(|mapping| mapping.subnet_id.clone()).collect() } else { ids };
    let records = known.state.records();
    let has_ec2 = records.of(SUBNET).next().is_some();
    if let Some(unknown) = ids.iter().find(|id| has_ec2 && records.get(SUBNET, id).is_none()) {
        return Err(Fault::new("SubnetNotFound", format!("The subnet ID '{unknown}' does not exist")));
    }
    let zones: Vec<String> = ids.iter().enumerate().map(|(index, id)| zone(known, id, index)).collect();
    if zones.iter().collect::<BTreeSet<_>>().len() < zones.len() {
        return Err(Fault::new(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    if ids.len() < 2 {
        return Err(invalid("At least two subnets in two different Availability Zones must be specified"));
    }
    Ok(ids)
}

/// The zone of a subnet. One that only a client knows is in a zone of its own.
pub(super) fn zone(known: &Known<'_>, id: &str, index: usize) -> String {
    let record = known.state.records().get(SUBNET, id);
    let text = record.map(|record| ["AvailabilityZone", "availabilityZone"].map(|member| record.text(member)));
    let text = text.into_iter().flatten().find(|text| !text.is_empty());
    let letter = char::from(b'a' + u8::try_from(index % 26).unwrap_or_default());
    text.map_or_else(|| format!("{REGION}{letter}"), str::to_owned)
}

/// The VPC of some subnets.
pub(super) fn vpc(known: &Known<'_>, subnets: &[String]) -> String {
    let records = known.state.records();
    let texts = subnets
        .iter()
        .filter_map(|id| records.get(SUBNET, id))
        .flat_map(|record| ["VpcId", "vpcId"].map(|member| record.text(member)));
    let found = texts.into_iter().find(|text| !text.is_empty());
    found.map_or_else(default_vpc, str::to_owned)
}

/// Of what is in no VPC that a client has named.
pub(super) fn default_vpc() -> String {
    format!("vpc-0{:016x}", arn::fingerprint(&["vpc", "default"]))
}

/// `AvailabilityZones`
pub(super) fn zones(known: &Known<'_>, subnets: &[String]) -> Vec<Value> {
    let zone = |(index, id): (usize, &String)| json!({ "ZoneName": zone(known, id, index), "SubnetId": id, "LoadBalancerAddresses": [] });
    subnets.iter().enumerate().map(zone).collect()
}

/// Security groups by id.
///
/// # Errors
///
/// One does not exist.
pub(super) fn security_groups(known: &Known<'_>, ids: &[String]) -> Result<Vec<SecurityGroupName>, Fault> {
    let named = |id: &String| {
        let mut all = known.resources.security_groups.keys();
        let found = all.find(|name| arn::security_group_id(name) == *id || name.as_str() == id);
        found
            .cloned()
            .ok_or_else(|| Fault::new("InvalidSecurityGroup", format!("The security group '{id}' does not exist")))
    };
    ids.iter().map(named).collect()
}

/// The ids of security groups.
pub(super) fn security_group_ids(names: &[SecurityGroupName]) -> Vec<String> {
    let id = |name: &SecurityGroupName| match name.as_str().starts_with("sg-") {
        true => name.to_string(),
        false => arn::security_group_id(name),
    };
    names.iter().map(id).collect()
}

/// The next loopback address that no load balancer has, as a file's load balancers have them.
pub(super) fn free_address(known: &Known<'_>) -> IpAddr {
    let taken: BTreeSet<IpAddr> = known.resources.load_balancers.values().map(|one| one.bind_address).collect();
    let mut candidates = (1..=254).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)));
    candidates.find(|address| !taken.contains(address)).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
