//! Tasks without a service (ECS API, RunTask): they are not replaced, and they stop on request or together with the
//! stack.

use crate::step::{Change, Plan};
use crate::violation::Violation;
use crate::world::{STOPPED_TASKS_KEPT, Task};
use neargate_model::overrides::TaskOverride;
use neargate_model::task::StopCode;
use neargate_model::task_definition::TaskDefinition;

/// The default `stoppedReason` (ECS API, StopTask).
pub const STOPPED_BY_USER: &str = "Task stopped by user";

/// How many tasks RunTask may start (ECS API, RunTask, `count`).
const COUNT: std::ops::RangeInclusive<usize> = 1..=10;

/// The task definition of a run with these overrides.
///
/// # Errors
///
/// RunTask refuses them.
pub fn overridden(
    definition: &TaskDefinition,
    overrides: &TaskOverride,
    count: usize,
) -> Result<TaskDefinition, Violation> {
    if !COUNT.contains(&count) {
        return Err(Violation::CountOutOfRange(count));
    }
    let mut definition = definition.clone();
    for (name, container) in overrides {
        let known = definition.containers.iter_mut().find(|known| known.name == *name);
        let known = known.ok_or_else(|| Violation::OverrideForUnknownContainer(name.clone()))?;
        if let Some(command) = &container.command {
            known.command = Some(command.clone());
        }
        known.environment.extend(container.environment.clone());
    }
    Ok(definition)
}

/// Adds what these tasks, oldest first, need besides their own steps.
pub(crate) fn plan_standalone(tasks: &[&Task], shutting_down: bool, plan: &mut Plan) {
    let stopped: Vec<&&Task> = tasks.iter().filter(|task| task.is_stopped()).collect();
    let surplus = stopped.len().saturating_sub(STOPPED_TASKS_KEPT);
    for task in stopped.iter().take(surplus) {
        plan.push(Change::ForgetTask(task.spec.id.clone()));
    }
    for task in tasks.iter().filter(|task| shutting_down && task.is_wanted()) {
        plan.push(Change::StopTask {
            task: task.spec.id.clone(),
            code: StopCode::UserInitiated,
            reason: STOPPED_BY_USER.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::step::{Effect, ImageUser, Step};
    use crate::world::{Network, Preparation, World};
    use neargate_model::task::{Origin, TaskSpec};
    use neargate_model::task_definition::TaskDefinition;
    use neargate_model::{TaskId, Topology};

    fn task(sequence: u64) -> Task {
        let spec = TaskSpec {
            id: TaskId::new(format!("{sequence:032x}")),
            origin: Origin::Standalone { started_by: Some("pipeline".to_owned()) },
            definition: Arc::new(TaskDefinition::new("migrate", Vec::new())),
            revision: 3,
            node: None,
            endpoints: Vec::new(),
            router_configuration: None,
            secrets: BTreeMap::new(),
            images: BTreeMap::new(),
        };
        Task::new(spec, sequence, jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_task_without_a_service_names_its_family_and_whoever_ran_it() {
        let spec = task(1).spec;
        assert_eq!(
            (spec.group(), spec.started_by(), spec.service()),
            ("family:migrate".into(), Some("pipeline"), None)
        );
        assert_eq!(spec.task_definition(), "migrate:3");
        assert_eq!(ImageUser::of(&spec), ImageUser::Task(spec.id.clone()), "its own definition says what it runs");
    }

    #[test]
    fn nobody_replaces_it_and_it_stops_with_the_stack() {
        let topology = Topology::new("test", []);
        let mut world = World { project: Preparation::Ready, ..World::default() };
        world.tasks.insert(task(1).spec.id.clone(), task(1));
        let now = std::time::Instant::now();
        let id = task(1).spec.id.clone();
        let steps = |world: &World| crate::plan::plan(&topology, world, now).steps;
        assert_eq!(steps(&world), [Step::Effect(Effect::OpenTask(id.clone()))]);

        world.shutting_down = true;
        world.tasks.get_mut(&id).unwrap().network = Network::Opening;
        let reason = STOPPED_BY_USER.to_owned();
        let stop = Change::StopTask { task: id.clone(), code: StopCode::UserInitiated, reason };
        assert_eq!(steps(&world), [Step::Change(stop)]);

        world.shutting_down = false;
        world.tasks.get_mut(&id).unwrap().network = Network::Closed;
        assert_eq!(steps(&world), [], "it ran once");
        assert!(world.is_at_rest());
    }

    #[test]
    fn the_last_stopped_ones_stay_readable() {
        let stopped: Vec<Task> = (0..=STOPPED_TASKS_KEPT as u64)
            .map(|sequence| Task { network: Network::Closed, ..task(sequence) })
            .collect();
        let mut plan = Plan::default();
        plan_standalone(&stopped.iter().collect::<Vec<_>>(), false, &mut plan);
        assert_eq!(plan.steps, [Step::Change(Change::ForgetTask(stopped[0].spec.id.clone()))]);
    }
}
