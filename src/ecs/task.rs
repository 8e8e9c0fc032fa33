//! The life of one task, from nothing to RUNNING and back: which container starts or stops next.
//!
//! Sources: ECS API, ContainerDependency and StopTimeout; ECS developer guide, "Task lifecycle". Containers stop in the
//! reverse order of `dependsOn`: a container stops only after every container that depends on it.
//!
//! A task is DEACTIVATING while its targets are deregistered. One that is told to stop gets its stop signals after that; one
//! that ends by itself has ended, whatever the load balancer knows.

use std::time::{Duration, Instant};

use crate::step::{Change, Effect, ImageUser, Plan};
use crate::world::{Container, ImageState, Network, Phase, Preparation, Stop, Task, World};
use neargate_model::task::{HealthStatus, StopCode};
use neargate_model::task_definition::{ContainerDefinition, Dependency, DependencyCondition};
use neargate_model::topology::TimeScale;

/// `stoppedReason` when an essential container ends with any exit code.
pub(crate) const ESSENTIAL_EXITED: &str = "Essential container in task exited";

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
        match consequence(&task.containers[&definition.name], definition, time_scale) {
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
            Supply::Never { reason } => give_up(task, definition, reason, plan),
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
        plan_members(task, &supplies, now, plan);
    }
}

/// Starts containers that may start, and reports running ones. The network exists, and so does every image that can be
/// provided.
fn plan_members(task: &Task, supplies: &[(&ContainerDefinition, Supply<'_>)], now: Instant, plan: &mut Plan) {
    let id = &task.spec.id;
    let usable = supplies.iter().filter(|(_, supply)| matches!(supply, Supply::Usable));
    for (definition, _) in usable.filter(|(definition, _)| task.containers[&definition.name].phase == Phase::Pending) {
        match gate(task, definition, now) {
            Gate::Open => plan.push(Effect::StartContainer(id.clone(), definition.name.clone())),
            Gate::Wait { until } => until.into_iter().for_each(|until| plan.wake_by(until)),
            Gate::Never { reason } => give_up(task, definition, &reason, plan),
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

fn give_up(task: &Task, definition: &ContainerDefinition, reason: &str, plan: &mut Plan) {
    if task.containers[&definition.name].phase == Phase::Pending {
        plan.push(Change::GiveUpContainer {
            task: task.spec.id.clone(),
            container: definition.name.clone(),
            reason: reason.to_owned(),
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

fn consequence(container: &Container, definition: &ContainerDefinition, time_scale: TimeScale) -> Consequence {
    let Phase::Stopped(exit) = &container.phase else { return Consequence::None };
    if let (Some(policy), Some(exit)) = (&definition.restart_policy, exit) {
        let ignored = policy.ignored_exit_codes.iter().any(|code| i64::from(*code) == exit.exit_code);
        let ran_for = container
            .started_at
            .zip(container.ended_at)
            .map(|(from, to)| to.instant.saturating_duration_since(from.instant));
        let ran_long_enough = ran_for.is_some_and(|time| time >= time_scale.apply(policy.restart_attempt_period));
        if !ignored && ran_long_enough {
            return Consequence::Restart;
        }
    }
    match exit {
        _ if !definition.essential => Consequence::None,
        Some(_) => Consequence::Stop { code: StopCode::EssentialContainerExited, reason: ESSENTIAL_EXITED.to_owned() },
        None => {
            let reason = container.reason.clone().unwrap_or_else(|| "Task failed to start".to_owned());
            Consequence::Stop { code: StopCode::TaskFailedToStart, reason }
        }
    }
}

/// Whether a container may start.
enum Gate {
    /// It may.
    Open,
    /// Not before something else happens, or before this time.
    Wait { until: Option<Instant> },
    /// Never.
    Never { reason: String },
}

/// Whether the container's dependencies let it start.
fn gate(task: &Task, definition: &ContainerDefinition, now: Instant) -> Gate {
    for dependency in &definition.depends_on {
        match dependency_gate(task, definition, dependency, now) {
            Gate::Open => {}
            other => return other,
        }
    }
    Gate::Open
}

fn dependency_gate(task: &Task, definition: &ContainerDefinition, dependency: &Dependency, now: Instant) -> Gate {
    let container = &task.containers[&dependency.container];
    let never = |what: &str| {
        let (container, dependency) = (&definition.name, &dependency.container);
        Gate::Never {
            reason: format!("dependency container {dependency} {what}, so container {container} cannot start"),
        }
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
        _ => Gate::Wait { until: None },
    };
    if !matches!(verdict, Gate::Wait { .. }) || dependency.condition == DependencyCondition::Start {
        return verdict;
    }
    // `startTimeout` belongs to the dependency and counts from its start (ECS API, ContainerDefinition).
    let timeout = task.spec.definition.container(&dependency.container).and_then(|other| other.start_timeout);
    match (timeout, container.started_at.map(|at| at.instant)) {
        (Some(timeout), Some(started_at)) if now >= started_at + timeout => {
            never(&format!("did not get there within its startTimeout of {} s", timeout.as_secs()))
        }
        (Some(timeout), Some(started_at)) => Gate::Wait { until: Some(started_at + timeout) },
        _ => verdict,
    }
}
