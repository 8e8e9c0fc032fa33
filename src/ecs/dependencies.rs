//! Whether the containers that a container depends on let it start, and why never.
//!
//! Sources: ECS API, ContainerDependency; Amazon ECS container agent, `agent/engine/dependencygraph/graph.go`, whose words a
//! container shows as its `reason`.

use std::time::Instant;

use crate::world::{Container, Phase, Task, sooner};
use neargate_model::task::HealthStatus;
use neargate_model::task_definition::{ContainerDefinition, Dependency, DependencyCondition};

/// How the agent describes a container that waits for its dependencies (amazon-ecs-agent, pull request 3218). Fargate is
/// believed to pull its image first, which this does not show.
const WAITING: &str = "NONE->RUNNING";

/// Whether a container may start.
pub(crate) enum Gate {
    /// It may.
    Open,
    /// Not before something else happens, or before this time.
    Wait { until: Option<Instant> },
    /// Never.
    Never { reason: String },
}

/// Whether the container's dependencies let it start. One that can never be fulfilled is final, even while others are
/// awaited. `restarts` says whether a container that has ended is about to be started again.
pub(crate) fn gate(
    task: &Task,
    definition: &ContainerDefinition,
    now: Instant,
    restarts: impl Fn(&ContainerDefinition) -> bool,
) -> Gate {
    let mut gate = Gate::Open;
    for dependency in &definition.depends_on {
        let Some(on) = task.spec.definition.container(&dependency.container) else { continue };
        let verdict = if restarts(on) { Verdict::Awaited } else { verdict(task, dependency, on, now) };
        gate = match (verdict, gate) {
            (Verdict::Fulfilled, gate) => gate,
            (Verdict::Awaited, Gate::Open) => Gate::Wait { until: None },
            (Verdict::AwaitedUntil(at), Gate::Open) => Gate::Wait { until: Some(at) },
            (Verdict::AwaitedUntil(at), Gate::Wait { until }) => Gate::Wait { until: sooner(until, Some(at)) },
            (Verdict::Awaited | Verdict::AwaitedUntil(_), gate) => gate,
            (Verdict::Impossible(failure), _) => {
                return Gate::Never { reason: failure.in_words(task, on, definition) };
            }
        };
    }
    gate
}

/// The state of a dependency.
enum Verdict {
    Fulfilled,
    Awaited,
    /// `startTimeout` of the dependency is over then.
    AwaitedUntil(Instant),
    Impossible(Failure),
}

/// Why a dependency can never be fulfilled.
enum Failure {
    /// `SUCCESS`, and it exited with another code than 0.
    Unsuccessful,
    /// It did not get there within its `startTimeout`.
    TimedOut,
    /// It could not be started.
    NeverStarts,
    /// `HEALTHY`, and it stopped before it was.
    NeverHealthy,
}

fn verdict(task: &Task, dependency: &Dependency, on: &ContainerDefinition, now: Instant) -> Verdict {
    let container = &task.containers[&on.name];
    match (dependency.condition, &container.phase) {
        (_, Phase::Stopped(None)) => return Verdict::Impossible(Failure::NeverStarts),
        (_, Phase::Pending | Phase::Starting) => {}
        (DependencyCondition::Start, _) => return Verdict::Fulfilled,
        (DependencyCondition::Complete, Phase::Stopped(Some(_))) => return Verdict::Fulfilled,
        (DependencyCondition::Success, Phase::Stopped(Some(exit))) if exit.exit_code == 0 => return Verdict::Fulfilled,
        (DependencyCondition::Success, Phase::Stopped(Some(_))) => return Verdict::Impossible(Failure::Unsuccessful),
        (DependencyCondition::Healthy, _) if container.health == HealthStatus::Healthy => return Verdict::Fulfilled,
        (DependencyCondition::Healthy, Phase::Stopped(Some(_))) => return Verdict::Impossible(Failure::NeverHealthy),
        _ => {}
    }
    // `startTimeout` belongs to the dependency and counts from its start (ECS API, ContainerDefinition). It has none for
    // START: one that has started is there.
    match (on.start_timeout, container.started_at) {
        (Some(timeout), Some(started)) if now >= started.instant + timeout => Verdict::Impossible(Failure::TimedOut),
        (Some(timeout), Some(started)) => Verdict::AwaitedUntil(started.instant + timeout),
        _ => Verdict::Awaited,
    }
}

impl Failure {
    /// As the agent says it.
    fn in_words(&self, task: &Task, on: &ContainerDefinition, target: &ContainerDefinition) -> String {
        let on = described(task, on);
        let target = format!("{}({}) ({WAITING})", target.name, image(task, target));
        let unresolved = "failed to resolve container ordering dependency";
        let what = match self {
            Self::Unsuccessful => {
                format!("{unresolved} [{on}] for target [{target}] as dependency did not exit successfully.")
            }
            Self::TimedOut => format!("container ordering dependency [{on}] for target [{target}] has timed out."),
            Self::NeverStarts => {
                format!("{unresolved} [{on}] for target [{target}] because dependency will never start")
            }
            // The agent has no words for it: it stops the task because nothing can move on any more.
            Self::NeverHealthy => {
                format!("failed to resolve the container ordering dependency [{on}] for target [{target}]")
            }
        };
        format!("CannotStartContainerError: dependency graph: {what}")
    }
}

/// A dependency as the agent prints it: `migrate(example/migrate:1) (STOPPED->RUNNING) - Exit: 3`.
fn described(task: &Task, definition: &ContainerDefinition) -> String {
    let container: &Container = &task.containers[&definition.name];
    let (states, exit) = match &container.phase {
        Phase::Stopped(Some(exit)) => ("STOPPED->RUNNING", format!(" - Exit: {}", exit.exit_code)),
        Phase::Stopped(None) => ("NONE->STOPPED", String::new()),
        Phase::Pending | Phase::Starting => (WAITING, String::new()),
        Phase::Running | Phase::Stopping | Phase::Restarting => ("RUNNING->RUNNING", String::new()),
    };
    format!("{}({}) ({states}){exit}", definition.name, image(task, definition))
}

/// The image of the task definition; what runs here if a pipeline has to fill it in.
fn image<'a>(task: &'a Task, definition: &'a ContainerDefinition) -> &'a str {
    if definition.image.is_empty() { task.spec.image(definition) } else { &definition.image }
}
