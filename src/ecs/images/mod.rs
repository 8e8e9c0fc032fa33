//! Images: what they are called here, when they are built or pulled again, and which changed files lead to that.

pub mod dockerignore;
pub mod naming;
pub(crate) mod record;
pub(crate) mod renewal;
pub mod watching;
