//! Task definitions: what RegisterTaskDefinition takes on Fargate, and what it makes of it.
//!
//! [`refusals`] says everything that is wrong with a definition at once, each with its place. The API answers with the
//! first; a file shows all of them. [`judge`] does the same for a definition that has no file.

mod containers;
mod definition;
mod dependencies;
pub mod environment_file;
mod judgement;
mod logs;
mod names;
pub mod place;
mod ports;
pub mod refusal;
mod roles;
pub mod sizes;
mod task;
pub mod value_from;
pub mod violation;
mod volumes;
mod written;

#[cfg(test)]
mod cases;

pub use containers::ULIMITS;
pub use definition::definition;
pub use judgement::refusals;
pub use logs::AWSLOGS_OPTIONS;
pub use names::is_name;
pub use written::judge;
