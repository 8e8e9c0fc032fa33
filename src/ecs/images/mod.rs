//! Images: their names on this machine, and when they are built or pulled again, for example after files change.

pub mod dockerignore;
pub mod naming;
pub(crate) mod record;
pub(crate) mod renewal;
pub mod watching;
