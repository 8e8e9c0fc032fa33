//! What an expression may ask for.

use super::value::Value;

/// The contexts that GitHub has.
pub const NAMES: &[&str] =
    &["github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs"];

/// Gives the hash of the files that match patterns; empty if there are none.
pub type HashFiles<'c> = &'c dyn Fn(&[String]) -> Result<String, String>;

/// What the status functions answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// A step before has failed; of a job, one that it needs.
    pub failed: bool,
    /// The run was interrupted.
    pub cancelled: bool,
    /// A job that it needs was skipped: it neither succeeded nor failed.
    pub skipped: bool,
}

/// The values of contexts in one place of a workflow.
#[derive(Clone)]
pub struct Contexts<'c> {
    values: Vec<(&'static str, Value)>,
    /// What the status functions answer.
    pub status: Status,
    hash_files: HashFiles<'c>,
}

impl<'c> Contexts<'c> {
    /// With no context yet.
    pub fn new(hash_files: HashFiles<'c>) -> Self {
        Self { values: Vec::new(), status: Status::default(), hash_files }
    }

    /// Gives a context its value.
    pub fn set(&mut self, name: &'static str, value: Value) {
        self.values.retain(|(known, _)| *known != name);
        self.values.push((name, value));
    }

    /// The value of a context; what is not set in this place is empty.
    pub fn get(&self, name: &str) -> Value {
        let found = self.values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    pub(super) fn hash(&self, patterns: &[String]) -> Result<String, String> {
        (self.hash_files)(patterns)
    }
}
