//! What the steps of a job leave for those after them, and jobs for those that need them.

use std::collections::BTreeSet;

use crate::expression::contexts::Status;
use crate::expression::value::{Map, Value};
use crate::workflow::model::{Job, Workflow};

/// How a step or a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Success,
    /// Not well.
    Failure,
    /// Interrupted.
    Cancelled,
    /// It did not begin.
    Skipped,
}

impl Outcome {
    /// GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// "When a continue-on-error step fails, the outcome is failure, but the final conclusion is success."
    pub fn conclusion(self, continue_on_error: bool) -> Self {
        if self == Self::Failure && continue_on_error { Self::Success } else { self }
    }
}

/// A step that is over.
#[derive(Clone, Debug)]
pub struct Done {
    /// Before `continue-on-error`.
    pub outcome: Outcome,
    /// After it.
    pub conclusion: Outcome,
    /// By name.
    pub outputs: Vec<(String, String)>,
}

/// The steps of one list, of a job or of a composite action: what is done, and whether anything failed.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    done: Vec<(String, Done)>,
    /// A step has failed.
    pub failed: bool,
}

impl Scope {
    /// Takes note of a step.
    pub fn finish(&mut self, id: Option<&str>, done: Done) {
        self.failed |= done.conclusion == Outcome::Failure;
        if let Some(id) = id {
            self.done.push((id.to_owned(), done));
        }
    }

    /// The context `steps`.
    pub fn steps(&self) -> Value {
        Value::map(self.done.iter().map(|(id, done)| {
            let outputs = done.outputs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
            let members = [
                ("outputs", Value::map(outputs)),
                ("outcome", Value::from(done.outcome.word())),
                ("conclusion", Value::from(done.conclusion.word())),
            ];
            (id.clone(), Value::map(members))
        }))
    }
}

/// Variables in their order; a later one of the same name replaces an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    entries: Vec<(String, String)>,
}

impl Variables {
    /// Sets one.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some(entry) => entry.1 = value.to_owned(),
            None => self.entries.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Every one.
    pub fn entries(&self) -> &[(String, String)] {
        &self.entries
    }

    /// The context `env`, whose names are case-sensitive here as on a runner with Linux.
    pub fn context(&self) -> Value {
        let entries = self.entries.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        Value::Map(std::sync::Arc::new(Map::exact(entries.collect())))
    }
}

/// A job that is over, or all jobs of its matrix.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its key.
    pub id: String,
    /// How it ended.
    pub result: Outcome,
    /// Its outputs.
    pub outputs: Vec<(String, String)>,
}

impl Finished {
    /// Adds another job of the same matrix: one failure is enough, and later outputs win if they are not empty.
    pub fn join(&mut self, other: Self) {
        self.result = match (self.result, other.result) {
            (Outcome::Failure, _) | (_, Outcome::Failure) => Outcome::Failure,
            (Outcome::Cancelled, _) | (_, Outcome::Cancelled) => Outcome::Cancelled,
            (Outcome::Skipped, result) => result,
            (result, _) => result,
        };
        for (name, value) in other.outputs {
            match self.outputs.iter_mut().find(|(known, _)| *known == name) {
                Some(known) if !value.is_empty() => known.1 = value,
                Some(_) => {}
                None => self.outputs.push((name, value)),
            }
        }
    }
}

/// The context `needs` of a job.
pub fn needs(job: &Job, finished: &[Finished]) -> Value {
    let needed = job.needs.iter().filter_map(|need| find(finished, &need.text));
    Value::map(needed.map(|needed| {
        let outputs = needed.outputs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        (
            needed.id.clone(),
            Value::map([("outputs", Value::map(outputs)), ("result", Value::from(needed.result.word()))]),
        )
    }))
}

fn find<'f>(finished: &'f [Finished], id: &str) -> Option<&'f Finished> {
    finished.iter().find(|known| known.id.eq_ignore_ascii_case(id))
}

/// What status functions answer in the `if` of a job. "If you have a chain of dependent jobs, failure() returns true if any
/// ancestor job fails."
pub fn status(workflow: &Workflow, job: &Job, finished: &[Finished], cancelled: bool) -> Status {
    let mut status = Status { cancelled, ..Status::default() };
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = job.needs.iter().map(|need| need.text.as_str()).collect();
    while let Some(id) = open.pop() {
        if !seen.insert(id.to_lowercase()) {
            continue;
        }
        match find(finished, id).map(|finished| finished.result) {
            Some(Outcome::Failure) => status.failed = true,
            Some(Outcome::Skipped | Outcome::Cancelled) | None => status.skipped = true,
            Some(Outcome::Success) => {}
        }
        let ancestors = workflow.jobs.iter().find(|job| job.id.eq_ignore_ascii_case(id));
        open.extend(ancestors.into_iter().flat_map(|job| job.needs.iter().map(|need| need.text.as_str())));
    }
    status
}
