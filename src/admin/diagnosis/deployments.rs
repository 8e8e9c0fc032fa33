//! Services: failing deployments, crash loops, failing container health checks.

use jiff::{SignedDuration, Timestamp};

use super::finding::{ContainerOfTask, Finding, Severity};
use super::stopped;
use crate::admin::view::shape::{ClusterView, ContainerView, DeploymentView, ServiceView, TaskView};
use crate::admin::view::words::Word;
use crate::ecs::world::RolloutState;
use crate::model::task::{ContainerStatus, DesiredStatus, HealthStatus, StopCode, TaskStatus};
use crate::model::{ServiceName, Topology};

/// For how long a failure that has healed is still worth a word.
const RECENT: SignedDuration = SignedDuration::from_mins(10);
/// So many failures within that time are a loop, even in the moments in which all is well.
const LOOP: usize = 2;

/// The problems of a service, the deployment in progress first.
pub(super) fn service(view: &ClusterView, topology: &Topology, service: &ServiceView, now: Timestamp) -> Vec<Finding> {
    let failures = failures(service, &service.deployment);
    let recent = failures.iter().filter(|task| is_recent(task, now)).count();
    let in_progress = service.rollout_state != RolloutState::Completed;
    let short = service.running_count < service.desired_count;
    let mut findings: Vec<Finding> =
        service.failed_deployment.iter().map(|failed| given_up(topology, service, failed)).collect();
    if let Some(last) = failures.last()
        && !view.shutting_down
    {
        let severity = match in_progress || short || recent >= LOOP {
            true => Some(Severity::Problem),
            false => (recent > 0).then_some(Severity::Note),
        };
        findings.extend(severity.map(|severity| failed(topology, service, last, failures.len(), severity)));
    }
    for task in service.tasks.iter().filter(|task| task.desired_status == DesiredStatus::Running) {
        findings
            .extend(task.containers.iter().filter_map(|container| container_check(topology, service, task, container)));
        findings.extend(task.containers.iter().filter_map(|container| restarts(service, task, container)));
    }
    findings
}

/// A deployment that ECS does not go on with.
fn given_up(topology: &Topology, service: &ServiceView, failed: &DeploymentView) -> Finding {
    let is_rolled_back = failed.id != service.deployment;
    let last = failures(service, &failed.id).pop();
    let why = last.map(|task| (task, stopped::why(topology, &service.service_name, task)));
    let cause = match &why {
        Some((task, why)) => format!("{}: {}", task.stopped_reason.as_deref().unwrap_or("a task stopped"), why.cause),
        None => match &service.service_deployment.status_reason {
            Some(reason) => format!("{}; its tasks came up", because(reason)),
            None => "it was stopped, or one of its alarms went off; its tasks came up".to_owned(),
        },
    };
    let runs = format!("{} runs", service.task_definition);
    Finding {
        severity: Severity::Problem,
        subject: format!("deployment {} of service {}", failed.id, service.service_name),
        symptom: format!("rolloutState FAILED: {}", failed.rollout_state_reason),
        effect: Some(match is_rolled_back {
            true => format!("responses from the deployment before: {runs}, and not {}", failed.task_definition),
            false => "what the tasks that are left answer: no more are started".to_owned(),
        }),
        cause,
        fix: match &why {
            Some((_, why)) => format!("{}; mend it and deploy again", why.fix),
            None => "mend what it runs, then deploy again".to_owned(),
        },
        container: why
            .and_then(|(task, why)| Some(ContainerOfTask { task: task.task_id.clone(), container: why.container? })),
    }
}

/// `Service deployment rolled back because …`, without its beginning and its end.
fn because(status_reason: &str) -> &str {
    let why = status_reason.split_once(" because ").map_or(status_reason, |(_, why)| why);
    why.trim_end_matches('.')
}

/// The tasks of a deployment of the service that failed, the last one last. What an earlier deployment suffered
/// is mended, or it would be this one's trouble as well.
fn failures<'v>(service: &'v ServiceView, deployment: &str) -> Vec<&'v TaskView> {
    let own = service.tasks.iter().filter(|task| task.started_by == deployment);
    let mut failed: Vec<&TaskView> = own.filter(|task| has_failed(task)).collect();
    // RFC 3339 in UTC sorts as text.
    failed.sort_by(|a, b| a.created_at.cmp(&b.created_at));
    failed
}

/// Whether a task stopped because something was wrong with it, and not because it was told to.
pub fn has_failed(task: &TaskView) -> bool {
    match task.stop_code.as_ref().and_then(Word::known) {
        Some(StopCode::TaskFailedToStart | StopCode::EssentialContainerExited) => true,
        Some(StopCode::ServiceSchedulerInitiated) => {
            task.stopped_reason.as_deref().is_some_and(|reason| reason.starts_with("Task failed "))
        }
        _ => false,
    }
}

fn is_recent(task: &TaskView, now: Timestamp) -> bool {
    let stopped_at = task.stopped_at.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    stopped_at.is_none_or(|at| now.duration_since(at) < RECENT)
}

fn failed(topology: &Topology, service: &ServiceView, last: &TaskView, failures: usize, severity: Severity) -> Finding {
    let stopped::Reason { cause, fix, container } = stopped::why(topology, &service.service_name, last);
    let code = last.stop_code.clone().unwrap_or_default();
    let reason = last.whole_reason().unwrap_or_default();
    let probe = last.failed_health_check.as_ref().and_then(|check| check.last_probe.as_deref());
    let probe = probe.filter(|_| code == StopCode::ServiceSchedulerInitiated);
    let probe = probe.map(|probe| format!(" (last probe: {probe})")).unwrap_or_default();
    let others = match failures {
        1 => String::new(),
        _ => format!(" ({failures} tasks of this deployment have failed)"),
    };
    // A build's output follows its first line.
    let (first, rest) = reason.split_once('\n').map_or((reason.as_str(), ""), |(first, rest)| (first, rest));
    let rest = if rest.is_empty() { String::new() } else { format!("\n{rest}") };
    Finding {
        severity,
        subject: format!("task {} of service {}", short(&last.task_id), service.service_name),
        symptom: format!("{code}: {first}{probe}{others}{rest}"),
        effect: effect(topology, service, severity),
        cause,
        fix,
        container: container.map(|name| ContainerOfTask { task: last.task_id.clone(), container: name }),
    }
}

fn effect(topology: &Topology, service: &ServiceView, severity: Severity) -> Option<String> {
    let wanted = topology.services.get(&ServiceName::new(&service.service_name))?;
    if wanted.load_balancers.is_empty() || severity == Severity::Note {
        return None;
    }
    let runs =
        |task: &&TaskView| task.last_status == TaskStatus::Running && task.desired_status == DesiredStatus::Running;
    let running: Vec<&TaskView> = service.tasks.iter().filter(runs).collect();
    let old = running.iter().filter(|task| task.started_by != service.deployment).count();
    Some(match (old, running.len()) {
        (0, 0) => "503 while no target is registered, 502 or 504 for requests that were in flight".into(),
        (0, _) => return None,
        (old, _) => format!("responses from the previous deployment, {old} of whose tasks are still running"),
    })
}

/// A container whose own check fails, before the scheduler has replaced its task.
fn container_check(
    topology: &Topology,
    service: &ServiceView,
    task: &TaskView,
    container: &ContainerView,
) -> Option<Finding> {
    if container.health_status != HealthStatus::Unhealthy || container.last_status != ContainerStatus::Running {
        return None;
    }
    let (cause, fix) = stopped::container_check(topology, &service.service_name, &container.name);
    let essential = if container.essential { "; ECS will replace the task" } else { "" };
    Some(Finding {
        severity: Severity::Problem,
        subject: format!("container {} of task {}", container.name, short(&task.task_id)),
        symptom: format!("healthStatus UNHEALTHY{essential}"),
        effect: None,
        cause,
        fix,
        container: Some(ContainerOfTask { task: task.task_id.clone(), container: container.name.clone() }),
    })
}

/// A restart policy that keeps a crashing container going hides that it crashes.
fn restarts(service: &ServiceView, task: &TaskView, container: &ContainerView) -> Option<Finding> {
    if (container.restart_count as usize) < LOOP {
        return None;
    }
    Some(Finding {
        severity: Severity::Problem,
        subject: format!("container {} of task {}", container.name, short(&task.task_id)),
        symptom: format!("RestartCount {}", container.restart_count),
        effect: None,
        cause: format!(
            "container {} of service {} keeps exiting; its restartPolicy starts it again",
            container.name, service.service_name
        ),
        fix: format!("its last output says why: neargate logs {}", container.name),
        container: Some(ContainerOfTask { task: task.task_id.clone(), container: container.name.clone() }),
    })
}

fn short(task_id: &str) -> &str {
    task_id.get(..8).unwrap_or(task_id)
}
