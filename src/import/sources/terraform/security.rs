//! Security groups and their rules, of which Terraform has three spellings.

use super::resource::Resource;
use super::shape::{Shape, list};
use crate::objects::{Item, Kind, Object, Value};

pub(super) fn group(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::SecurityGroup, resource);
    shape.name("GroupName");
    shape.rename(&[("vpc_id", "VpcId"), ("tags", "Tags")]);
    shape.take("egress");
    if let Some(written) = shape.take("ingress") {
        match &written.value {
            Value::List(blocks) => {
                let id = resource.values.get("id").cloned();
                let permissions =
                    blocks.iter().map(|block| permission(block, id.as_ref(), &resource.address)).collect();
                shape.put("IpPermissions", list(permissions, &written.place));
            }
            // All blocks are one unknown: which groups they let in is not in the plan.
            _ => shape.put("IpPermissions", written),
        }
    }
    shape.done()
}

/// `aws_security_group_rule`; `None` for egress.
pub(super) fn rule(resource: &Resource) -> Option<Object> {
    if resource.values.get("type").and_then(Item::as_text).as_deref() != Some("ingress") {
        return None;
    }
    let mut shape = Shape::new(Kind::SecurityGroupIngress, resource);
    shape.rename(&[("security_group_id", "GroupId")]);
    let own = resource.values.get("security_group_id").cloned();
    let mut permission = permission(&resource.values, own.as_ref(), &resource.address);
    if let Some(source) = resource.values.get("source_security_group_id") {
        permission.put("UserIdGroupPairs", list(vec![pair(source)], &source.place));
    }
    shape.put("IpPermissions", list(vec![permission], &resource.values.place));
    shape.object.ids.clear();
    Some(shape.object)
}

/// `aws_vpc_security_group_ingress_rule`
pub(super) fn ingress_rule(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::SecurityGroupIngress, resource);
    shape.rename(&[("security_group_id", "GroupId")]);
    let values = &resource.values;
    let mut permission = ports(values, "ip_protocol");
    if let Some(source) = values.get("referenced_security_group_id") {
        permission.put("UserIdGroupPairs", list(vec![pair(source)], &source.place));
    }
    for (argument, field, inner) in [
        ("cidr_ipv4", "IpRanges", "CidrIp"),
        ("cidr_ipv6", "Ipv6Ranges", "CidrIpv6"),
        ("prefix_list_id", "PrefixListIds", "PrefixListId"),
    ] {
        if let Some(item) = values.get(argument) {
            permission.put(field, list(vec![wrapped(inner, item)], &item.place));
        }
    }
    shape.put("IpPermissions", list(vec![permission], &values.place));
    shape.object.ids.clear();
    shape.object
}

/// The ports and sources of an inline block, or of `aws_security_group_rule`, which have the same arguments.
fn permission(block: &Item, own: Option<&Item>, address: &str) -> Item {
    let mut permission = ports(block, "protocol");
    for (argument, field, inner) in [
        ("cidr_blocks", "IpRanges", "CidrIp"),
        ("ipv6_cidr_blocks", "Ipv6Ranges", "CidrIpv6"),
        ("prefix_list_ids", "PrefixListIds", "PrefixListId"),
    ] {
        if let Some(items) = block.get(argument) {
            permission.put(field, list(items.list().iter().map(|item| wrapped(inner, item)).collect(), &items.place));
        }
    }
    let mut pairs: Vec<Item> = block.get("security_groups").into_iter().flat_map(Item::list).map(pair).collect();
    if block.get("self").and_then(Item::as_bool) == Some(true) {
        // A group that does not exist yet has no id: its address stands for it.
        let named = own.filter(|own| own.as_text().is_some()).cloned();
        pairs.push(pair(&named.unwrap_or_else(|| Item::text(address, &block.place))));
    }
    if let Some(unknown) = block.get("security_groups").filter(|item| matches!(item.value, Value::Null)) {
        pairs.push(pair(unknown));
    }
    if !pairs.is_empty() {
        permission.put("UserIdGroupPairs", list(pairs, &block.place));
    }
    permission
}

fn ports(block: &Item, protocol: &str) -> Item {
    let fields = [(protocol, "IpProtocol"), ("from_port", "FromPort"), ("to_port", "ToPort")];
    super::shape::renamed(block, &fields)
}

fn pair(group: &Item) -> Item {
    wrapped("GroupId", group)
}

fn wrapped(field: &str, item: &Item) -> Item {
    let mut out = Item::map(&item.place);
    out.put(field, item.clone());
    out
}
