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
mod github;
mod groovy;
mod hcl;
mod others;
pub(super) mod paths;
mod scope;
mod shell;
pub(super) mod stage;
pub(super) mod text;

use std::collections::{BTreeMap, BTreeSet};

use super::repository::Repository;
use stage::Wanted;
use text::Text;

/// Everything that the pipelines do.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    /// Images that are built.
    pub(super) builds: Vec<Build>,
    /// Services that are deployed.
    pub(super) deploys: Vec<Deploy>,
    /// Task definitions on their way.
    pub(super) definitions: Vec<Definition>,
    /// New names of images: from, to.
    pub(super) tags: Vec<(Text, Text)>,
    /// Containers that are given images by name (`imagedefinitions.json`).
    pub(super) images: Vec<(String, Text)>,
    /// Container ports behind a load balancer (CodeDeploy's `appspec`, services that JSON describes).
    pub(super) ports: Vec<(String, u16)>,
    /// Services that JSON describes.
    pub(super) described: Vec<described::Described>,
    /// Jobs that were followed, for numbering.
    jobs: usize,
    /// Commands that were followed, as a limit.
    commands: usize,
}

/// Where something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Path of the file.
    pub(super) file: String,
    /// Its line, from 1.
    pub(super) line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// An image that is built.
#[derive(Clone, Debug)]
pub(super) struct Build {
    pub(super) place: Place,
    /// Number of the job that builds it.
    pub(super) job: usize,
    /// `id` of the step.
    pub(super) step: Option<String>,
    /// Folder, from the root of the repository.
    pub(super) context: Text,
    /// Path of the Dockerfile, from the root of the repository.
    pub(super) dockerfile: Text,
    pub(super) args: Vec<(String, Text)>,
    pub(super) target: Option<Text>,
    /// With tags, as they are given.
    pub(super) images: Vec<Text>,
    /// Other names that speak of it: of a Compose service, a bake target.
    pub(super) names: Vec<String>,
}

/// A service that is deployed.
#[derive(Clone, Debug)]
pub(super) struct Deploy {
    pub(super) place: Place,
    pub(super) job: usize,
    pub(super) service: Option<Text>,
    pub(super) cluster: Option<Text>,
    /// Index into [`Pipeline::definitions`].
    pub(super) definition: Option<usize>,
    /// What may tell the stage, the most telling first.
    pub(super) stages: Vec<String>,
}

/// A task definition on its way from a file to a service.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) job: usize,
    pub(super) origin: Origin,
    pub(super) edits: Vec<Edit>,
}

/// Where a task definition comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file, from the root of the repository.
    Path(Text),
    /// What is registered under a family.
    Family(Text),
    /// Another one.
    Definition(usize),
}

/// What a step changes.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// A container gets an image.
    Image(Which, Text),
    /// Text is replaced wherever it stands.
    Replace(String, Text),
    /// Variables are put in, as `envsubst` does.
    Variables(BTreeMap<String, Text>),
    /// A container gets environment variables.
    Environment(Text, Vec<(String, Text)>),
    /// A container gets something that is not carried over.
    Other(Text, &'static str),
}

/// Which container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Name(Text),
    Index(usize),
    All,
}

impl Pipeline {
    /// The task definition that a text stands for.
    fn definition_in(&self, text: &str) -> Option<usize> {
        text::unknowns(text).find_map(|what| what.strip_prefix("definition:")?.parse().ok())
    }

    /// Adds one, and gives the text that stands for it.
    fn add_definition(&mut self, definition: Definition) -> Text {
        self.definitions.push(definition);
        text::unknown(&format!("definition:{}", self.definitions.len() - 1))
    }

    /// The files in which something was found.
    pub(super) fn sources(&self) -> BTreeSet<&str> {
        let builds = self.builds.iter().map(|build| build.place.file.as_str());
        builds.chain(self.deploys.iter().map(|deploy| deploy.place.file.as_str())).collect()
    }
}

/// Follows every pipeline of the repository.
pub(super) fn read(repository: &Repository, wanted: &Wanted) -> Pipeline {
    let mut pipeline = Pipeline::default();
    github::follow(repository, wanted, &mut pipeline);
    others::follow(repository, wanted, &mut pipeline);
    described::follow(repository, &mut pipeline);
    pipeline
}

/// The line of an offset in a text.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
