//! [`keywords!`]: closed lists of words.

use super::reader::Reader;
use crate::text::diagnostics::Diagnostic;
use crate::text::hints;
use crate::text::suggest::{nearest, one_of};
use crate::text::tree::Node;

/// A word from a closed list; used by [`keywords!`].
pub(crate) fn keyword<T: Copy>(node: &Node, what: &str, words: &[(&'static str, T)], reader: &mut Reader) -> Option<T> {
    let Some(text) = node.text() else {
        let wrong = format!("expected {what}, found {}", node.kind());
        reader.report(
            Diagnostic::error(wrong, node.span, "")
                .help(format!("it is {}", one_of(words.iter().map(|(word, _)| *word)))),
        );
        return None;
    };
    let placeholder = words.first().filter(|_| node.is_placeholder());
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text).or(placeholder) {
        return Some(*value);
    }
    let names = words.iter().map(|(word, _)| *word);
    let near = hints::word_for(text).filter(|word| names.clone().any(|name| name == *word));
    let near = near.or_else(|| nearest(text, names.clone()));
    reader.report(
        Diagnostic::error(format!("`{text}` is not {what}"), node.span, "")
            .note(format!("it is {}", one_of(names)))
            .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
    );
    None
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

        impl $name {
            /// As the file has it.
            #[allow(dead_code, reason = "most are compared, not shown")]
            pub(crate) fn word(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )*
                }
            }
        }

        impl $crate::read::reader::Read for $name {
            fn read(node: &$crate::text::tree::Node, reader: &mut $crate::read::reader::Reader) -> Option<Self> {
                $crate::read::keyword(node, $what, &[$(($word, Self::$variant)),*], reader)
            }
        }
    };
}

pub(crate) use keywords;
