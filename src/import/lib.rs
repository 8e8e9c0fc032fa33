//! Makes a commented `neargate.yaml` from what a team already has. Asks nothing; says what it guessed and why.
//!
//! `neargate import` reads what describes a stack in AWS: a state or plan of Terraform, answers of the AWS CLI.
//!
//! ```text
//!  files ──sources──► Objects ──lower──► neargate.yaml, task definitions, .env.example, fidelity report
//! ```
//! `neargate init` reads the task definitions and the pipelines of a repository, and guesses the load balancer:
//!
//! ```text
//!  Repository ──pipeline──► Pipeline ─┐
//!      ├──definition──► Definitions ──┼──plan──► Plan ──write──► neargate.yaml
//!      └──evidence──► health, silence ┘           └──tell──► what was guessed
//! ```
//! Whoever asks has read the files: everything here is a function of values.

mod definition;
mod evidence;
#[cfg(test)]
mod imports;
pub mod lower;
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

use lower::{Choice, Imported};
use objects::NotBound;
use pipeline::stage::Wanted;
use sources::{Options, Refusal, SourceFile};

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

/// Why nothing could be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotImported {
    /// Files that cannot be read.
    Refused(Vec<Refusal>),
    /// They were read, and hold nothing that neargate could run.
    Nothing(String),
}

/// The stack that sources of any kind describe.
pub fn import(files: &[SourceFile], options: &Options, choice: &Choice) -> Result<Imported, NotImported> {
    let mut objects = sources::read(files, options).map_err(NotImported::Refused)?;
    let refusal = |(decision, why): (&str, NotBound)| {
        let (what, help) = match why {
            NotBound::NoPlace => ("no source has this place", "copy the place from the line that asks for it"),
            NotBound::NoObject => ("there is no such object", "write an address or an ARN of the sources behind `=`"),
        };
        Refusal::new(&format!("--bind {decision}"), what, help)
    };
    let refusals: Vec<Refusal> = objects.bind(&choice.bind).into_iter().map(refusal).collect();
    if !refusals.is_empty() {
        return Err(NotImported::Refused(refusals));
    }
    lower::lower(&objects, choice).map_err(NotImported::Nothing)
}
