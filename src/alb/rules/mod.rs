//! Decides whether a rule matches.

pub(crate) mod beginnings;
pub(crate) mod conditions;
pub(crate) mod expression;
pub(crate) mod index;
pub(crate) mod normal_path;
pub mod pattern;
pub(crate) mod prefilter;
