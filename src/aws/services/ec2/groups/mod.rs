//! Security groups (EC2 API reference). They are the topology's, so that what a client lets in is let in: a group here is one
//! of the topology with what else EC2 says of it (its VPC, its description, its tags), and with rules that the topology
//! has no place for (what may leave, ICMP, prefix lists).

mod describe;
mod group;
mod permissions;
mod rule;

pub(super) use self::describe::{groups as describe_groups, rules as describe_rules};
pub(super) use self::group::{DEFAULT, all, create, default_of, delete, deleted, record, rule_record};
pub(super) use self::permissions::{
    authorize_egress, authorize_ingress, modify_rules, revoke_egress, revoke_ingress, update_egress_descriptions,
    update_ingress_descriptions,
};
