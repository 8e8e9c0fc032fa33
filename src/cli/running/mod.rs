//! The process that runs the stack, and how the verbs find it.

pub(crate) mod asking;
pub(crate) mod attached;
pub(crate) mod background;
pub(crate) mod orphan;
pub(crate) mod outcomes;
pub(crate) mod ownership;
pub(crate) mod process;
pub(crate) mod rollout;
pub(crate) mod stack;
pub(crate) mod stopping;
pub(crate) mod waiting;
pub(crate) mod watching;
