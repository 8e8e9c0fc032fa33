//! A file as a tree in which every node knows its position.
//!
//! Serde's derived readers stop at the first mistake. With this tree, the readers of [`crate::read`] can continue,
//! so that all mistakes in a file are reported together.

use super::source::Span;

/// A value and its position.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its position.
    pub span: Span,
    /// The position to report when something inside is missing: its key, if it has one.
    pub head: Span,
    /// The value.
    pub value: Value,
    /// How to merge it, if a tag says so.
    pub mark: Option<Mark>,
}

/// One of Compose's tags for merging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `!reset`: remove the key.
    Reset,
    /// `!override`: replace instead of merging.
    Override,
}

/// The kinds of nodes.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text, quoted or not; the reader of the field interprets it.
    Scalar(Scalar),
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: b}`
    Map(Vec<Entry>),
}

/// The text of a scalar.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// After escapes and interpolation.
    pub text: String,
    /// Written without quotes, so that `true` and `80` are not text.
    pub plain: bool,
    /// Stands for an unset variable, so any value is accepted.
    pub placeholder: bool,
}

/// One `key: value`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Text of the key.
    pub key: String,
    /// The position of the key.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Whether it has no value: `key:` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// Whether it is an empty list or mapping.
    pub fn is_empty(&self) -> bool {
        match &self.value {
            Value::Scalar(_) => false,
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }

    /// Its text, if it is a scalar with a value.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether it stands for an unset variable.
    pub fn is_placeholder(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.placeholder)
    }

    /// Whether both have the same content, regardless of position.
    pub fn says_the_same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar(a), Value::Scalar(b)) => a.text == b.text,
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.says_the_same(b)),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && a.value.says_the_same(&b.value))
            }
            _ => false,
        }
    }

    /// The value of a key, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The kind of value, for messages.
    pub fn kind(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => "nothing".to_owned(),
            Value::Scalar(_) => "a single value".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// The type of a scalar in YAML's core schema, and therefore in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarKind {
    /// Quoted, or none of the others.
    Text,
    /// Null.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number without a decimal point or exponent.
    Integer,
    /// Any other number.
    Float,
}

impl Scalar {
    /// The type that programs without a schema, such as AWS's tools, assume.
    pub fn kind(&self) -> ScalarKind {
        let text = self.text.as_str();
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        match text {
            _ if !self.plain => ScalarKind::Text,
            _ if self.is_null() => ScalarKind::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarKind::Bool,
            _ if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => ScalarKind::Integer,
            _ if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && text.parse::<f64>().is_ok() => {
                ScalarKind::Float
            }
            _ => ScalarKind::Text,
        }
    }

    fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}
