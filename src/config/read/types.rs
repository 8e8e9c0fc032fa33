//! AWS's types: a number in quotes is text, and `256` is not text. The CLI's validation and the service are strict about
//! JSON types, while `neargate.yaml` accepts the intended value.

use super::reader::Reader;
use crate::text::diagnostics::Diagnostic;
use crate::text::tree::{Node, ScalarKind, Value};

/// The type of a field in AWS's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    String,
    Integer,
    Boolean,
}

impl Type {
    /// `(in a sentence, in Python, in Java)`: the CLI is written in Python, the service in Java.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::String => ("text", "str", "String"),
            Self::Integer => ("a number", "int", "Integer"),
            Self::Boolean => ("`true` or `false`", "bool", "Boolean"),
        }
    }
}

impl Reader {
    /// Whether an AWS file is being read.
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Reports a value whose type differs from the field's in the eyes of AWS's tools.
    pub(super) fn wants_type(&mut self, node: &Node, wanted: Type) {
        let Value::Scalar(scalar) = &node.value else { return };
        if !self.strict {
            return;
        }
        let (found, python, java) = match (scalar.kind(), wanted) {
            (ScalarKind::Null, _)
            | (ScalarKind::Text, Type::String)
            | (ScalarKind::Integer, Type::Integer)
            | (ScalarKind::Bool, Type::Boolean) => return,
            (ScalarKind::Text, _) => ("text", "str", "STRING_VALUE"),
            (ScalarKind::Bool, _) => ("`true` or `false`", "bool", ""),
            (ScalarKind::Integer, _) => ("a number", "int", "NUMBER_VALUE"),
            (ScalarKind::Float, _) => ("a number", "float", "NUMBER_VALUE"),
        };
        let (wanted_words, wanted_python, wanted_java) = wanted.names();
        let text = if python == "bool" { capitalised(&scalar.text) } else { scalar.text.clone() };
        let diagnostic = Diagnostic::error(
            format!("{} is {wanted_words} for AWS, and this is {found}", self.field()),
            node.span,
            "",
        )
        .note(format!(
            "the AWS CLI answers \"Invalid type for parameter {}, value: {text}, type: <class '{python}'>, valid types: \
             <class '{wanted_python}'>\"",
            self.parameter
        ));
        let diagnostic = match (java, wanted) {
            // The one that was seen of the service's own answers (deploy action, issue 587).
            ("STRING_VALUE", Type::Integer) => diagnostic.note(format!(
                "the deploy action fails with \"Failed to register task definition in ECS: {java} cannot be converted to \
                 {wanted_java}\""
            )),
            _ => diagnostic,
        };
        self.report(match wanted {
            Type::String => diagnostic.help(format!("put it in quotes: \"{}\"", scalar.text)),
            _ => diagnostic.help(format!("remove the quotes: {}", scalar.text)),
        });
        // Whatever else is wrong with it will show once it is of the right type.
        self.silence(node.span);
    }

    /// The current field, for the beginning of a sentence.
    fn field(&self) -> String {
        match self.parameter.rsplit_once(['.', '[']) {
            Some((list, last)) if last.ends_with(']') => {
                format!("each of `{}`", list.rsplit('.').next().unwrap_or(list))
            }
            Some((_, last)) => format!("`{last}`"),
            None => format!("`{}`", self.parameter),
        }
    }
}

/// The way Python writes it.
fn capitalised(text: &str) -> String {
    text.chars()
        .enumerate()
        .map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect()
}
