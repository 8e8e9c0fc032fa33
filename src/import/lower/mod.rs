//! From objects to a `neargate.yaml`, task definitions and a report: what neargate makes of each field.
//!
//! ```text
//!  Objects ──balancers, actions, conditions──┐
//!          ──groups──────────────────────────┼──► tree ──write──► neargate.yaml, and the place behind each line
//!          ──services, tasks, security───────┘     │
//!                                                  └──► report: every field honoured, assumed, approximated, refused …
//! ```
//! A link that the sources do not decide is refused with what it may be, never guessed: a wrong one sends traffic to another
//! container, and nobody sees it.

mod actions;
mod balancers;
mod conditions;
mod context;
mod domains;
mod groups;
mod imported;
mod names;
pub(crate) mod policy;
mod report;
mod security;
mod services;
mod tasks;
mod tree;

pub use context::Choice;
pub use imported::{Imported, lower};
pub use report::{Line, Outcome, Report};
