//! [`record!`]: mappings with known fields.

use super::reader::{Read, Reader, Used};
use crate::text::diagnostics::Diagnostic;
use crate::text::hints;
use crate::text::suggest::nearest;
use crate::text::tree::{Entry, Node};

/// The fields of a record while it is being read; created by [`record!`].
pub(crate) struct Fields<'n> {
    kind: &'static str,
    node: &'n Node,
    entries: &'n [Entry],
    /// The fields that unknown keys were probably meant to be.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Reports every key that is not one of `keys`.
    pub(crate) fn open(
        node: &'n Node,
        kind: &'static str,
        fields: &[(&'static str, bool)],
        reader: &mut Reader,
    ) -> Option<Self> {
        let keys: Vec<&'static str> = fields.iter().map(|(key, _)| *key).collect();
        let entries = reader.map(node, &format!("the fields of {}", article(kind)))?;
        let mut meant = Vec::new();
        for entry in entries {
            if keys.contains(&entry.key.as_str()) || (entry.key.starts_with("x-") && !reader.strict) {
                continue;
            }
            if reader.strict && entry.key.starts_with(['_', '$', '/', '#']) {
                reader.report(remark(entry));
                continue;
            }
            let hint = hints::instead_of(kind, &entry.key);
            let near = hint.map(|(field, _)| field).or_else(|| nearest(&entry.key, keys.iter().copied()));
            let help = match (hint, near) {
                (Some((_, hint)), _) => Some(hint.to_owned()),
                (None, near) => near.map(|near| format!("did you mean `{near}`?")),
            };
            meant.extend(near);
            if let Some(near) = near {
                reader.explain(node.span, near);
            }
            reader.report(unknown_key(entry, kind, keys.clone(), help));
        }
        Some(Self { kind, node, entries, meant })
    }

    /// One field. Null counts as absent, as it does for AWS's tools.
    pub(crate) fn take<T: Read>(&self, key: &'static str, required: bool, reader: &mut Reader) -> Option<T> {
        // The deploy action removes empty values, including texts, before it registers.
        let absent = |node: &Node| node.is_null() || (reader.strict && node.text() == Some(""));
        let Some(entry) = self.entries.iter().find(|entry| entry.key == key && !absent(&entry.value)) else {
            if required && !self.meant.contains(&key) {
                let at = self.entries.iter().find(|entry| entry.key == key).map_or(self.node.head, |e| e.key_span);
                let missing = format!("{} needs `{key}`", article(self.kind));
                reader.report(Diagnostic::error(missing, at, format!("`{key}` is missing here")));
            }
            return None;
        };
        reader.inside(key, |reader| {
            // Tools that download definitions fill in empty lists, which request nothing.
            if !entry.value.is_empty() {
                reader.used.push(Used {
                    record: self.kind,
                    key,
                    path: reader.path.clone(),
                    value: entry.value.text().map(str::to_owned),
                    span: entry.key_span,
                });
            }
            let value = T::read(&entry.value, reader);
            if value.is_none() {
                reader.explain(self.node.span, key);
            }
            value
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

fn unknown_key(entry: &Entry, kind: &'static str, mut keys: Vec<&'static str>, help: Option<String>) -> Diagnostic {
    let place = if kind == "file" { "at the top level".to_owned() } else { format!("in {}", article(kind)) };
    let wrong = format!("unknown key `{}` {place}", entry.key);
    let diagnostic = Diagnostic::error(wrong, entry.key_span, "");
    match help {
        Some(help) => diagnostic.help(help),
        None => {
            keys.sort_unstable();
            diagnostic.note(format!("known keys: {}", keys.join(", ")))
        }
    }
}

/// `_comment`, `$schema`: keys that AWS ignores.
fn remark(entry: &Entry) -> Diagnostic {
    Diagnostic::warning(format!("`{}` is not an AWS field", entry.key), entry.key_span, "skipped here")
        .note(
            "the deploy action drops fields that it does not know; the AWS CLI answers \"Unknown parameter in input\"",
        )
        .help("remove it if the file is also registered with the CLI")
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
        #[schemars(deny_unknown_fields, extend("required" = $crate::read::record::required_of(Self::FIELDS)))]
        pub(crate) struct $name {
            /// Where to point: its key, or its beginning.
            #[schemars(skip)]
            #[allow(dead_code, reason = "not every record is pointed at as a whole")]
            pub(crate) span: $crate::text::source::Span,
            /// All of it.
            #[schemars(skip)]
            #[allow(dead_code, reason = "only some ask what was reported inside them")]
            pub(crate) whole: $crate::text::source::Span,
            $(
                $(#[$field_meta])*
                $(#[schemars(rename = $key)])?
                #[allow(dead_code, reason = "fields that are recognised and not honoured yet are only reported")]
                pub(crate) $field: Option<$type>,
            )*
        }

        impl $name {
            /// What messages call it.
            pub(crate) const KIND: &'static str = $kind;
            /// Its fields, in the order of the declaration, and whether each must be there.
            pub(crate) const FIELDS: &'static [(&'static str, bool)] = &[$((
                $crate::read::record::key!($field $(= $key)?),
                $crate::read::record::required!($($required)?),
            )),*];
        }

        impl $crate::read::reader::Read for $name {
            fn read(node: &$crate::text::tree::Node, reader: &mut $crate::read::reader::Reader) -> Option<Self> {
                let fields = $crate::read::record::Fields::open(node, Self::KIND, Self::FIELDS, reader)?;
                Some(Self {
                    span: node.head,
                    whole: node.span,
                    $(
                        $field: fields.take(
                            $crate::read::record::key!($field $(= $key)?),
                            $crate::read::record::required!($($required)?),
                            reader,
                        ),
                    )*
                })
            }
        }
    };
}

/// The required fields.
pub(crate) fn required_of(fields: &[(&'static str, bool)]) -> Vec<&'static str> {
    fields.iter().filter(|(_, required)| *required).map(|(key, _)| *key).collect()
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

pub(crate) use {key, record, required};
