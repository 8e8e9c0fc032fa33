//! Amazon EC2's network: VPCs, subnets, gateways, routes, addresses, security groups (Amazon EC2 API reference).
//!
//! Security groups are the topology's, and take effect. Everything else is remembered: it comes back as it was made, and
//! nothing here reads it. Records are as replies have them, so that a member that an action sets is a member that is
//! described; a resource that every account has from the start ([`defaults`]) becomes a record when it is changed.

mod acls;
mod answers;
mod defaults;
mod describe;
mod finding;
mod gateways;
mod groups;
mod interfaces;
mod kinds;
mod route_tables;
mod specification;
mod tags;
mod vpcs;
mod zones;

use crate::aws::action::{Action, State};
use crate::model::arn;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "AllocateAddress", decide: gateways::allocate_address },
    Action { name: "AssociateRouteTable", decide: route_tables::associate },
    Action { name: "AttachInternetGateway", decide: gateways::attach_internet_gateway },
    Action { name: "AuthorizeSecurityGroupEgress", decide: groups::authorize_egress },
    Action { name: "AuthorizeSecurityGroupIngress", decide: groups::authorize_ingress },
    Action { name: "CreateInternetGateway", decide: gateways::create_internet_gateway },
    Action { name: "CreateNatGateway", decide: gateways::create_nat_gateway },
    Action { name: "CreateNetworkAcl", decide: acls::create },
    Action { name: "CreateNetworkAclEntry", decide: acls::create_entry },
    Action { name: "CreateRoute", decide: route_tables::create_route },
    Action { name: "CreateRouteTable", decide: route_tables::create },
    Action { name: "CreateSecurityGroup", decide: groups::create },
    Action { name: "CreateSubnet", decide: vpcs::create_subnet },
    Action { name: "CreateTags", decide: tags::create },
    Action { name: "CreateVpc", decide: vpcs::create },
    Action { name: "DeleteInternetGateway", decide: gateways::delete_internet_gateway },
    Action { name: "DeleteNatGateway", decide: gateways::delete_nat_gateway },
    Action { name: "DeleteNetworkAcl", decide: acls::delete },
    Action { name: "DeleteNetworkAclEntry", decide: acls::delete_entry },
    Action { name: "DeleteRoute", decide: route_tables::delete_route },
    Action { name: "DeleteRouteTable", decide: route_tables::delete },
    Action { name: "DeleteSecurityGroup", decide: groups::delete },
    Action { name: "DeleteSubnet", decide: vpcs::delete_subnet },
    Action { name: "DeleteTags", decide: tags::delete },
    Action { name: "DeleteVpc", decide: vpcs::delete },
    Action { name: "DescribeAccountAttributes", decide: zones::describe_account_attributes },
    Action { name: "DescribeAddresses", decide: gateways::describe_addresses },
    Action { name: "DescribeAddressesAttribute", decide: gateways::describe_addresses_attribute },
    Action { name: "DescribeAvailabilityZones", decide: zones::describe_availability_zones },
    Action { name: "DescribeDhcpOptions", decide: vpcs::describe_dhcp_options },
    Action { name: "DescribeInternetGateways", decide: gateways::describe_internet_gateways },
    Action { name: "DescribeNatGateways", decide: gateways::describe_nat_gateways },
    Action { name: "DescribeNetworkAcls", decide: acls::describe },
    Action { name: "DescribeNetworkInterfaces", decide: interfaces::describe },
    Action { name: "DescribeRegions", decide: zones::describe_regions },
    Action { name: "DescribeRouteTables", decide: route_tables::describe },
    Action { name: "DescribeSecurityGroupRules", decide: groups::describe_rules },
    Action { name: "DescribeSecurityGroups", decide: groups::describe_groups },
    Action { name: "DescribeSubnets", decide: vpcs::describe_subnets },
    Action { name: "DescribeTags", decide: tags::describe },
    Action { name: "DescribeVpcAttribute", decide: vpcs::describe_attribute },
    Action { name: "DescribeVpcs", decide: vpcs::describe_vpcs },
    Action { name: "DetachInternetGateway", decide: gateways::detach_internet_gateway },
    Action { name: "DisassociateAddress", decide: gateways::disassociate_address },
    Action { name: "DisassociateRouteTable", decide: route_tables::disassociate },
    Action { name: "ModifySecurityGroupRules", decide: groups::modify_rules },
    Action { name: "ModifySubnetAttribute", decide: vpcs::modify_subnet_attribute },
    Action { name: "ModifyVpcAttribute", decide: vpcs::modify_attribute },
    Action { name: "ReleaseAddress", decide: gateways::release_address },
    Action { name: "ReplaceNetworkAclAssociation", decide: acls::replace_association },
    Action { name: "ReplaceNetworkAclEntry", decide: acls::replace_entry },
    Action { name: "ReplaceRoute", decide: route_tables::replace_route },
    Action { name: "ReplaceRouteTableAssociation", decide: route_tables::replace_association },
    Action { name: "RevokeSecurityGroupEgress", decide: groups::revoke_egress },
    Action { name: "RevokeSecurityGroupIngress", decide: groups::revoke_ingress },
    Action { name: "UpdateSecurityGroupRuleDescriptionsEgress", decide: groups::update_egress_descriptions },
    Action { name: "UpdateSecurityGroupRuleDescriptionsIngress", decide: groups::update_ingress_descriptions },
];

/// Whether a subnet is there, or an account without subnets of its own leaves it to the client what they are called.
pub(super) fn may_be_a_subnet(state: &State, id: &str) -> bool {
    let has_own = state.records().of(kinds::SUBNET.record).next().is_some();
    let is_the_stacks = || state.snapshot.world.nodes.zones().any(|zone| arn::subnet_id(zone) == id);
    !has_own || kinds::SUBNET.find(state, id).is_ok() || is_the_stacks()
}
