//! The Docker runtime against a real engine. Each test has its own project and leaves nothing of it behind.
//!
//! Without an engine they fail, unless `NEARGATE_TEST_NO_ENGINE` is set; then they print that they were skipped.

/// Builders and observers.
mod world;

/// Other ways to the engine.
mod relay;
/// The cost compared with the bare engine calls.
mod speed;
/// Nothing is left behind, and nothing that is not ours is touched.
mod sweeping;

/// Commands in running containers.
mod commands;
/// What the fields of a task definition come to in a container.
mod definitions;
/// How containers end: exit codes and signals.
mod endings;
/// Images: built with both builders, pulled, refused.
mod images;
/// A task's namespace, its members, and what they see.
mod tasks;
/// Reports of the engine: exits, memory, health, gaps.
mod watching;
