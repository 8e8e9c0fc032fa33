//! Makes a commented `neargate.yaml` from the task definitions and the pipelines that a team already has. Asks nothing; says
//! what it guessed and why.
//!
//! ```text
//!  Repository ──pipeline──► Pipeline ─┐
//!      ├──definition──► Definitions ──┼──plan──► Plan ──write──► neargate.yaml
//!      └──evidence──► health, silence ┘           └──tell──► what was guessed
//! ```
//! Whoever asks has read the files: everything here is a function of values.

mod definition;
mod evidence;
pub mod objects;
mod pipeline;
mod plan;
#[cfg(test)]
mod properties;
mod repository;
pub mod sources;
mod tell;
mod write;
mod yaml;

pub use definition::named_like_one;
pub use repository::{Content, Repository};

use pipeline::stage::Wanted;

/// A file, and what to say about it.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The file.
    pub text: String,
    /// What to say once it is written: every guess with its reason, and what must be set.
    pub report: String,
    /// In a few lines, what it was made from and what was guessed.
    pub summary: Vec<String>,
}

/// The file for a repository, or what to say if there is nothing to make it from. `folder` is the repository's name,
/// `environment` which of several environments is meant: production if none is named.
pub fn propose(repository: &Repository, folder: &str, environment: Option<&str>) -> Result<Proposal, String> {
    match plan::plan(repository, folder, &Wanted::new(environment)) {
        Ok(plan) => Ok(Proposal {
            text: write::yaml(&plan),
            report: tell::written(&plan, repository),
            summary: tell::summary(&plan),
        }),
        Err(none) => Err(tell::nothing_found(&none, repository)),
    }
}
