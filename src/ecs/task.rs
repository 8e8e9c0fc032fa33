//! The life of one task, from nothing to RUNNING and back: which container starts or stops next.
//!
//! Sources: ECS API, ContainerDefinition.stopTimeout; ECS developer guide, "Task lifecycle". Containers stop in the
//! reverse order of `dependsOn`: a container stops only after every container that depends on it.
//!
//! A task is DEACTIVATING while its targets are deregistered. One that is told to stop gets its stop signals after that; one
//! that ends by itself has ended, whatever the load balancer knows.

use std::time::{Duration, Instant};

use crate::dependencies::{Gate, gate};
use crate::step::{Change, Effect, ImageUser, Plan};
use crate::world::{Container, Failing, ImageState, Network, Phase, Preparation, Stop, Task, World};
use neargate_model::task::StopCode;
use neargate_model::task_definition::ContainerDefinition;
use neargate_model::topology::TimeScale;

/// `stoppedReason` when an essential container ends with any exit code.
const ESSENTIAL_EXITED: &str = "Essential container in task exited";
/// `stoppedReason` of a task that never ran, if the reason is one of a container and told there.
pub(crate) const FAILED_TO_START: &str = "Task failed to start";

/// How long ECS takes to deregister the targets of a task that stops. In a recorded rolling update, the event that targets
/// were deregistered came 1.2 s after the one that a task was stopped; a second is typical of others.
const DEACTIVATION: Duration = Duration::from_millis(1200);

/// A moment later, so that what was is published first.
const NEXT_TURN: Duration = Duration::from_millis(1);

/// Adds the next steps of this task.
pub(crate) fn plan_task(world: &World, task: &Task, now: Instant, time_scale: TimeScale, plan: &mut Plan) {
    if task.is_stopped() {
        return;
    }
    if let Some(stop) = &task.stop {
        plan_stopping(task, stop, now, time_scale, plan);
    } else {
        plan_starting(world, task, now, time_scale, plan);
    }
}

fn plan_stopping(task: &Task, stop: &Stop, now: Instant, time_scale: TimeScale, plan: &mut Plan) {
    let id = &task.spec.id;
    let is_registered = !task.registered.is_empty();
    if is_registered {
        let deregistered_at = stop.at.instant + time_scale.apply(DEACTIVATION);
        plan.push_after(Some(deregistered_at).filter(|at| now < *at), Change::DeregisterTargets(id.clone()));
    }
    if is_registered && matches!(stop.code, StopCode::UserInitiated | StopCode::ServiceSchedulerInitiated) {
        return;
    }
    // Draining runs beside the stopping of containers, not before it: on Fargate an application that ignores its
    // SIGTERM window loses requests, and so it must here.
    for definition in &task.spec.definition.containers {
        let container = &task.containers[&definition.name];
        if container.phase == Phase::Running && dependents_have_stopped(task, definition) {
            let effect = Effect::StopContainer(id.clone(), definition.name.clone(), definition.stop_timeout);
            plan.push_after(container.stop_retry.wait(now), effect);
        }
    }
    let containers_gone = !task.containers.values().any(Container::is_alive);
    if containers_gone && !is_registered && matches!(task.network, Network::Missing | Network::Open(_)) {
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
    for definition in &task.spec.definition.containers {
        match consequence(task, definition, time_scale) {
            Consequence::None => {}
            Consequence::Restart => plan.push(Effect::StartContainer(id.clone(), definition.name.clone())),
            Consequence::Stop { code, reason } => {
                plan.push(Change::StopTask { task: id.clone(), code, reason });
                return;
            }
        }
    }

    if task.network == Network::Missing && world.project == Preparation::Ready {
        plan.push(Effect::OpenTask(id.clone()));
    }
    let supplies: Vec<_> = task
        .spec
        .definition
        .containers
        .iter()
        .map(|definition| (definition, supply(world, task, definition)))
        .collect();
    for (definition, supply) in &supplies {
        match supply {
            Supply::Usable | Supply::Awaited => {}
            Supply::Wanted => {
                let image = task.spec.image(definition).to_owned();
                plan.provide_image(image, ImageUser::of(&task.spec), &definition.name, &task.spec.node);
            }
            Supply::Never { reason } => give_up(task, definition, reason, Failing::Task, plan),
        }
    }
    let is_open = matches!(task.network, Network::Open(_));
    if is_open && task.pull_started_at.is_none() {
        plan.push(Change::BeginPull(id.clone()));
    }
    let all_settled = supplies.iter().all(|(_, supply)| matches!(supply, Supply::Usable | Supply::Never { .. }));
    if all_settled && is_open {
        if task.pull_stopped_at.is_none() {
            plan.push(Change::EndPull(id.clone()));
        }
        plan_members(task, &supplies, now, time_scale, plan);
    }
}

/// Starts containers that may start, and reports running ones. The network exists, and so does every image that can be
/// provided.
fn plan_members(
    task: &Task,
    supplies: &[(&ContainerDefinition, Supply<'_>)],
    now: Instant,
    time_scale: TimeScale,
    plan: &mut Plan,
) {
    let id = &task.spec.id;
    let usable = supplies.iter().filter(|(_, supply)| matches!(supply, Supply::Usable));
    for (definition, _) in usable.filter(|(definition, _)| task.containers[&definition.name].phase == Phase::Pending) {
        match gate(task, definition, now, |on| restarts(&task.containers[&on.name], on, time_scale)) {
            Gate::Open => plan.push(Effect::StartContainer(id.clone(), definition.name.clone())),
            Gate::Wait { until } => until.into_iter().for_each(|until| plan.wake_by(until)),
            Gate::Never { reason } => give_up(task, definition, &reason, Failing::Container, plan),
        }
    }

    for definition in &task.spec.definition.containers {
        let container = &task.containers[&definition.name];
        if container.to_restart && container.phase == Phase::Running {
            plan.push(Effect::RestartContainer(id.clone(), definition.name.clone(), definition.stop_timeout));
        }
    }

    if task.essentials_run() {
        match task.registered_at {
            None => plan.push(Change::RegisterTargets(id.clone())),
            // With several target groups a task is ACTIVATING while it is registered in them (ECS developer guide, "Task
            // lifecycle").
            Some(at) if task.registered.len() > 1 && now <= at => plan.wake_by(at + NEXT_TURN),
            Some(_) if task.running_since.is_none() => plan.push(Change::MarkRunning(id.clone())),
            Some(_) => {}
        }
    }
}

/// The state of a container's image.
enum Supply<'a> {
    /// A container can be started from it.
    Usable,
    /// It is being provided.
    Awaited,
    /// It has not been requested.
    Wanted,
    /// It cannot be provided.
    Never { reason: &'a str },
}

fn supply<'a>(world: &'a World, task: &Task, definition: &ContainerDefinition) -> Supply<'a> {
    // It is an image that ran before, whatever becomes of a newer one.
    if task.containers[&definition.name].image_id.is_some() {
        return Supply::Usable;
    }
    let Some(image) = world.images.get(task.spec.image(definition)) else { return Supply::Wanted };
    if image.is_usable(task.spec.node.as_ref(), world.deployment_is_complete(task)) {
        return Supply::Usable;
    }
    match &image.state {
        // What cannot be built would not be deployed; the task waits for the build that is mended.
        ImageState::Failed(_) if image.built => Supply::Awaited,
        ImageState::Failed(reason) => Supply::Never { reason },
        ImageState::Providing => Supply::Awaited,
        // It is there, but on other nodes.
        ImageState::Missing | ImageState::Ready => Supply::Wanted,
    }
}

fn give_up(task: &Task, definition: &ContainerDefinition, reason: &str, failing: Failing, plan: &mut Plan) {
    if task.containers[&definition.name].phase == Phase::Pending {
        plan.push(Change::GiveUpContainer {
            task: task.spec.id.clone(),
            container: definition.name.clone(),
            reason: reason.to_owned(),
            failing,
        });
    }
}

/// The effect of a container's end on its task.
enum Consequence {
    /// None: it has not ended, or the task continues without it.
    None,
    /// Its restart policy starts it again.
    Restart,
    /// An essential container ended or will never start, so the task stops.
    Stop { code: StopCode, reason: String },
}

fn consequence(task: &Task, definition: &ContainerDefinition, time_scale: TimeScale) -> Consequence {
    let container = &task.containers[&definition.name];
    let Phase::Stopped(exit) = &container.phase else { return Consequence::None };
    if restarts(container, definition, time_scale) {
        return Consequence::Restart;
    }
    if !definition.essential {
        return Consequence::None;
    }
    // A container that waits for another one has kept the task from RUNNING.
    let never_ran = task.running_since.is_none() && task.containers.values().any(|other| other.phase == Phase::Pending);
    let (code, reason) = match (exit, container.failing) {
        (Some(_), _) if !never_ran => (StopCode::EssentialContainerExited, ESSENTIAL_EXITED),
        (None, Failing::Task) => (StopCode::TaskFailedToStart, container.reason.as_deref().unwrap_or(FAILED_TO_START)),
        _ => (StopCode::TaskFailedToStart, FAILED_TO_START),
    };
    Consequence::Stop { code, reason: reason.to_owned() }
}

/// Whether its restart policy starts the container again (ECS API, ContainerRestartPolicy).
fn restarts(container: &Container, definition: &ContainerDefinition, time_scale: TimeScale) -> bool {
    let (Phase::Stopped(Some(exit)), Some(policy)) = (&container.phase, &definition.restart_policy) else {
        return false;
    };
    let ignored = policy.ignored_exit_codes.iter().any(|code| i64::from(*code) == exit.exit_code);
    let ran_for = container.started_at.zip(container.ended_at);
    let ran_for = ran_for.map(|(from, to)| to.instant.saturating_duration_since(from.instant));
    !ignored && ran_for.is_some_and(|time| time >= time_scale.apply(policy.restart_attempt_period))
}
