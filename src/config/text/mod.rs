//! Text with positions: YAML and JSON as nodes, and mistakes with a caret.

pub mod diagnostics;
pub(crate) mod hints;
pub(crate) mod parse;
pub mod source;
pub(crate) mod suggest;
pub(crate) mod syntax;
pub mod tree;
pub(crate) mod unreadable;
