//! What is known of requests that clients may repeat. It lasts as long as this process, as the tasks do that they ran.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::model::TaskId;

/// By token of a client.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// Newest last.
    runs: Mutex<VecDeque<(String, Vec<TaskId>)>>,
}

impl Remembered {
    /// How many calls of RunTask are kept. A client repeats one within seconds.
    const RUNS: usize = 1000;

    /// Forgets everything.
    pub(super) fn forget(&self) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).clear();
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
