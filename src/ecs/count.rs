//! How many tasks run, and how many are on their way (ECS API: `runningCount`, `pendingCount`).

use crate::world::Task;

/// Of a service, a deployment or a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// `runningCount`
    pub running: u32,
    /// `pendingCount`
    pub pending: u32,
}

impl Counts {
    /// Those that stop count as neither.
    pub fn of<'a>(tasks: impl Iterator<Item = &'a Task>) -> Self {
        let wanted = tasks.filter(|task| task.is_wanted());
        let (running, pending): (Vec<&Task>, Vec<&Task>) = wanted.partition(|task| task.running_since.is_some());
        Self { running: running.len() as u32, pending: pending.len() as u32 }
    }
}
