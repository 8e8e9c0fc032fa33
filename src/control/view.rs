//! The part of the state that is visible outside: one immutable value with a generation number.
//!
//! This is also the documented shape of `--format json`: names are ECS's and ELBv2's, fields are only ever added.

mod of_world;
pub mod shape;

pub use of_world::{Bindings, of};
