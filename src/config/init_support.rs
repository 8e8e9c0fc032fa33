//! The part of the parser that `init` uses: any YAML or JSON as a tree.

use std::path::Path;

use super::text::parse;
use super::text::source::Sources;
use super::text::tree::Node;

/// Parses any YAML file; `None` if it is not one.
pub fn yaml(text: &str) -> Option<Node> {
    let mut sources = Sources::default();
    let file = sources.add(Path::new("workflow"), text);
    parse::parse(&sources, file).ok()
}
