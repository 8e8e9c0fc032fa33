//! The kinds of resources of EC2: what each is called in ids, tags, replies and errors.

use crate::protocols::fault::Fault;

/// A kind of resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Of its records.
    pub(super) record: &'static str,
    /// What precedes the dash in its ids.
    pub(super) prefix: &'static str,
    /// `ResourceType` in tags, and what an ARN says.
    pub(super) resource_type: &'static str,
    /// The member that has its id.
    pub(super) id: &'static str,
    /// The list of them in a reply.
    pub(super) set: &'static str,
    /// The code of the error for an id that does not exist.
    not_found: &'static str,
    /// What an error calls an id. Others have a sentence of their own.
    word: &'static str,
    /// Filters of its Describe action, each with the path to what it compares. (EC2 API reference, `Filter.N`.)
    pub(super) filters: &'static [(&'static str, &'static str)],
}

macro_rules! kind {
    ($name:ident, $record:literal, $prefix:literal, $type:literal, $id:literal, $set:literal, $not_found:literal, $word:literal, $filters:expr) => {
        pub(super) static $name: Kind = Kind {
            record: $record,
            prefix: $prefix,
            resource_type: $type,
            id: $id,
            set: $set,
            not_found: $not_found,
            word: $word,
            filters: $filters,
        };
    };
}

kind!(
    VPC,
    "ec2/vpc",
    "vpc",
    "vpc",
    "vpcId",
    "vpcSet",
    "InvalidVpcID.NotFound",
    "vpc",
    &[
        ("cidr", "cidrBlock"),
        ("cidr-block-association.cidr-block", "cidrBlockAssociationSet.*.cidrBlock"),
        ("dhcp-options-id", "dhcpOptionsId"),
        ("is-default", "isDefault"),
        ("isDefault", "isDefault"),
        ("owner-id", "ownerId"),
        ("state", "state"),
        ("vpc-id", "vpcId"),
    ]
);
kind!(
    SUBNET,
    "ec2/subnet",
    "subnet",
    "subnet",
    "subnetId",
    "subnetSet",
    "InvalidSubnetID.NotFound",
    "subnet",
    &[
        ("availability-zone", "availabilityZone"),
        ("availabilityZone", "availabilityZone"),
        ("availability-zone-id", "availabilityZoneId"),
        ("cidr", "cidrBlock"),
        ("cidr-block", "cidrBlock"),
        ("cidrBlock", "cidrBlock"),
        ("default-for-az", "defaultForAz"),
        ("defaultForAz", "defaultForAz"),
        ("map-public-ip-on-launch", "mapPublicIpOnLaunch"),
        ("owner-id", "ownerId"),
        ("state", "state"),
        ("subnet-arn", "subnetArn"),
        ("subnet-id", "subnetId"),
        ("vpc-id", "vpcId"),
    ]
);
kind!(
    INTERNET_GATEWAY,
    "ec2/internet-gateway",
    "igw",
    "internet-gateway",
    "internetGatewayId",
    "internetGatewaySet",
    "InvalidInternetGatewayID.NotFound",
    "internetGateway",
    &[
        ("attachment.state", "attachmentSet.*.state"),
        ("attachment.vpc-id", "attachmentSet.*.vpcId"),
        ("internet-gateway-id", "internetGatewayId"),
        ("owner-id", "ownerId"),
    ]
);
kind!(
    ROUTE_TABLE,
    "ec2/route-table",
    "rtb",
    "route-table",
    "routeTableId",
    "routeTableSet",
    "InvalidRouteTableID.NotFound",
    "routeTable",
    &[
        ("association.gateway-id", "associationSet.*.gatewayId"),
        ("association.main", "associationSet.*.main"),
        ("association.route-table-association-id", "associationSet.*.routeTableAssociationId"),
        ("association.route-table-id", "associationSet.*.routeTableId"),
        ("association.subnet-id", "associationSet.*.subnetId"),
        ("owner-id", "ownerId"),
        ("route.destination-cidr-block", "routeSet.*.destinationCidrBlock"),
        ("route.gateway-id", "routeSet.*.gatewayId"),
        ("route.nat-gateway-id", "routeSet.*.natGatewayId"),
        ("route.origin", "routeSet.*.origin"),
        ("route.state", "routeSet.*.state"),
        ("route-table-id", "routeTableId"),
        ("vpc-id", "vpcId"),
    ]
);
kind!(
    ADDRESS,
    "ec2/address",
    "eipalloc",
    "elastic-ip",
    "allocationId",
    "addressesSet",
    "InvalidAllocationID.NotFound",
    "allocation",
    &[
        ("allocation-id", "allocationId"),
        ("association-id", "associationId"),
        ("domain", "domain"),
        ("network-interface-id", "networkInterfaceId"),
        ("public-ip", "publicIp"),
    ]
);
kind!(
    NAT_GATEWAY,
    "ec2/nat-gateway",
    "nat",
    "natgateway",
    "natGatewayId",
    "natGatewaySet",
    "NatGatewayNotFound",
    "",
    &[("nat-gateway-id", "natGatewayId"), ("state", "state"), ("subnet-id", "subnetId"), ("vpc-id", "vpcId"),]
);
kind!(
    NETWORK_ACL,
    "ec2/network-acl",
    "acl",
    "network-acl",
    "networkAclId",
    "networkAclSet",
    "InvalidNetworkAclID.NotFound",
    "networkAcl",
    &[
        ("association.association-id", "associationSet.*.networkAclAssociationId"),
        ("association.network-acl-id", "associationSet.*.networkAclId"),
        ("association.subnet-id", "associationSet.*.subnetId"),
        ("default", "default"),
        ("network-acl-id", "networkAclId"),
        ("owner-id", "ownerId"),
        ("vpc-id", "vpcId"),
    ]
);
kind!(
    DHCP_OPTIONS,
    "ec2/dhcp-options",
    "dopt",
    "dhcp-options",
    "dhcpOptionsId",
    "dhcpOptionsSet",
    "InvalidDhcpOptionsID.NotFound",
    "dhcpOptions",
    &[("dhcp-options-id", "dhcpOptionsId"), ("key", "dhcpConfigurationSet.*.key"), ("owner-id", "ownerId")]
);
kind!(
    SECURITY_GROUP,
    "ec2/security-group",
    "sg",
    "security-group",
    "groupId",
    "securityGroupInfo",
    "InvalidGroup.NotFound",
    "",
    &[
        ("description", "groupDescription"),
        ("egress.ip-permission.cidr", "ipPermissionsEgress.*.ipRanges.*.cidrIp"),
        ("egress.ip-permission.protocol", "ipPermissionsEgress.*.ipProtocol"),
        ("group-id", "groupId"),
        ("group-name", "groupName"),
        ("ip-permission.cidr", "ipPermissions.*.ipRanges.*.cidrIp"),
        ("ip-permission.from-port", "ipPermissions.*.fromPort"),
        ("ip-permission.group-id", "ipPermissions.*.groups.*.groupId"),
        ("ip-permission.protocol", "ipPermissions.*.ipProtocol"),
        ("ip-permission.to-port", "ipPermissions.*.toPort"),
        ("owner-id", "ownerId"),
        ("vpc-id", "vpcId"),
    ]
);
kind!(
    SECURITY_GROUP_RULE,
    "ec2/security-group-rule",
    "sgr",
    "security-group-rule",
    "securityGroupRuleId",
    "securityGroupRuleSet",
    "InvalidSecurityGroupRuleId.NotFound",
    "",
    &[("group-id", "groupId"), ("security-group-rule-id", "securityGroupRuleId")]
);
kind!(
    NETWORK_INTERFACE,
    "ec2/network-interface",
    "eni",
    "network-interface",
    "networkInterfaceId",
    "networkInterfaceSet",
    "InvalidNetworkInterfaceID.NotFound",
    "networkInterface",
    &[
        ("addresses.private-ip-address", "privateIpAddressesSet.*.privateIpAddress"),
        ("attachment.instance-owner-id", "attachment.instanceOwnerId"),
        ("attachment.status", "attachment.status"),
        ("availability-zone", "availabilityZone"),
        ("description", "description"),
        ("group-id", "groupSet.*.groupId"),
        ("interface-type", "interfaceType"),
        ("network-interface-id", "networkInterfaceId"),
        ("owner-id", "ownerId"),
        ("private-ip-address", "privateIpAddress"),
        ("requester-id", "requesterId"),
        ("status", "status"),
        ("subnet-id", "subnetId"),
        ("vpc-id", "vpcId"),
    ]
);

/// Those that have tags.
static TAGGED: &[&Kind] = &[
    &VPC,
    &SUBNET,
    &INTERNET_GATEWAY,
    &ROUTE_TABLE,
    &ADDRESS,
    &NAT_GATEWAY,
    &NETWORK_ACL,
    &DHCP_OPTIONS,
    &SECURITY_GROUP,
    &SECURITY_GROUP_RULE,
];

impl Kind {
    /// The kind of an id.
    pub(super) fn of(id: &str) -> Option<&'static Self> {
        let (prefix, _) = id.split_once('-')?;
        TAGGED.iter().find(|kind| kind.prefix == prefix).copied()
    }

    /// Every kind that has tags.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        TAGGED.iter().copied()
    }

    /// There is none with this id.
    pub(super) fn not_found(&self, id: &str) -> Fault {
        let message = match self.prefix {
            "nat" => format!("The Nat Gateway {id} was not found"),
            "sg" => format!("The security group '{id}' does not exist"),
            "sgr" => format!("The security group rule ID '{id}' does not exist"),
            _ => format!("The {} ID '{id}' does not exist", self.word),
        };
        Fault::new(self.not_found, message)
    }
}
