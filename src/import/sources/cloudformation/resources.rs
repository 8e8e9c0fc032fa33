//! From the resources of all stacks to objects.

use super::assembly::{Image, Named};
use super::objects::{item, key, kind, placed};
use super::scope::Scope;
use super::stack::Stacks;
use super::tree::Node;
use super::value::Evaluated;
use super::{conditions, functions};
use crate::objects::{Finding, Item, Kind, Object, Objects, Origin, Place, Value};

/// The objects of all stacks.
pub(super) fn read(stacks: &Stacks, images: &[Image], names: &[Named]) -> Objects {
    let mut objects = Objects::default();
    for at in 0..stacks.list.len() {
        let scope = Scope::new(stacks, at);
        let resources = scope.stack().root.get("Resources").map_or(&[][..], Node::entries);
        for (id, resource) in functions::expanded(scope, resources) {
            resource_of(scope, &id, &resource, (images, names), &mut objects);
        }
    }
    objects
}

fn resource_of(
    scope: Scope<'_>,
    id: &str,
    resource: &Node,
    (images, names): (&[Image], &[Named]),
    objects: &mut Objects,
) {
    let of = resource.get("Type").and_then(Node::text).unwrap_or_default();
    let stack = scope.stack();
    let place = placed(&Place::of(&stack.file, &key(scope.stacks, scope.at, id)), resource.at);
    if of == "AWS::CloudFormation::Stack" && scope.stacks.child(scope.at, id).is_none() {
        let note = format!("the template of the nested stack `{id}` is not among the files");
        objects.findings.push(Finding { place, note, refused: false });
        return;
    }
    let group = of == "AWS::Route53::RecordSetGroup";
    let Some(kind) = kind(of).or(group.then_some(Kind::Alias)) else { return };
    match resource.get("Condition").and_then(Node::text).map(|name| conditions::named(scope, name)) {
        Some(Ok(false)) => return,
        Some(Err(why)) => {
            let note = format!("whether it exists is not known: {why}");
            objects.findings.push(Finding { place, note, refused: true });
            return;
        }
        _ => {}
    }
    let label = label(stack.name.as_str(), id, resource, names);
    let mut object = Object::new(kind, &key(scope.stacks, scope.at, id), &label, &stack.file);
    object.fields.place = place.clone();
    let empty = Node { at: resource.at, yaml: super::tree::Yaml::Map(Vec::new()) };
    let properties = scope.evaluate(resource.get("Properties").unwrap_or(&empty));
    if kind == Kind::Alias {
        let records = properties.get("RecordSets").map_or(std::slice::from_ref(&properties), Evaluated::list);
        for (index, record) in records.iter().enumerate() {
            let mut object = Object { key: format!("{}/{index}", object.key), ..object.clone() };
            alias(scope, record, &mut object);
            objects.list.push(object);
        }
        return;
    }
    for (field, value) in properties.entries() {
        // The values of secrets stay where they are.
        if kind == Kind::Secret && field != "Name" {
            continue;
        }
        object.fields.put(field, item(scope.stacks, value, &place.key(field)));
    }
    shape(&mut object, of);
    object.name =
        ["Name", "serviceName", "family", "GroupName"].iter().filter_map(|field| object.get(field)).find_map(|item| {
            match &item.value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            }
        });
    if kind == Kind::Service && object.get("serviceName").is_none() {
        let assumed = Origin::Assumed("CloudFormation makes the name up".to_owned());
        let named = Item { origin: assumed, ..Item::text(id, &place) };
        object.fields.put("serviceName", named);
    }
    if kind == Kind::TaskDefinition {
        object.ids.extend(object.name.clone());
        builds(&mut object, images);
        unknown_environment(&object, objects);
    }
    if kind == Kind::LoadBalancer {
        object.ids.push(dns_name(&object.key));
    }
    objects.list.push(object);
}

/// What stands for the DNS name that AWS will make up.
fn dns_name(key: &str) -> String {
    format!("{key}.DNSName")
}

fn alias(scope: Scope<'_>, record: &Evaluated, object: &mut Object) {
    let place = object.place().clone();
    if let Some(name) = record.get("Name").and_then(Evaluated::as_text) {
        object.fields.put("Name", Item::text(name.trim_end_matches('.'), &place.key("Name")));
    }
    let target = record.get("AliasTarget").and_then(|target| target.get("DNSName"));
    let pieces = target.and_then(|target| target.pieces().ok()).unwrap_or_default();
    let token = pieces.iter().find_map(|piece| match piece {
        super::value::Piece::Token(token) if token.attribute == "DNSName" => Some(token),
        _ => None,
    });
    let text = match token {
        Some(token) => Some(dns_name(&key(scope.stacks, token.stack, &token.id))),
        None => target.and_then(Evaluated::as_text).map(str::to_owned),
    };
    if let Some(text) = text {
        object.fields.put("DNSName", Item::text(text, &place.key("AliasTarget")));
    }
}

/// Environment variables whose values only AWS knows are empty here: say so.
fn unknown_environment(object: &Object, objects: &mut Objects) {
    for container in object.get("containerDefinitions").map_or(&[][..], Item::list) {
        for variable in container.get("environment").map_or(&[][..], Item::list) {
            let name = variable.get("name").and_then(Item::as_text).unwrap_or_default();
            let Some(value) = variable.get("value") else { continue };
            if let Origin::Unknown { why, .. } = &value.origin {
                let note = format!("environment variable {name} is empty here: {why}; set it under `environment`");
                objects.findings.push(Finding { place: value.place.clone(), note, refused: false });
            }
        }
    }
}

/// Fields as AWS's API has them.
fn shape(object: &mut Object, of: &str) {
    let place = object.place().clone();
    let Value::Map(fields) = &mut object.fields.value else { return };
    match object.kind {
        Kind::Service | Kind::TaskDefinition => {
            let named = std::mem::take(fields);
            *fields = named.into_iter().map(|(key, item)| (lowered(&key), lower(item, &key))).collect();
        }
        Kind::SecurityGroup => {
            for (key, item) in fields.iter_mut().filter(|(key, _)| key == "SecurityGroupIngress") {
                *key = "IpPermissions".to_owned();
                let rules = item.list().iter().map(permission).collect();
                *item = Item::known(Value::List(rules), item.place.clone());
            }
            fields.retain(|(key, _)| key != "SecurityGroupEgress");
        }
        Kind::SecurityGroupIngress => {
            let rule = permission(&Item::known(Value::Map(fields.clone()), place.clone()));
            fields.retain(|(key, _)| key == "GroupId");
            fields.push(("IpPermissions".to_owned(), Item::known(Value::List(vec![rule]), place)));
        }
        _ if of.starts_with("AWS::ElasticLoadBalancingV2::") => {
            for (key, _) in fields.iter_mut().filter(|(key, _)| {
                matches!(key.as_str(), "LoadBalancerAttributes" | "TargetGroupAttributes" | "ListenerAttributes")
            }) {
                *key = "Attributes".to_owned();
            }
        }
        _ => {}
    }
}

/// A rule of a group as DescribeSecurityGroups has it.
fn permission(rule: &Item) -> Item {
    let mut out = Item::map(&rule.place);
    for field in ["IpProtocol", "FromPort", "ToPort"] {
        if let Some(item) = rule.get(field) {
            out.put(field, item.clone());
        }
    }
    for (field, list, inner) in [
        ("CidrIp", "IpRanges", "CidrIp"),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
    ] {
        if let Some(item) = rule.get(field) {
            let mut one = Item::map(&item.place);
            one.put(inner, item.clone());
            out.put(list, Item::known(Value::List(vec![one]), item.place.clone()));
        }
    }
    out
}

/// Keys of maps that are the user's, not the schema's.
const FREE: &[&str] = &["DockerLabels", "Options", "DriverOpts", "Labels"];

/// A key of ECS's API for a key of CloudFormation's schema.
fn lowered(key: &str) -> String {
    match key {
        "EFSVolumeConfiguration" => "efsVolumeConfiguration".to_owned(),
        "FSxWindowsFileServerVolumeConfiguration" => "fsxWindowsFileServerVolumeConfiguration".to_owned(),
        "FilesystemId" => "fileSystemId".to_owned(),
        "IAM" => "iam".to_owned(),
        _ => {
            let mut letters = key.chars();
            letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
        }
    }
}

fn lower(item: Item, under: &str) -> Item {
    let value = match item.value {
        Value::Map(entries) if FREE.contains(&under) => {
            Value::Map(entries.into_iter().map(|(key, item)| (key, as_text(item))).collect())
        }
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, item)| {
                    let item = lower(item, &key);
                    // A variable's value is text, however it is written.
                    let item = if matches!(under, "Environment") && key == "Value" { as_text(item) } else { item };
                    (lowered(&key), item)
                })
                .collect(),
        ),
        Value::List(items) => Value::List(items.into_iter().map(|item| lower(item, under)).collect()),
        other => other,
    };
    Item { value, ..item }
}

fn as_text(item: Item) -> Item {
    match item.as_text() {
        Some(text) => Item { value: Value::Text(text), ..item },
        None => item,
    }
}

/// Containers whose image is a Docker asset: `builds` has what it is built from, by container.
fn builds(object: &mut Object, images: &[Image]) {
    let place = object.place().clone();
    let mut all = Item::map(&place);
    for container in object.get("containerDefinitions").map_or(&[][..], Item::list) {
        let text = |field: &str| container.get(field).and_then(Item::as_text);
        let (Some(name), Some(image)) = (text("name"), text("image")) else { continue };
        let image_place = container.get("image").map_or(&place, |image| &image.place);
        if let Some(asset) = images.iter().find(|asset| image.ends_with(&asset.tag)) {
            all.put(&name, Item::from_json(asset.build.clone(), image_place));
        }
    }
    if !all.entries().is_empty() {
        object.fields.put("builds", all);
    }
}

/// A short name: of the construct if CDK tells its path, otherwise the logical id.
fn label(stack: &str, id: &str, resource: &Node, names: &[Named]) -> String {
    let metadata = resource.get("Metadata").and_then(|metadata| metadata.get("aws:cdk:path")).and_then(Node::text);
    let named = names.iter().find(|named| named.stack == stack && named.id == id).map(|named| named.path.as_str());
    let Some(path) = metadata.or(named) else { return without_hash(id).to_owned() };
    let parts: Vec<&str> =
        path.split('/').skip(1).filter(|part| !matches!(*part, "Resource" | "Default" | "Service")).collect();
    let strip = |part: &str| -> String {
        if part.ends_with("SecurityGroup") {
            return part.to_owned();
        }
        let stem = part.strip_suffix("TargetGroup").or_else(|| part.strip_suffix("Group")).unwrap_or(part);
        if stem.is_empty() { part.to_owned() } else { stem.to_owned() }
    };
    match &parts[..] {
        [] => id.to_owned(),
        [only] => strip(only),
        [first, .., last] => format!("{first}-{}", strip(last)),
    }
}

/// CDK ends logical ids with eight hexadecimal digits.
fn without_hash(id: &str) -> &str {
    let hash = |tail: &str| {
        tail.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
            && tail.bytes().any(|byte| byte.is_ascii_digit())
    };
    match id.len().checked_sub(8).and_then(|at| id.split_at_checked(at)) {
        Some((stem, tail)) if !stem.is_empty() && hash(tail) => stem,
        _ => id,
    }
}
