//! The user's files, from text to [`neargate_model`]: `neargate.yaml`, ECS task definitions, `.env`.
//!
//! ```text
//!  text ──tree──► nodes with places ──interpolate──► ──read──► file types ──lower──► Topology
//!                                                      │            │           └──► warnings (about the whole)
//!                                                      └ every step reports mistakes and continues ► Diagnostics
//!                                                      └ every field that was given ──► fidelity
//! ```
//!
//! Nothing here reads the process's environment or the file system: both are passed in with [`Source`].
//! Start with [`load()`]; `file/` defines the format, `lower/` its meaning, `fidelity` how each field is treated.

pub mod fidelity;
pub(crate) mod file;
pub mod findings;
mod image_reference;
pub mod init_support;
mod input;
mod load;
pub(crate) mod lower;
mod merge;
pub mod pages;
mod project;
pub(crate) mod read;
pub mod route_tests;
pub(crate) mod task_definition;
pub mod text;
pub(crate) mod variables;
mod warnings;

pub use fidelity::Fidelity;
pub use fidelity::level::Level;
pub use input::{Source, Tasks, UnusableFile};
pub use load::{Loaded, load};
pub use lower::names::project_name_from;
pub use neargate_ecs::task_definition::value_from;
pub use project::{find, find_override, name_of, override_files, project_name};
pub use text::diagnostics::{Diagnostic, Diagnostics, Severity, Style};
pub use text::source::{Location, Sources, Span};
