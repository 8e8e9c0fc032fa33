//! The input of Query and EC2 Query: a form whose names spell a tree, as in `Tags.member.1.Key=env`.
//!
//! Clients send the members of lists in any order (Go sorts names as text: `member.1`, `member.10`, `member.2`), and
//! an empty value for what is empty or unset. Numbers and booleans are text.

mod read;
mod tree;

use serde::de::DeserializeOwned;

pub use read::Unreadable;

/// The input of an action.
///
/// # Errors
///
/// A value that is not of its type. Names that the action does not know are ignored, as are `Action` and `Version`.
pub fn read<T: DeserializeOwned>(form: &[u8]) -> Result<T, Unreadable> {
    T::deserialize(tree::Tree::from_form(form).reader())
}
