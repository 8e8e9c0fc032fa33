//! Resources of EC2 (Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2").

use super::super::asked::Asked;
use super::super::call::Call;
use super::super::input;
use super::arns::arn;

/// Members that name a resource, the type of the resource, and how its ids begin.
const MEMBERS: [(&str, &str, &str); 9] = [
    ("VpcId", "vpc", "vpc"),
    ("SubnetId", "subnet", "subnet"),
    ("GroupId", "security-group", "sg"),
    ("InternetGatewayId", "internet-gateway", "igw"),
    ("NatGatewayId", "natgateway", "nat"),
    ("RouteTableId", "route-table", "rtb"),
    ("AllocationId", "elastic-ip", "eipalloc"),
    ("NetworkAclId", "network-acl", "acl"),
    ("SecurityGroupRuleId", "security-group-rule", "sgr"),
];

/// What is created, by the action that does.
const CREATED: [(&str, &str); 8] = [
    ("CreateVpc", "vpc"),
    ("CreateSubnet", "subnet"),
    ("CreateSecurityGroup", "security-group"),
    ("CreateInternetGateway", "internet-gateway"),
    ("CreateNatGateway", "natgateway"),
    ("CreateRouteTable", "route-table"),
    ("CreateNetworkAcl", "network-acl"),
    ("AllocateAddress", "elastic-ip"),
];

/// A permission is needed for each resource: what is created, and what that is created in.
pub(super) fn of(call: &Call<'_>, action: &str) -> Vec<Asked> {
    let given = call.input;
    let on = |kind: &str, id: &str| Asked::on(action, arn("ec2", &format!("{kind}/{id}")));
    // What is described has no resource.
    if call.action.starts_with("Describe") || call.action.starts_with("Get") {
        return Vec::new();
    }
    if matches!(call.action, "CreateTags" | "DeleteTags") {
        let ids = input::texts(given, "ResourceId");
        return ids.iter().filter_map(|id| Some(on(kind(id)?, id))).collect();
    }
    let created = CREATED.iter().filter(|(name, _)| *name == call.action).map(|(_, kind)| on(kind, "*"));
    // A route is part of its table, whatever it leads to.
    let is_route = call.action.ends_with("Route");
    let named = MEMBERS.iter().filter(|(member, ..)| !is_route || *member == "RouteTableId");
    let named = named.filter_map(|(member, kind, _)| Some(on(kind, input::text(given, member)?)));
    created.chain(named).collect()
}

/// The type of a resource, by its id.
fn kind(id: &str) -> Option<&'static str> {
    let (prefix, _) = id.split_once('-')?;
    MEMBERS.iter().find(|(.., known)| *known == prefix).map(|(_, kind, _)| *kind)
}
