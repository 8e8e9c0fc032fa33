//! The life of one task, from nothing to RUNNING and back: which container starts or stops next.
//!
//! Sources: ECS API, ContainerDependency and StopTimeout; ECS developer guide, "Task lifecycle". Containers stop in the
//! reverse order of `dependsOn`: a container stops only after every container that depends on it.

use std::time::Instant;

use crate::ecs::images::renewal;
use crate::ecs::step::{Change, Effect, Plan};
use crate::ecs::world::{Container, ImageState, Network, Phase, Preparation, Task, World};
use crate::model::task::{HealthStatus, StopCode};
use crate::model::task_definition::{ContainerDefinition, Dependency, DependencyCondition};
use crate::model::topology::TimeScale;

/// `stoppedReason` when an essential container ends, whatever its exit code.
pub(crate) const ESSENTIAL_EXITED: &str = "Essential container in task exited";

/// Adds what this task needs next.
pub(crate) fn plan_task(world: &World, task: &Task, now: Instant, time_scale: TimeScale, plan: &mut Plan) {
    if task.is_stopped() {
        return;
    }
    if task.stop.is_some() {
        plan_stopping(task, now, plan);
    } else {
        plan_starting(world, task, now, time_scale, plan);
    }
}

fn plan_stopping(task: &Task, now: Instant, plan: &mut Plan) {
    let id = &task.spec.id;
    // Draining runs beside the stopping of containers, not before it: on Fargate an application that ignores its
    // SIGTERM window loses requests, and so it must here.
    if !task.registered.is_empty() {
        plan.push(Change::DeregisterTargets(id.clone()));
    }
    for definition in &task.spec.definition.containers {
        let container = &task.containers[&definition.name];
        if container.phase == Phase::Running && dependents_have_stopped(task, definition) {
            let effect = Effect::StopContainer(id.clone(), definition.name.clone(), definition.stop_timeout);
            plan.push_after(container.stop_retry.wait(now), effect);
        }
    }
    let containers_gone = !task.containers.values().any(Container::is_alive);
    if containers_gone && matches!(task.network, Network::Missing | Network::Open(_)) {
        plan.push_after(task.close_retry.wait(now), Effect::CloseTask(id.clone()));
    }
}

fn dependents_have_stopped(task: &Task, definition: &ContainerDefinition) -> bool {
    task.spec
        .definition
        .containers
        .iter()
        .filter(|other| other.depends_on.iter().any(|dependency| dependency.container == definition.name))
        .all(|other| !task.containers[&other.name].is_alive())
}

fn plan_starting(world: &World, task: &Task, now: Instant, time_scale: TimeScale, plan: &mut Plan) {
    let id = &task.spec.id;
    if let Some(stop) = essential_failure(task, now, time_scale, plan) {
        plan.push(stop);
        return;
    }

    if task.network == Network::Missing && world.project == Preparation::Ready {
        plan.push(Effect::OpenTask(id.clone()));
    }
    if !images_are_settled(world, task, plan) || !matches!(task.network, Network::Open(_)) {
        return;
    }

    for definition in &task.spec.definition.containers {
        if task.containers[&definition.name].phase != Phase::Pending {
            continue;
        }
        let image = world.images.get(task.spec.image(definition));
        if !image.is_some_and(|image| image.is_usable(world.deployment_is_complete(task))) {
            continue;
        }
        match gate(task, definition, now, plan) {
            Gate::Open => plan.push(Effect::StartContainer(id.clone(), definition.name.clone())),
            Gate::Wait => {}
            Gate::Never(reason) => give_up(task, definition, &reason, plan),
        }
    }

    for definition in &task.spec.definition.containers {
        let container = &task.containers[&definition.name];
        if container.to_restart && container.phase == Phase::Running {
            plan.push(Effect::RestartContainer(id.clone(), definition.name.clone(), definition.stop_timeout));
        }
    }

    if task.essentials_run() {
        if !task.registration_done {
            plan.push(Change::RegisterTargets(id.clone()));
        }
        if task.running_since.is_none() {
            plan.push(Change::MarkRunning(id.clone()));
        }
    }
}

/// Whether it is known of every image if it can be used; asks for those that are missing.
fn images_are_settled(world: &World, task: &Task, plan: &mut Plan) -> bool {
    let is_complete = world.deployment_is_complete(task);
    let mut settled = true;
    for definition in &task.spec.definition.containers {
        let name = task.spec.image(definition);
        let image = world.images.get(name);
        if image.is_some_and(|image| image.is_usable(is_complete)) {
            continue;
        }
        match image.map(|image| &image.state) {
            // What cannot be built would not be deployed; the task waits for the build that is mended.
            Some(ImageState::Failed(_)) if image.is_some_and(|image| image.built) => settled = false,
            Some(ImageState::Failed(reason)) => give_up(task, definition, reason, plan),
            Some(ImageState::Ready | ImageState::Providing) => settled = false,
            Some(ImageState::Missing) | None => {
                settled = false;
                renewal::ask(plan, name.to_owned(), &task.spec.service, &definition.name);
            }
        }
    }
    settled
}

fn give_up(task: &Task, definition: &ContainerDefinition, reason: &str, plan: &mut Plan) {
    if task.containers[&definition.name].phase == Phase::Pending {
        plan.push(Change::GiveUpContainer {
            task: task.spec.id.clone(),
            container: definition.name.clone(),
            reason: reason.to_owned(),
        });
    }
}

/// The step that stops the task because an essential container ended or never will start; restarts instead where
/// the container's restart policy says so.
fn essential_failure(task: &Task, now: Instant, time_scale: TimeScale, plan: &mut Plan) -> Option<Change> {
    for definition in &task.spec.definition.containers {
        let container = &task.containers[&definition.name];
        let Phase::Stopped(exit) = &container.phase else { continue };
        if let (Some(policy), Some(exit)) = (&definition.restart_policy, exit) {
            let ignored = policy.ignored_exit_codes.iter().any(|code| i64::from(*code) == exit.exit_code);
            let ran_long_enough = container
                .started_at
                .is_some_and(|at| now.duration_since(at) >= time_scale.apply(policy.restart_attempt_period));
            if !ignored && ran_long_enough {
                plan.push(Effect::StartContainer(task.spec.id.clone(), definition.name.clone()));
                continue;
            }
        }
        if !definition.essential {
            continue;
        }
        let (code, reason) = match exit {
            Some(_) => (StopCode::EssentialContainerExited, ESSENTIAL_EXITED.to_owned()),
            None => {
                let reason = container.reason.clone().unwrap_or_else(|| "Task failed to start".to_owned());
                (StopCode::TaskFailedToStart, reason)
            }
        };
        return Some(Change::StopTask { task: task.spec.id.clone(), code, reason });
    }
    None
}

enum Gate {
    Open,
    Wait,
    Never(String),
}

/// Whether the container's dependencies let it start.
fn gate(task: &Task, definition: &ContainerDefinition, now: Instant, plan: &mut Plan) -> Gate {
    for dependency in &definition.depends_on {
        match dependency_gate(task, definition, dependency, now, plan) {
            Gate::Open => {}
            other => return other,
        }
    }
    Gate::Open
}

fn dependency_gate(
    task: &Task,
    definition: &ContainerDefinition,
    dependency: &Dependency,
    now: Instant,
    plan: &mut Plan,
) -> Gate {
    let container = &task.containers[&dependency.container];
    let never = |what: &str| {
        Gate::Never(format!(
            "dependency container {} {what}, so container {} cannot start",
            dependency.container, definition.name
        ))
    };
    let verdict = match (dependency.condition, &container.phase) {
        (_, Phase::Stopped(None)) => never("failed to start"),
        (
            DependencyCondition::Start,
            Phase::Running | Phase::Stopping | Phase::Restarting | Phase::Stopped(Some(_)),
        ) => Gate::Open,
        (DependencyCondition::Complete, Phase::Stopped(Some(_))) => Gate::Open,
        (DependencyCondition::Success, Phase::Stopped(Some(exit))) => match exit.exit_code {
            0 => Gate::Open,
            code => never(&format!("exited with code {code}")),
        },
        (DependencyCondition::Healthy, Phase::Stopped(Some(_))) => never("stopped before it was healthy"),
        (DependencyCondition::Healthy, Phase::Running) if container.health == HealthStatus::Healthy => Gate::Open,
        _ => Gate::Wait,
    };
    if !matches!(verdict, Gate::Wait) || dependency.condition == DependencyCondition::Start {
        return verdict;
    }
    // `startTimeout` belongs to the dependency and counts from its start (ECS API, ContainerDefinition).
    let timeout = task.spec.definition.container(&dependency.container).and_then(|other| other.start_timeout);
    match (timeout, container.started_at) {
        (Some(timeout), Some(started_at)) if now >= started_at + timeout => {
            never(&format!("did not get there within its startTimeout of {} s", timeout.as_secs()))
        }
        (Some(timeout), Some(started_at)) => {
            plan.wake_by(started_at + timeout);
            Gate::Wait
        }
        _ => Gate::Wait,
    }
}
