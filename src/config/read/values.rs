//! Readers of plain values: text, numbers, lists, names with values.

use super::reader::{Read, Reader, Spanned};
use super::types::Type;
use crate::text::diagnostics::Diagnostic;
use crate::text::tree::{Node, Value};
use crate::variables::template;

impl Read for String {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if !node.is_null() => {
                reader.wants_type(node, Type::String);
                Some(scalar.text.clone())
            }
            _ => {
                let help = node.is_null().then_some("write \"\" for an empty text".to_owned());
                let wrong = format!("expected text, found {}", node.kind());
                reader.report(Diagnostic::error(wrong, node.span, "").maybe_help(help));
                None
            }
        }
    }
}

impl Read for bool {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if template::is_one(node.text()) && reader.is_strict() {
            reader.template(node.span);
            return None;
        }
        reader.wants_type(node, Type::Boolean);
        match node.text() {
            _ if node.is_placeholder() => Some(true),
            Some("true" | "True" | "TRUE") => Some(true),
            Some("false" | "False" | "FALSE") => Some(false),
            other => {
                let found = other.map_or_else(|| node.kind(), |text| format!("`{text}`"));
                let help = match other.map(str::to_lowercase).as_deref() {
                    Some("yes" | "on" | "1") => Some("write `true`".to_owned()),
                    Some("no" | "off" | "0") => Some("write `false`".to_owned()),
                    _ => None,
                };
                let wrong = format!("expected `true` or `false`, found {found}");
                reader.report(Diagnostic::error(wrong, node.span, "").maybe_help(help));
                None
            }
        }
    }
}

/// Stands for an unknown number; appears nowhere else in the file.
const SOME_NUMBER: u16 = 7919;

macro_rules! read_number {
    ($($type:ty, $expected:expr;)*) => {$(
        impl Read for $type {
            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                let text = node.text();
                if let Some(value) = text.and_then(|text| text.parse().ok()) {
                    reader.wants_type(node, Type::Integer);
                    return Some(value);
                }
                if template::is_one(text) && reader.is_strict() {
                    reader.template(node.span);
                    return None;
                }
                if node.is_placeholder() {
                    return Some(SOME_NUMBER.into());
                }
                let found = text.map_or_else(|| node.kind(), |text| format!("`{text}`"));
                let wrong = format!("expected {}, found {found}", $expected);
                reader.report(Diagnostic::error(wrong, node.span, "").maybe_help(text.and_then(number_help)));
                None
            }
        }
    )*};
}

read_number! {
    u16, "a whole number from 0 to 65535";
    u32, "a whole number";
    i64, "a whole number";
    f64, "a number";
}

/// `30s` for 30.
fn number_help(text: &str) -> Option<String> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == ' ');
    (!digits.is_empty() && digits.len() < text.len() && digits.parse::<f64>().is_ok())
        .then(|| format!("write the bare number, as AWS does: {digits}"))
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::List(items) = &node.value else {
            let help = match node.value {
                Value::Map(_) => "put `- ` before it, or brackets around it, if it is the only one",
                _ => "put brackets around it, if it is the only one",
            };
            let wrong = format!("expected a list, found {}", node.kind());
            reader.report(Diagnostic::error(wrong, node.span, "").help(help));
            return None;
        };
        let read = |(index, item): (usize, &Node)| {
            // The place in a list says nothing to a reader of the report, and would make every path a new one.
            reader.inside_as("[]", &format!("[{index}]"), |reader| T::read(item, reader))
        };
        // A mistake in one element must not make the others look like too few: they are read, and what is
        // reported stops the file from loading in any case.
        Some(items.iter().enumerate().filter_map(read).collect())
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Read> Read for OneOrMany<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::List(_) => Vec::read(node, reader).map(Self),
            _ => T::read(node, reader).map(|value| Self(vec![value])),
        }
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// Names that the user chooses, with their values, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<(Spanned<String>, T)>);

impl<T> Named<T> {
    /// In the order of the file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Spanned<String>, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let entries = reader.map(node, "a mapping of names")?;
        let mut named = Vec::with_capacity(entries.len());
        for entry in entries {
            let name = Spanned { value: entry.key.clone(), span: entry.key_span };
            match reader.inside_as("*", &entry.key, |reader| T::read(&entry.value, reader)) {
                Some(value) => named.push((name, value)),
                None => reader.explain(node.span, &entry.key),
            }
        }
        Some(Self(named))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Named_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "additionalProperties": value })
    }
}

/// Any value: the field is recognised, but its value is not examined.
#[derive(Clone, Debug)]
pub(crate) struct Anything;

impl Read for Anything {
    fn read(_: &Node, _: &mut Reader) -> Option<Self> {
        Some(Self)
    }
}

impl schemars::JsonSchema for Anything {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Anything".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        true.into()
    }
}
