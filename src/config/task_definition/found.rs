//! From a place in a definition to its position in the file.

use neargate_ecs::task_definition::place::{Place, Step};

use crate::text::source::Span;
use crate::text::tree::{Node, Value};

/// What stands at a place.
pub(super) struct Found<'n> {
    /// The node, unless it is missing.
    pub(super) node: Option<&'n Node>,
    /// What it is in, or would be in.
    pub(super) record: &'n Node,
    /// Its key, if it has one.
    key: Option<Span>,
    /// The field that is missing.
    pub(super) missing: Option<&'static str>,
}

impl<'n> Found<'n> {
    /// Follows a place as far as the file goes.
    pub(super) fn new(root: &'n Node, place: &Place) -> Self {
        let mut found = Self { node: Some(root), record: root, key: None, missing: None };
        for step in place.steps() {
            let Some(node) = found.node else { break };
            found.record = node;
            found.key = None;
            let name = match step {
                Step::Index(index) => {
                    found.node = element(node, *index);
                    continue;
                }
                Step::Field(name) => name,
                Step::Key(key) => key.as_str(),
            };
            let entries = match &node.value {
                Value::Map(entries) => entries.as_slice(),
                _ => &[],
            };
            // Empty texts and nulls count as absent, as for the tools that register definitions.
            let absent = |node: &Node| node.is_null() || node.text() == Some("");
            let entry = entries.iter().find(|entry| entry.key == name && !absent(&entry.value));
            found.node = entry.map(|entry| &entry.value);
            found.key = entry.map(|entry| entry.key_span);
            if let (None, Step::Field(name)) = (entry, step) {
                found.missing = Some(name);
            }
        }
        found
    }

    /// Where to point: at a value, at the key of something with fields, at the first of a list. For what is missing, at
    /// what it is missing in.
    pub(super) fn span(&self) -> Span {
        let head = |node: &Node| if matches!(node.value, Value::Map(_)) { node.head } else { node.span };
        match self.node.map(|node| (node, &node.value)) {
            Some((_, Value::List(items))) if !items.is_empty() => head(&items[0]),
            Some((node, _)) => head(node),
            None => self.record.head,
        }
    }

    /// Where to point when it is the value that is wrong, whatever is in it.
    pub(super) fn value_span(&self) -> Span {
        match self.node.map(|node| (node, &node.value)) {
            Some((_, Value::List(items))) if !items.is_empty() => items[0].span,
            Some((node, _)) => node.span,
            None => self.record.head,
        }
    }

    /// Where its key is.
    pub(super) fn key_span(&self) -> Span {
        self.key.unwrap_or_else(|| self.span())
    }

    /// Its text, if it has one.
    pub(super) fn text(&self) -> Option<&'n str> {
        self.node.and_then(Node::text)
    }
}

/// Elements of a kind that could not be read are not counted: they are no part of the definition.
fn element(list: &Node, index: usize) -> Option<&Node> {
    let Value::List(items) = &list.value else { return None };
    let is_map = |item: &&Node| matches!(item.value, Value::Map(_));
    match items.iter().any(|item| is_map(&item)) {
        true => items.iter().filter(is_map).nth(index),
        false => items.get(index),
    }
}
