//! How a step talks to its runner (GitHub docs, "Workflow commands for GitHub Actions"): [`commands`] on standard output,
//! [`files`] that variables name, and [`masks`] over everything that is shown.

pub mod commands;
pub mod files;
pub mod masks;
