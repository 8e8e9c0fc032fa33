//! What tasks use, measured when they ask: a task that never asks costs nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::control::runtime::{Runtime, RuntimeError, TaskUsage};
use crate::ecs::metadata::request::Need;
use crate::model::TaskId;

/// The interval of measurements on Fargate (ECS developer guide, "Amazon ECS task metadata v4 examples for tasks on
/// Fargate": `read` and `preread`).
const INTERVAL: Duration = Duration::from_secs(10);
/// The time between the first two: clients cannot be made to wait for the interval.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// The last two measurements of a task.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) before: Option<Arc<TaskUsage>>,
    pub(super) now: Option<Arc<TaskUsage>>,
    measured_at: Option<Instant>,
}

/// Those of each task that has asked.
#[derive(Debug, Default)]
pub(super) struct Measurements {
    /// Locked across calls to the runtime, so that requests at the same time share one.
    of_tasks: Mutex<HashMap<TaskId, Arc<tokio::sync::Mutex<Pair>>>>,
}

impl Measurements {
    /// Measures, unless the last measurement is recent enough.
    pub(super) async fn measure(&self, runtime: &dyn Runtime, task: &TaskId, need: Need) -> Result<Pair, RuntimeError> {
        let pair = {
            let mut all = self.of_tasks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(task.clone()).or_default())
        };
        let mut pair = pair.lock().await;
        if pair.measured_at.is_none_or(|at| at.elapsed() >= INTERVAL) {
            pair.add(runtime.usage(task).await?);
        }
        if need == Need::Rates && pair.before.is_none() {
            tokio::time::sleep(FIRST_INTERVAL).await;
            pair.add(runtime.usage(task).await?);
        }
        Ok(pair.clone())
    }

    /// Forgets tasks that are gone.
    pub(super) fn keep(&self, is_there: impl Fn(&TaskId) -> bool) {
        self.of_tasks.lock().unwrap_or_else(PoisonError::into_inner).retain(|task, _| is_there(task));
    }
}

impl Pair {
    fn add(&mut self, usage: TaskUsage) {
        self.before = self.now.replace(Arc::new(usage));
        self.measured_at = Some(Instant::now());
    }
}
