//! What every account has from the start: a default VPC with a subnet in each zone, and what they need. (Amazon VPC user guide,
//! "Default VPCs".) It is made from nothing but names, and becomes a record when a client changes it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::kinds::{DHCP_OPTIONS, INTERNET_GATEWAY, Kind, NETWORK_ACL, ROUTE_TABLE, SUBNET, VPC};
use crate::control::desired::records::Record;
use crate::model::Zone;
use crate::model::arn::{self, ACCOUNT, REGION};

/// The zones of us-east-1, with their ids.
pub(super) const ZONES: &[(&str, &str)] = &[
    ("us-east-1a", "use1-az1"),
    ("us-east-1b", "use1-az2"),
    ("us-east-1c", "use1-az4"),
    ("us-east-1d", "use1-az6"),
    ("us-east-1e", "use1-az3"),
    ("us-east-1f", "use1-az5"),
];

/// The range of the default VPC.
const DEFAULT_RANGE: &str = "172.31.0.0/16";

/// Its id.
pub(super) fn vpc_id() -> String {
    id("vpc")
}

fn id(prefix: &str) -> String {
    format!("{prefix}-0{:016x}", arn::fingerprint(&[prefix, "default"]))
}

static START: LazyLock<BTreeMap<(&'static str, String), Value>> = LazyLock::new(|| {
    let (vpc, table, gateway, acl) = (vpc_id(), id("rtb"), id("igw"), id("acl"));
    let mut start = BTreeMap::new();
    let mut put = |kind: &'static Kind, id: &str, value: Value| start.insert((kind.record, id.to_owned()), value);
    let mut default = self::vpc(&vpc, DEFAULT_RANGE, "default");
    default["isDefault"] = json!(true);
    default["attributes"]["enableDnsHostnames"] = json!(true);
    put(&VPC, &vpc, default);
    let mut subnets = Vec::new();
    for (number, (zone, _)) in ZONES.iter().enumerate() {
        let subnet = arn::subnet_id(&Zone::new(*zone));
        let mut value = self::subnet(&subnet, &vpc, &format!("172.31.{}.0/20", number * 16), zone, 4091);
        value["mapPublicIpOnLaunch"] = json!(true);
        value["defaultForAz"] = json!(true);
        put(&SUBNET, &subnet, value);
        subnets.push(subnet);
    }
    put(&INTERNET_GATEWAY, &gateway, internet_gateway(&gateway, Some((&vpc, "available"))));
    let mut value = route_table(&table, &vpc, DEFAULT_RANGE);
    add(&mut value["routeSet"], route("0.0.0.0/0", "gatewayId", &gateway));
    add(&mut value["associationSet"], association(&id("rtbassoc"), &table, None));
    put(&ROUTE_TABLE, &table, value);
    put(&NETWORK_ACL, &acl, network_acl(&acl, &vpc, true));
    put(&DHCP_OPTIONS, &id("dopt"), dhcp_options(&id("dopt")));
    start
});

/// A resource that is there from the start.
pub(super) fn record(kind: &Kind, id: &str) -> Option<Record> {
    START.get(&(kind.record, id.to_owned())).cloned().map(Record::new)
}

/// All of a kind.
pub(super) fn all(kind: &Kind) -> Vec<(String, Record)> {
    let of_kind = START.iter().filter(|((record, _), _)| *record == kind.record);
    of_kind.map(|((_, id), value)| (id.clone(), Record::new(value.clone()))).collect()
}

/// A VPC as CreateVpc makes it.
pub(super) fn vpc(id: &str, range: &str, tenancy: &str) -> Value {
    let association = format!("vpc-cidr-assoc-0{:016x}", arn::fingerprint(&["range", id]));
    json!({
        "vpcId": id,
        "ownerId": ACCOUNT,
        "state": "available",
        "cidrBlock": range,
        "dhcpOptionsId": self::id("dopt"),
        "instanceTenancy": tenancy,
        "isDefault": false,
        "cidrBlockAssociationSet":
            [{ "associationId": association, "cidrBlock": range, "cidrBlockState": { "state": "associated" } }],
        "ipv6CidrBlockAssociationSet": [],
        "attributes": {
            "enableDnsSupport": true,
            "enableDnsHostnames": false,
            "enableNetworkAddressUsageMetrics": false,
        },
    })
}

/// A subnet as CreateSubnet makes it.
pub(super) fn subnet(id: &str, vpc: &str, range: &str, zone: &str, free: u64) -> Value {
    let zone_id = ZONES.iter().find(|(name, _)| *name == zone).map(|(_, id)| *id);
    json!({
        "subnetId": id,
        "subnetArn": format!("arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{id}"),
        "state": "available",
        "ownerId": ACCOUNT,
        "vpcId": vpc,
        "cidrBlock": range,
        "ipv6CidrBlockAssociationSet": [],
        "assignIpv6AddressOnCreation": false,
        "ipv6Native": false,
        "availableIpAddressCount": free,
        "availabilityZone": zone,
        "availabilityZoneId": zone_id,
        "defaultForAz": false,
        "mapPublicIpOnLaunch": false,
        "mapCustomerOwnedIpOnLaunch": false,
        "enableDns64": false,
        "privateDnsNameOptionsOnLaunch": {
            "hostnameType": "ip-name",
            "enableResourceNameDnsARecord": false,
            "enableResourceNameDnsAAAARecord": false,
        },
    })
}

/// An internet gateway, with the VPC that it is attached to and the state of that.
pub(super) fn internet_gateway(id: &str, attached: Option<(&str, &str)>) -> Value {
    let attachments: Vec<Value> =
        attached.map(|(vpc, state)| json!({ "vpcId": vpc, "state": state })).into_iter().collect();
    json!({ "internetGatewayId": id, "ownerId": ACCOUNT, "attachmentSet": attachments })
}

/// A route table as CreateRouteTable makes it: what is in the VPC is reached.
pub(super) fn route_table(id: &str, vpc: &str, range: &str) -> Value {
    let local = json!({
        "destinationCidrBlock": range,
        "gatewayId": "local",
        "state": "active",
        "origin": "CreateRouteTable",
    });
    json!({
        "routeTableId": id,
        "vpcId": vpc,
        "ownerId": ACCOUNT,
        "routeSet": [local],
        "associationSet": [],
        "propagatingVgwSet": [],
    })
}

/// A route as CreateRoute makes it, with the member that names where it leads.
pub(super) fn route(destination: &str, member: &str, target: &str) -> Value {
    let kind = if destination.contains(':') { "destinationIpv6CidrBlock" } else { "destinationCidrBlock" };
    json!({ kind: destination, member: target, "state": "active", "origin": "CreateRoute" })
}

/// Of a route table, with a subnet or with all subnets of the VPC that have no other.
pub(super) fn association(id: &str, table: &str, subnet: Option<&str>) -> Value {
    let mut association = json!({
        "routeTableAssociationId": id,
        "routeTableId": table,
        "main": subnet.is_none(),
        "associationState": { "state": "associated" },
    });
    if let Some(subnet) = subnet {
        association["subnetId"] = json!(subnet);
    }
    association
}

/// A network ACL: a default one lets everything through, another one nothing.
pub(super) fn network_acl(id: &str, vpc: &str, is_default: bool) -> Value {
    let mut entries = Vec::new();
    for egress in [true, false] {
        let mut entry = |number: u32, action: &str| {
            entries.push(json!({
                "ruleNumber": number,
                "protocol": "-1",
                "ruleAction": action,
                "egress": egress,
                "cidrBlock": "0.0.0.0/0",
            }));
        };
        if is_default {
            entry(100, "allow");
        }
        entry(32767, "deny");
    }
    json!({
        "networkAclId": id,
        "vpcId": vpc,
        "ownerId": ACCOUNT,
        "default": is_default,
        "entrySet": entries,
        "associationSet": [],
    })
}

fn dhcp_options(id: &str) -> Value {
    json!({
        "dhcpOptionsId": id,
        "ownerId": ACCOUNT,
        "dhcpConfigurationSet": [
            { "key": "domain-name", "valueSet": [{ "value": "ec2.internal" }] },
            { "key": "domain-name-servers", "valueSet": [{ "value": "AmazonProvidedDNS" }] },
        ],
    })
}

fn add(list: &mut Value, item: Value) {
    if let Some(items) = list.as_array_mut() {
        items.push(item);
    }
}
