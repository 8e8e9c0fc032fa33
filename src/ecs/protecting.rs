//! Changes of tasks' protection.

use crate::moment::Now;
use crate::service::protection::{Protection, ProtectionChange, ProtectionFailure};
use crate::world::{Task, World};
use neargate_model::TaskId;

impl World {
    /// Protects a task from being scaled in, or does no longer (ECS API, UpdateTaskProtection).
    ///
    /// # Errors
    ///
    /// ECS would refuse it.
    pub fn update_task_protection(
        &mut self,
        task: &TaskId,
        change: ProtectionChange,
        now: Now,
    ) -> Result<(), ProtectionFailure> {
        let task = self.tasks.get_mut(task).filter(|task| !task.is_stopped()).ok_or(ProtectionFailure::Missing)?;
        task.change_protection(change, now)
    }
}

impl Task {
    pub(crate) fn change_protection(&mut self, change: ProtectionChange, now: Now) -> Result<(), ProtectionFailure> {
        if self.spec.service().is_none() || !self.is_wanted() {
            return Err(ProtectionFailure::NotValid);
        }
        self.protection = Protection::changed(change, now)?;
        Ok(())
    }
}
