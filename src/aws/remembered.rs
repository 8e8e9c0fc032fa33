//! What the state has no place for, but must be returned as it was sent. It lasts as long as this process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::model::TaskId;
use crate::model::arn::Arn;

/// By ARN, and by token of a client.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    inputs: Mutex<BTreeMap<Arn, Value>>,
    /// Newest last.
    runs: Mutex<VecDeque<(String, Vec<TaskId>)>>,
}

impl Remembered {
    /// How many calls of RunTask are kept. A client repeats one within seconds.
    const RUNS: usize = 1000;

    /// What a resource was made from.
    pub(super) fn put(&self, arn: Arn, input: Value) {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).insert(arn, input);
    }

    /// The same, if it was made through an API since this process started.
    pub(super) fn get(&self, arn: &Arn) -> Option<Value> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned()
    }

    /// The tasks of a RunTask. Repeated with its token, it runs no others.
    pub(super) fn put_tasks(&self, token: String, tasks: Vec<TaskId>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() >= Self::RUNS {
            runs.pop_front();
        }
        runs.push_back((token, tasks));
    }

    /// The tasks that were run with that token.
    pub(super) fn tasks_of(&self, token: &str) -> Option<Vec<TaskId>> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.iter().rev().find(|(known, _)| known == token).map(|(_, tasks)| tasks.clone())
    }
}
