//! What the state has no place for, but must be returned as it was sent. It lasts as long as this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::model::TaskId;
use crate::model::arn::Arn;

/// By ARN, and by token of a client.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    inputs: Mutex<BTreeMap<Arn, Value>>,
    runs: Mutex<BTreeMap<String, Vec<TaskId>>>,
}

impl Remembered {
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
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(token, tasks);
    }

    /// The tasks that were run with that token.
    pub(super) fn tasks_of(&self, token: &str) -> Option<Vec<TaskId>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }
}
