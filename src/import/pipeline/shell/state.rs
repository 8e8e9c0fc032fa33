//! A shell that runs a script: its folder, variables and functions.

use std::collections::BTreeMap;

use super::syntax::Item;
use crate::pipeline::scope::Scope;
use crate::pipeline::text::Text;

/// A shell that runs a script.
pub(crate) struct Shell<'s, 'a> {
    pub(super) scope: &'s mut Scope<'a>,
    pub(super) folder: String,
    pub(super) before: String,
    pub(super) variables: BTreeMap<String, Text>,
    pub(super) functions: BTreeMap<String, Vec<Item>>,
}
