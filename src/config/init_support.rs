//! The part of the parser that readers of other files use: any YAML or JSON as a tree, and mistakes with a caret.

use std::collections::BTreeMap;
use std::path::Path;

use super::text::diagnostics::{Diagnostic, Diagnostics};
use super::text::parse;
use super::text::source::{Sources, Span};
use super::text::tree::Node;
use super::variables::dotenv;

/// Parses any YAML file; `None` if it is not one.
pub fn yaml(text: &str) -> Option<Node> {
    document("workflow", text).ok().map(|document| document.root)
}

/// A file as a tree, and the text that its places refer to.
#[derive(Debug)]
pub struct Document {
    /// The tree.
    pub root: Node,
    /// The text.
    pub sources: Sources,
}

/// Parses any YAML file. `path` is its name in messages.
pub fn document(path: &str, text: &str) -> Result<Document, Diagnostics> {
    let mut sources = Sources::default();
    let file = sources.add(Path::new(path), text);
    match parse::parse(&sources, file) {
        Ok(root) => Ok(Document { root, sources }),
        Err(mistake) => Err(Diagnostics::new(vec![*mistake], sources)),
    }
}

/// The variables of a file such as `.env`. Values are in no message.
pub fn env_file(
    path: &str,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, Diagnostics> {
    let mut sources = Sources::default();
    let file = sources.add(Path::new(path), text);
    let mut found = Vec::new();
    let variables = dotenv::parse(&mut sources, file, env, BTreeMap::new(), &mut found);
    if found.is_empty() { Ok(variables) } else { Err(Diagnostics::new(found, sources)) }
}

/// Mistakes that a reader has found, each a place and a sentence.
pub fn diagnostics(sources: Sources, found: impl Iterator<Item = (Span, String)>) -> Diagnostics {
    let items = found.map(|(span, message)| Diagnostic::error(message, span, "")).collect();
    Diagnostics::new(items, sources)
}
