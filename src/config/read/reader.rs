//! The shared state of all readers: where mistakes go, which fields were given, and values with positions.

use std::collections::HashMap;
use std::ops::Deref;

use crate::config::text::diagnostics::Diagnostic;
use crate::config::text::source::Span;
use crate::config::text::tree::{Entry, Node, Value};

/// What all readers write to.
#[derive(Default)]
pub(crate) struct Reader {
    /// Mistakes so far.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Every field that was given, for the fidelity report.
    pub(crate) used: Vec<Used>,
    /// Where the tree is being read: what [`Used::path`] is made of.
    pub(super) path: String,
    /// The same as AWS's tools write it, with the places in lists: `containerDefinitions[0].image`.
    pub(super) parameter: String,
    /// Values that could not be made out; that was reported, and nothing else about them is.
    silenced: Vec<Span>,
    /// A file of AWS's is being read: keys that begin with `x-` are refused, text is no number, and what is empty
    /// was not given.
    pub(super) strict: bool,
    /// Places that a pipeline has yet to fill in.
    templates: Vec<Span>,
    /// Fields of records that are missing for a reason that was reported: mistyped, or not to be made out.
    explained: Vec<(Span, String)>,
}

/// A field that the file gives.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    /// Kind of the record it is in.
    pub(crate) record: &'static str,
    /// Its key.
    pub(crate) key: &'static str,
    /// The whole path, with `*` for a name that the user chose: `target_groups.*.health_check.path`.
    pub(crate) path: String,
    /// Its text, when it is a single value.
    pub(crate) value: Option<String>,
    /// Where the key stands.
    pub(crate) span: Span,
}

impl Reader {
    /// Reports.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        if !self.silenced.iter().any(|silenced| silenced.contains(diagnostic.span())) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Nothing more about this value.
    pub(crate) fn silence(&mut self, value: Span) {
        self.silenced.push(value);
    }

    /// Whether something inside was reported, so that what follows from it need not be.
    pub(crate) fn reported_inside(&self, whole: Span) -> bool {
        self.diagnostics.iter().any(|diagnostic| whole.contains(diagnostic.span()))
    }

    /// Whether it was reported why this record lacks the field, so that its absence need not be.
    pub(crate) fn has_explained(&self, record: Span, field: &str) -> bool {
        self.explained.iter().any(|(whole, known)| *whole == record && *known == field)
    }

    /// Whether anything of that name lacks for such a reason: a field, or something that the user named.
    pub(crate) fn has_lost(&self, name: &str) -> bool {
        self.explained.iter().any(|(_, known)| known == name)
    }

    /// Remembers a field whose absence has been explained.
    pub(super) fn explain(&mut self, record: Span, field: &str) {
        self.explained.push((record, field.to_owned()));
    }

    /// Reads a file of AWS's, in which `x-` keys are no extensions and types are what JSON says.
    pub(crate) fn aws_file<T>(&mut self, path: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = (std::mem::replace(&mut self.path, path.to_owned()), std::mem::take(&mut self.parameter));
        let strict = std::mem::replace(&mut self.strict, true);
        let value = read(self);
        (self.path, self.parameter) = before;
        self.strict = strict;
        self.report_templates();
        value
    }

    /// Something that a pipeline has yet to fill in: said once for all such places of a file, and nothing else is
    /// said about them.
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

    /// `step` may stand for many; `parameter` is this one.
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

    /// The entries of a mapping; a mistake if the node is none.
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

/// From tree to value.
pub(crate) trait Read: Sized {
    /// `None` after it has reported why.
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
