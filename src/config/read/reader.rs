//! The shared state of all readers: the list of mistakes, the fields that were given, and values with positions.

use std::collections::HashMap;
use std::ops::Deref;

use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::tree::{Entry, Node, Value};

/// The output of all readers.
#[derive(Default)]
pub(crate) struct Reader {
    /// Mistakes so far.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Every field that was given, for the fidelity report.
    pub(crate) used: Vec<Used>,
    /// The current position in the tree, from which [`Used::path`] is made.
    pub(super) path: String,
    /// The same in the form of AWS's tools, with indices: `containerDefinitions[0].image`.
    pub(super) parameter: String,
    /// Values that could not be read. That has been reported; further mistakes in them are not.
    silenced: Vec<Span>,
    /// Whether an AWS file is being read: keys that begin with `x-` are refused, a number in quotes is text, and empty
    /// values count as absent.
    pub(super) strict: bool,
    /// Places that a pipeline has not filled in.
    templates: Vec<Span>,
    /// Fields of records that are missing for a reason that has been reported: mistyped or unreadable.
    explained: Vec<(Span, String)>,
}

/// A field that the file gives.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    /// The kind of its record.
    pub(crate) record: &'static str,
    /// Its key.
    pub(crate) key: &'static str,
    /// The whole path, with `*` for a name that the user chose: `target_groups.*.health_check.path`.
    pub(crate) path: String,
    /// Its text, when it is a single value.
    pub(crate) value: Option<String>,
    /// The position of the key.
    pub(crate) span: Span,
}

impl Reader {
    /// Reports a mistake or warning.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        if !self.silenced.iter().any(|silenced| silenced.contains(diagnostic.span())) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Suppresses further reports about this value.
    pub(crate) fn silence(&mut self, value: Span) {
        self.silenced.push(value);
    }

    /// Whether anything inside has been reported, so that its consequences need not be.
    pub(crate) fn reported_inside(&self, whole: Span) -> bool {
        self.diagnostics.iter().any(|diagnostic| whole.contains(diagnostic.span()))
    }

    /// Whether the absence of this field of the record has been explained.
    pub(crate) fn has_explained(&self, record: Span, field: &str) -> bool {
        self.explained.iter().any(|(whole, known)| *whole == record && *known == field)
    }

    /// Whether the absence of anything with that name has been explained: a field, or something that the user named.
    pub(crate) fn has_lost(&self, name: &str) -> bool {
        self.explained.iter().any(|(_, known)| known == name)
    }

    /// Remembers a field whose absence has been explained.
    pub(super) fn explain(&mut self, record: Span, field: &str) {
        self.explained.push((record, field.to_owned()));
    }

    /// Reads an AWS file: `x-` keys are not extensions, and values have their JSON types.
    pub(crate) fn aws_file<T>(&mut self, path: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = (std::mem::replace(&mut self.path, path.to_owned()), std::mem::take(&mut self.parameter));
        let strict = std::mem::replace(&mut self.strict, true);
        let value = read(self);
        (self.path, self.parameter) = before;
        self.strict = strict;
        self.report_templates();
        value
    }

    /// Notes a place that a pipeline has not filled in. One message covers all such places of a file; nothing else is
    /// reported about them.
    pub(crate) fn template(&mut self, at: Span) {
        if !self.templates.contains(&at) {
            self.templates.push(at);
            self.silence(at);
        }
    }

    fn report_templates(&mut self) {
        let places = std::mem::take(&mut self.templates);
        let [first, more @ ..] = places.as_slice() else { return };
        let mut diagnostic = Diagnostic::error("a template that has not been rendered", *first, "");
        for place in more.iter().take(3) {
            diagnostic = diagnostic.also(*place, "and this");
        }
        if more.len() > 3 {
            diagnostic = diagnostic.note(format!("and {} more places", more.len() - 3));
        }
        self.diagnostics.push(diagnostic.help(
            "render it first, as your pipeline does (envsubst, sed, a template engine), and give the path of the result",
        ));
    }

    pub(super) fn inside<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.inside_as(step, step, read)
    }

    /// `step` may contain a wildcard; `parameter` is the actual key or index.
    pub(super) fn inside_as<T>(&mut self, step: &str, parameter: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let (before, parameter_before) = (self.path.len(), self.parameter.len());
        if !self.parameter.is_empty() && !parameter.starts_with('[') {
            self.parameter.push('.');
        }
        self.parameter.push_str(parameter);
        if !self.path.is_empty() && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let value = read(self);
        self.path.truncate(before);
        self.parameter.truncate(parameter_before);
        value
    }

    /// The entries of a mapping; reports a node of another kind.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n [Entry]> {
        let Value::Map(entries) = &node.value else {
            self.report(Diagnostic::error(format!("expected {expected}, found {}", node.kind()), node.span, ""));
            return None;
        };
        let mut known: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
        for entry in entries {
            if let Some(first) = known.get(entry.key.as_str()) {
                self.report(
                    Diagnostic::error(format!("`{}` is given twice", entry.key), entry.key_span, "again here")
                        .also(*first, "first here"),
                );
            } else {
                known.insert(&entry.key, entry.key_span);
            }
        }
        Some(entries)
    }
}

/// Converts a node to a value.
pub(crate) trait Read: Sized {
    /// `None` after reporting why.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spanned<T> {
    /// The value.
    pub(crate) value: T,
    /// Its place.
    pub(crate) span: Span,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Read> Read for Spanned<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(|value| Self { value, span: node.span })
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
