//! From Terraform's arguments to AWS's fields: a table for each type.

use super::resource::Resource;
use crate::objects::{Item, Kind, Object, Place, Value, made_up};

/// An object that is being made from a resource.
pub(super) struct Shape<'r> {
    pub(super) resource: &'r Resource,
    pub(super) object: Object,
    used: Vec<&'static str>,
}

/// Arguments that say nothing about the object in AWS, or are computed from others.
const SILENT: &[&str] = &[
    "id",
    "arn",
    "arn_suffix",
    "arn_without_revision",
    "region",
    "name_prefix",
    "tags_all",
    "timeouts",
    "owner_id",
    "zone_id",
    "revision",
    "load_balancer_arns",
    "triggers",
    "skip_destroy",
    "track_latest",
    "revoke_rules_on_delete",
    "security_group_rule_id",
    "force_new_deployment",
    "force_delete",
    "wait_for_steady_state",
    "description",
    "source_security_group_id",
];

impl<'r> Shape<'r> {
    pub(super) fn new(kind: Kind, resource: &'r Resource) -> Self {
        let file = resource.values.place.file.to_string();
        let mut object = Object::new(kind, &resource.address, &resource.label(), &file);
        let ids = ["arn", "id"].iter().filter_map(|key| resource.values.get(key)?.as_text());
        object.ids = ids.collect();
        object.ids.dedup();
        Self { resource, object, used: Vec::new() }
    }

    /// An argument, which is thereby dealt with.
    pub(super) fn take(&mut self, argument: &'static str) -> Option<Item> {
        self.used.push(argument);
        self.resource.values.get(argument).cloned()
    }

    /// The block of an argument that has at most one.
    pub(super) fn block(&mut self, argument: &'static str) -> Option<Item> {
        self.take(argument).and_then(|item| block(&item))
    }

    pub(super) fn put(&mut self, field: &str, item: Item) {
        self.object.fields.put(field, item);
    }

    /// Arguments that only have another name in AWS's API.
    pub(super) fn rename(&mut self, table: &[(&'static str, &str)]) {
        for (argument, field) in table {
            if let Some(item) = self.take(argument) {
                self.put(field, item);
            }
        }
    }

    /// Arguments that are attributes with a key in AWS's API.
    pub(super) fn attributes(&mut self, table: &[(&'static str, &str)]) {
        let mut attributes = self.object.fields.get("Attributes").cloned();
        for (argument, key) in table {
            if let Some(item) = self.take(argument) {
                attributes.get_or_insert_with(|| Item::map(&item.place)).put(key, item);
            }
        }
        if let Some(attributes) = attributes {
            self.put("Attributes", attributes);
        }
    }

    /// Attributes from a block of the resource.
    pub(super) fn attributes_of(&mut self, block: &Item, table: &[(&str, &str)]) {
        let mut attributes = self.object.fields.get("Attributes").cloned().unwrap_or_else(|| Item::map(&block.place));
        for (argument, key) in table {
            if let Some(item) = block.get(argument) {
                attributes.put(key, item.clone());
            }
        }
        self.put("Attributes", attributes);
    }

    /// The name, if a person chose it. The provider makes names from a prefix and the time.
    pub(super) fn name(&mut self, field: &str) {
        let prefixed = self.resource.values.get("name_prefix").is_some();
        if let Some(item) = self.take("name") {
            let name = item.as_text();
            self.object.name = name.filter(|name| !prefixed && made_up(name).is_none());
            self.put(field, item);
        }
    }

    /// The object. Arguments without a meaning for neargate are remembered by their place only.
    pub(super) fn done(mut self) -> Object {
        for (argument, item) in self.resource.values.entries() {
            let is_set = item.is_given() && item.as_bool() != Some(false);
            if is_set && !self.used.contains(&argument.as_str()) && !SILENT.contains(&argument.as_str()) {
                self.object.others.push(item.place.clone());
            }
        }
        self.object
    }
}

/// The only element of a list, or the item itself.
pub(super) fn block(item: &Item) -> Option<Item> {
    match &item.value {
        Value::List(items) => items.first().cloned(),
        Value::Map(_) => Some(item.clone()),
        _ => None,
    }
}

/// A block of a block.
pub(super) fn inner(item: &Item, argument: &str) -> Option<Item> {
    item.get(argument).and_then(block)
}

/// A map with some arguments of a block under AWS's names.
pub(super) fn renamed(block: &Item, table: &[(&str, &str)]) -> Item {
    let mut out = Item::map(&block.place);
    for (argument, field) in table {
        if let Some(item) = block.get(argument) {
            out.put(field, item.clone());
        }
    }
    out
}

/// A list with a place.
pub(super) fn list(items: Vec<Item>, place: &Place) -> Item {
    Item::known(Value::List(items), place.clone())
}
