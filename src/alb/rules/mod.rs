//! Decides whether a rule matches.

pub mod beginnings;
pub(crate) mod conditions;
pub(crate) mod expression;
pub mod index;
pub mod limits;
pub(crate) mod normal_path;
pub mod pattern;
pub(crate) mod prefilter;
