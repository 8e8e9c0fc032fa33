//! A load balancer as DescribeLoadBalancers returns it.

use serde_json::{Value, json};

use super::known::Known;
use super::network;
use crate::aws::action::drop_nulls;
use crate::model::arn::{self, Arn};
use crate::model::listener::LoadBalancer;

/// `CanonicalHostedZoneId` in us-east-1 (AWS General Reference, "Elastic Load Balancing endpoints and quotas").
const HOSTED_ZONE: &str = "Z35SXDOTRQ7X7K";

/// The members of a record.
pub(super) const SUBNETS: &str = "subnets";
pub(super) const IP_ADDRESS_TYPE: &str = "ipAddressType";
pub(super) const CREATED: &str = "createdTime";

/// A load balancer. One of the file is in no subnet that anybody has named.
pub(super) fn shape(known: &Known<'_>, balancer: &LoadBalancer) -> Value {
    let arn = Arn::load_balancer(&balancer.name);
    let member = |name: &str| known.member(arn.as_str(), name);
    let subnets: Vec<String> = member(SUBNETS).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let mut shape = json!({
        "LoadBalancerArn": arn,
        "DNSName": arn::load_balancer_dns_name(&balancer.name, balancer.internal),
        "CanonicalHostedZoneId": HOSTED_ZONE,
        "CreatedTime": member(CREATED),
        "LoadBalancerName": balancer.name,
        "Scheme": scheme(balancer),
        "VpcId": network::vpc(known, &subnets),
        "State": state(known, balancer),
        "Type": "application",
        "AvailabilityZones": network::zones(known, &subnets),
        "SecurityGroups": network::security_group_ids(&balancer.security_groups),
        "IpAddressType": member(IP_ADDRESS_TYPE).unwrap_or_else(|| json!("ipv4")),
    });
    drop_nulls(&mut shape);
    shape
}

/// `Scheme`
pub(super) fn scheme(balancer: &LoadBalancer) -> &'static str {
    if balancer.internal { "internal" } else { "internet-facing" }
}

/// A load balancer that cannot listen on a port says why: that is what impairs it here.
fn state(known: &Known<'_>, balancer: &LoadBalancer) -> Value {
    let snapshot = &known.state.snapshot;
    let wanted = snapshot.topology.load_balancers.get(&balancer.name).map(|one| &*one.listeners).unwrap_or_default();
    let failed = wanted
        .iter()
        .find_map(|listener| snapshot.bindings.get(&(balancer.name.clone(), listener.port))?.as_ref().err());
    match failed {
        None => json!({ "Code": "active" }),
        Some(reason) => json!({ "Code": "active_impaired", "Reason": reason }),
    }
}
