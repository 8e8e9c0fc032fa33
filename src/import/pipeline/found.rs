//! What a pipeline says of images, task definitions and services, each with its place.

use std::collections::{BTreeMap, BTreeSet};

use super::text;
use super::text::Text;

/// Everything that the pipelines do.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    /// Images that are built.
    pub(crate) builds: Vec<Build>,
    /// Services that are deployed.
    pub(crate) deploys: Vec<Deploy>,
    /// Task definitions on their way.
    pub(crate) definitions: Vec<Definition>,
    /// New names of images: from, to.
    pub(crate) tags: Vec<(Text, Text)>,
    /// Containers that are given images by name (`imagedefinitions.json`).
    pub(crate) images: Vec<(String, Text)>,
    /// Container ports behind a load balancer (CodeDeploy's `appspec`, services that JSON describes).
    pub(crate) ports: Vec<(String, u16)>,
    /// Services that JSON describes.
    pub(crate) described: Vec<Described>,
    /// Jobs that were followed, for numbering.
    pub(super) jobs: usize,
    /// Commands that were followed, as a limit.
    pub(super) commands: usize,
}

/// Where something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Path of the file.
    pub(crate) file: String,
    /// Its line, from 1.
    pub(crate) line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// An image that is built.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    pub(crate) place: Place,
    /// Number of the job that builds it.
    pub(crate) job: usize,
    /// `id` of the step.
    pub(crate) step: Option<String>,
    /// Folder, from the root of the repository.
    pub(crate) context: Text,
    /// Path of the Dockerfile, from the root of the repository.
    pub(crate) dockerfile: Text,
    pub(crate) args: Vec<(String, Text)>,
    pub(crate) target: Option<Text>,
    /// With tags, as they are given.
    pub(crate) images: Vec<Text>,
    /// Other names that speak of it: of a Compose service, a bake target.
    pub(crate) names: Vec<String>,
}

/// A service that is deployed.
#[derive(Clone, Debug)]
pub(crate) struct Deploy {
    pub(crate) place: Place,
    pub(crate) job: usize,
    pub(crate) service: Option<Text>,
    pub(crate) cluster: Option<Text>,
    /// Index into [`Pipeline::definitions`].
    pub(crate) definition: Option<usize>,
    /// What may tell the stage, the most telling first.
    pub(crate) stages: Vec<String>,
}

/// A task definition on its way from a file to a service.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) job: usize,
    pub(crate) origin: Origin,
    pub(crate) edits: Vec<Edit>,
}

/// Where a task definition comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file, from the root of the repository.
    Path(Text),
    /// What is registered under a family.
    Family(Text),
    /// Another one.
    Definition(usize),
}

/// What a step changes.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
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
pub(crate) enum Which {
    Name(Text),
    Index(usize),
    All,
}

impl Pipeline {
    /// The task definition that a text stands for.
    pub(super) fn definition_in(&self, text: &str) -> Option<usize> {
        text::unknowns(text).find_map(|what| what.strip_prefix("definition:")?.parse().ok())
    }

    /// Adds one, and gives the text that stands for it.
    pub(super) fn add_definition(&mut self, definition: Definition) -> Text {
        self.definitions.push(definition);
        text::unknown(&format!("definition:{}", self.definitions.len() - 1))
    }

    /// The files in which something was found.
    pub(crate) fn sources(&self) -> BTreeSet<&str> {
        let builds = self.builds.iter().map(|build| build.place.file.as_str());
        builds.chain(self.deploys.iter().map(|deploy| deploy.place.file.as_str())).collect()
    }
}

/// The line of an offset in a text.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// A service that a file describes.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) place: Place,
    pub(crate) service: String,
    pub(crate) cluster: Option<String>,
    /// Without its revision.
    pub(crate) family: Option<String>,
    /// Container and port.
    pub(super) ports: Vec<(String, u16)>,
}
