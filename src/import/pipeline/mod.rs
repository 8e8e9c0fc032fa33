//! What a repository's pipelines do, as data: images that are built, task definitions and how they are changed on
//! their way, services that are deployed.
//!
//! Pipelines are followed as they would run: a job's steps in order, with the values that expressions, variables and
//! outputs have at that point. What only the runner knows stays an unknown piece of [`text`].

mod actions;
mod bake;
pub(super) mod compose;
pub(super) mod described;
mod expression;
pub(crate) mod found;
mod github;
mod groovy;
mod hcl;
mod others;
pub(super) mod paths;
mod scope;
mod shell;
pub(super) mod stage;
pub(super) mod text;

use super::repository::Repository;
use found::Pipeline;
use stage::Wanted;

/// Follows every pipeline of the repository.
pub(super) fn read(repository: &Repository, wanted: &Wanted) -> Pipeline {
    let mut pipeline = Pipeline::default();
    github::follow(repository, wanted, &mut pipeline);
    others::follow(repository, wanted, &mut pipeline);
    described::follow(repository, &mut pipeline);
    pipeline
}
