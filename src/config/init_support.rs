//! What `init` needs from the readers here: any YAML or JSON as a tree.

use std::path::Path;

use super::text::source::Sources;
use super::text::tree;
use super::text::tree::Node;

/// Any YAML file as a tree, if it is one.
pub(crate) fn yaml(text: &str) -> Option<Node> {
    let mut sources = Sources::default();
    let file = sources.add(Path::new("workflow"), text);
    tree::parse(&sources, file).ok()
}
