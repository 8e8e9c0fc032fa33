//! The Docker runtime against a real engine. Each test has a project of its own and leaves nothing of it.
//!
//! Without an engine they fail, unless `NEARGATE_TEST_NO_ENGINE` is set, which prints that they were skipped.

/// Builders and observers.
mod world;

/// Nothing is left, and nothing that is not ours is touched.
mod sweeping;
/// A task's namespace, its members, and what they see.
mod tasks;
/// What the engine reports: exits, memory, health, gaps.
mod watching;
