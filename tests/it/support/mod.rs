//! Shared by the tests: builders, waiting, expected files.

pub(crate) mod browser;
pub(crate) mod engine;
pub(crate) mod expected;
pub(crate) mod http;
pub(crate) mod janitor;
pub(crate) mod registry;
pub(crate) mod scenario;
pub(crate) mod stack;
pub(crate) mod waiting;
pub(crate) mod world;
