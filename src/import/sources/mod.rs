//! The front ends: one for each kind of source. Each turns files into [`Objects`](crate::objects::Objects).
//!
//! To add one: a module with `read(file, options) -> Result<Objects, Refusal>`, a variant of [`format::Format`] that
//! [`format::recognise`] returns, and its arm in [`read::read`]. Front ends decide nothing about neargate: they write AWS's words, with
//! the place of each.

pub(crate) mod cloudformation;
pub(crate) mod described;
pub(crate) mod format;
pub(crate) mod read;
pub(crate) mod source;
pub(crate) mod terraform;
pub(crate) mod text;

pub use format::{Format, recognise};
pub use read::read;
pub use source::{Options, Refusal, SourceFile};
