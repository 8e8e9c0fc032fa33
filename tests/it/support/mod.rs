//! What the tests share: builders, waiting, expected files.

pub(crate) mod expected;
pub(crate) mod world;
