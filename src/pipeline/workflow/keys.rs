//! Reads nodes of the file, and collects mistakes.

use neargate_config::Span;
use neargate_config::text::tree::{Entry, Node, Value};

use super::model::{Pairs, Template};

/// A mistake in a file.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// What is wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    pub(crate) found: Vec<Mistake>,
}

impl Mistakes {
    pub(crate) fn add(&mut self, span: Span, message: impl Into<String>) {
        self.found.push(Mistake { span, message: message.into() });
    }

    /// The entries of a mapping with only these keys.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node, known: &[&str]) -> &'n [Entry] {
        let entries = self.map(node);
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                self.add(entry.key_span, format!("Unexpected value '{}'", entry.key));
            }
        }
        entries
    }

    /// The entries of a mapping.
    pub(crate) fn map<'n>(&mut self, node: &'n Node) -> &'n [Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            _ if node.is_null() => &[],
            _ => {
                self.add(node.span, "A mapping was expected");
                &[]
            }
        }
    }

    /// The items of a list.
    pub(crate) fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            _ => {
                self.add(node.span, "A sequence was expected");
                &[]
            }
        }
    }

    /// A text, a number or a boolean.
    pub(crate) fn template(&mut self, node: &Node) -> Option<Template> {
        if node.is_null() {
            return None;
        }
        match &node.value {
            Value::Scalar(scalar) => Some(Template { text: scalar.text.clone(), span: node.span }),
            _ => {
                self.add(node.span, "A scalar value was expected");
                None
            }
        }
    }

    /// Named texts. One without a value is empty.
    pub(crate) fn pairs(&mut self, node: &Node) -> Pairs {
        if let Value::Scalar(scalar) = &node.value
            && scalar.text.starts_with("${{")
        {
            self.add(node.span, "neargate does not read a whole mapping from an expression");
            return Pairs::new();
        }
        let mut pairs = Pairs::new();
        for entry in self.map(node) {
            let empty = Template { text: String::new(), span: entry.key_span };
            let value = if entry.value.is_null() { Some(empty) } else { self.template(&entry.value) };
            pairs.extend(value.map(|value| (entry.key.clone(), value)));
        }
        pairs
    }
}
