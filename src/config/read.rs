//! Small readers from tree to values that go on after a mistake.
//!
//! A reader returns `None` after it has reported why, so `None` in a field of a record means "absent or already
//! reported", and whoever uses the field need not report again. [`record!`] and [`keywords!`] declare a type once:
//! its reader, its JSON schema and its page in the reference all come from that declaration.

use std::ops::Deref;

use super::diagnostics::Diagnostic;
use super::source::Span;
use super::suggest::{help_for, nearest, one_of};
use super::tree::{Entry, Node, Value};

/// What all readers write to.
#[derive(Default)]
pub(crate) struct Reader {
    /// Mistakes so far.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Every field that was given, for the fidelity report.
    pub(crate) used: Vec<Used>,
    /// Where the tree is being read: what [`Used::path`] is made of.
    path: String,
    /// Keys that begin with `x-` are refused: AWS has no such thing.
    strict: bool,
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
        self.diagnostics.push(diagnostic);
    }

    /// Begins to read a file of AWS's, in which `x-` keys are no extensions.
    pub(crate) fn begin_aws_file(&mut self, path: &str) {
        path.clone_into(&mut self.path);
        self.strict = true;
    }

    fn inside<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.path.len();
        if !self.path.is_empty() && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let value = read(self);
        self.path.truncate(before);
        value
    }

    /// The entries of a mapping; a mistake if the node is none.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n [Entry]> {
        let Value::Map(entries) = &node.value else {
            self.report(Diagnostic::error(format!("expected {expected}, found {}", node.kind()), node.span, ""));
            return None;
        };
        for (index, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..index].iter().find(|earlier| earlier.key == entry.key) {
                self.report(
                    Diagnostic::error(format!("`{}` is given twice", entry.key), entry.key_span, "again here")
                        .also(first.key_span, "first here"),
                );
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

impl Read for String {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if !node.is_null() => Some(scalar.text.clone()),
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
        match node.text() {
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

macro_rules! read_number {
    ($($type:ty, $expected:expr;)*) => {$(
        impl Read for $type {
            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                let text = node.text();
                if let Some(value) = text.and_then(|text| text.parse().ok()) {
                    return Some(value);
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
        let read = |(index, item)| {
            // The place in a list says nothing to a reader of the report, and would make every path a new one.
            let _: usize = index;
            reader.inside("[]", |reader| T::read(item, reader))
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
            if let Some(value) = reader.inside("*", |reader| T::read(&entry.value, reader)) {
                named.push((name, value));
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

/// Anything: a field that is recognised and not looked into.
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

/// The fields of a record while it is being read; made by [`record!`].
pub(crate) struct Fields<'n> {
    kind: &'static str,
    node: &'n Node,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// Reports every key that is not one of `keys`.
    pub(crate) fn open(node: &'n Node, kind: &'static str, keys: &[&'static str], reader: &mut Reader) -> Option<Self> {
        let entries = reader.map(node, &format!("the fields of {}", article(kind)))?;
        for entry in entries {
            if keys.contains(&entry.key.as_str()) || (entry.key.starts_with("x-") && !reader.strict) {
                continue;
            }
            reader.report(unknown_key(entry, kind, keys));
        }
        Some(Self { kind, node, entries })
    }

    /// One field. Null counts as absent, as it does for AWS's tools.
    pub(crate) fn take<T: Read>(&self, key: &'static str, required: bool, reader: &mut Reader) -> Option<T> {
        let Some(entry) = self.entries.iter().find(|entry| entry.key == key && !entry.value.is_null()) else {
            if required {
                let at = self.entries.iter().find(|entry| entry.key == key).map_or(self.node.head, |e| e.key_span);
                let missing = format!("{} needs `{key}`", article(self.kind));
                reader.report(Diagnostic::error(missing, at, format!("`{key}` is missing here")));
            }
            return None;
        };
        reader.inside(key, |reader| {
            reader.used.push(Used {
                record: self.kind,
                key,
                path: reader.path.clone(),
                value: entry.value.text().map(str::to_owned),
                span: entry.key_span,
            });
            T::read(&entry.value, reader)
        })
    }
}

/// `a listener`, `an ingress rule`
fn article(kind: &str) -> String {
    match kind.chars().next() {
        Some('a' | 'e' | 'i' | 'o' | 'u') => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn unknown_key(entry: &Entry, kind: &'static str, keys: &[&'static str]) -> Diagnostic {
    let wrong = format!("{} has no field `{}`", article(kind), entry.key);
    let diagnostic = Diagnostic::error(wrong, entry.key_span, "");
    let diagnostic = match super::hints::instead_of(kind, &entry.key) {
        Some(hint) => diagnostic.help(hint),
        None => match nearest(&entry.key, keys.iter().copied()) {
            Some(nearest) => diagnostic.help(format!("did you mean `{nearest}`?")),
            None => diagnostic,
        },
    };
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    diagnostic.note(format!("its fields are {}", keys.join(", ")))
}

/// A word out of a closed list; used by [`keywords!`].
pub(crate) fn keyword<T: Copy>(node: &Node, what: &str, words: &[(&'static str, T)], reader: &mut Reader) -> Option<T> {
    let Some(text) = node.text() else {
        let wrong = format!("expected {what}, found {}", node.kind());
        reader.report(
            Diagnostic::error(wrong, node.span, "")
                .help(format!("it is {}", one_of(words.iter().map(|(word, _)| *word)))),
        );
        return None;
    };
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let names = words.iter().map(|(word, _)| *word);
    reader.report(
        Diagnostic::error(format!("`{text}` is not {what}"), node.span, "")
            .maybe_help(help_for(text, "the valid ones are", names.clone()))
            .note(format!("valid: {}", one_of(names))),
    );
    None
}

/// Declares a mapping with known fields: the struct (every field optional, see the module), its reader and its
/// schema. `[required]` after a type makes its absence a mistake.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident, $kind:literal {
            $( $(#[$field_meta:meta])* $field:ident $(= $key:literal)? : $type:ty $([$required:ident])?, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(crate) struct $name {
            /// Where it stands.
            #[schemars(skip)]
            #[allow(dead_code, reason = "not every record is pointed at as a whole")]
            pub(crate) span: $crate::config::source::Span,
            $(
                $(#[$field_meta])*
                $(#[schemars(rename = $key)])?
                $(#[schemars($required)])?
                #[allow(dead_code, reason = "fields that are recognised and not honoured yet are only reported")]
                pub(crate) $field: Option<$type>,
            )*
        }

        impl $name {
            /// What messages call it.
            pub(crate) const KIND: &'static str = $kind;
            /// Its fields, in the order of the declaration.
            pub(crate) const KEYS: &'static [&'static str] = &[$($crate::config::read::key!($field $(= $key)?)),*];
        }

        impl $crate::config::read::Read for $name {
            fn read(node: &$crate::config::tree::Node, reader: &mut $crate::config::read::Reader) -> Option<Self> {
                let fields = $crate::config::read::Fields::open(node, Self::KIND, Self::KEYS, reader)?;
                Some(Self {
                    span: node.head,
                    $(
                        $field: fields.take(
                            $crate::config::read::key!($field $(= $key)?),
                            $crate::config::read::required!($($required)?),
                            reader,
                        ),
                    )*
                })
            }
        }
    };
}

macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident = $key:literal) => {
        $key
    };
}

macro_rules! required {
    () => {
        false
    };
    (required) => {
        true
    };
}

/// Declares a closed list of words: the enum, its reader and its schema.
macro_rules! keywords {
    (
        $(#[$meta:meta])*
        $name:ident, $what:literal { $( $(#[$word_meta:meta])* $variant:ident = $word:literal, )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, schemars::JsonSchema)]
        pub(crate) enum $name {
            $( $(#[$word_meta])* #[schemars(rename = $word)] $variant, )*
        }

        impl $crate::config::read::Read for $name {
            fn read(node: &$crate::config::tree::Node, reader: &mut $crate::config::read::Reader) -> Option<Self> {
                $crate::config::read::keyword(node, $what, &[$(($word, Self::$variant)),*], reader)
            }
        }
    };
}

pub(crate) use {key, keywords, record, required};
