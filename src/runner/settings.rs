//! What a run is given.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::cache::Cache;
use crate::pipeline::expression::value::Value;
use crate::pipeline::github::Facts;
use crate::pipeline::workflow::model::Workflow;

/// What a run is given.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The top of the repository.
    pub repository: PathBuf,
    /// The workflow.
    pub workflow: Workflow,
    /// The jobs that were asked for; none means all.
    pub jobs: Vec<String>,
    /// What the run is about.
    pub facts: Facts,
    /// By name.
    pub secrets: BTreeMap<String, String>,
    /// By name.
    pub vars: BTreeMap<String, String>,
    /// Where actions are.
    pub cache: Cache,
    /// A folder for everything that the run writes; not there yet.
    pub scratch: PathBuf,
    /// Where AWS's APIs are served. Without it clients find a closed door, and never AWS.
    pub aws_endpoint: Option<String>,
    /// Variables of the person's own that steps have: `PATH`, `HOME` and their like.
    pub base: Vec<(String, String)>,
}

/// No program listens on the discard port of a loopback address of nobody.
const CLOSED: &str = "http://127.0.0.1:9";

impl Settings {
    /// A context of names and texts.
    pub(super) fn texts(values: &BTreeMap<String, String>) -> Value {
        Value::texts(values.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Where AWS's clients are led.
    pub(super) fn aws(&self) -> Vec<(String, String)> {
        let nowhere = self.scratch.join("no-aws-files").display().to_string();
        [
            ("AWS_ENDPOINT_URL", self.aws_endpoint.as_deref().unwrap_or(CLOSED)),
            ("AWS_CONFIG_FILE", nowhere.as_str()),
            ("AWS_SHARED_CREDENTIALS_FILE", nowhere.as_str()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}
