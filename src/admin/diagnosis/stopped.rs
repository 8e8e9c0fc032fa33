//! Why one task stopped, from its stop code, its reason, its containers' exit codes and its last failed health check.
//! The cases are in `fixtures/diagnosis/stopped.yaml`.

use super::targets;
use crate::admin::view::shape::{ContainerView, TaskView};
use crate::admin::view::words::Word;
use crate::model::task::{HealthStatus, StopCode};
use crate::model::task_definition::ContainerHealthCheck;
use crate::model::{ContainerName, ServiceName, TargetGroupName, Topology};

/// The facts about a stopped task.
pub(super) struct Reason {
    pub(super) cause: String,
    pub(super) fix: String,
    /// Whose output says more.
    pub(super) container: Option<String>,
}

/// Why this task of the service stopped.
pub(super) fn why(topology: &Topology, service: &str, task: &TaskView) -> Reason {
    if let Some(check) = &task.failed_health_check
        && task.stop_code == Some(StopCode::ServiceSchedulerInitiated.into())
        && let Some(settings) = topology.target_groups.get(check.target_group.as_str())
    {
        if let Some((cause, fix)) =
            targets::closed(topology, service, &TargetGroupName::new(&check.target_group), check.port)
        {
            return Reason { cause, fix, container: None };
        }
        let answer = targets::answer(
            settings,
            check.port,
            &check.container,
            check.reason.as_ref().and_then(Word::known),
            check.code(),
        );
        return Reason { cause: answer.cause, fix: answer.fix, container: Some(check.container.clone()) };
    }
    if task.stop_code == Some(StopCode::ServiceSchedulerInitiated.into()) {
        let failing = task.containers.iter().find(|container| container.health_status == HealthStatus::Unhealthy);
        let name = failing.or(task.containers.first()).map(|container| container.name.clone());
        let (cause, fix) = container_check(topology, service, name.as_deref().unwrap_or_default());
        return Reason { cause, fix, container: name };
    }
    ended(task)
}

/// Why a task stopped that was not told to.
fn ended(task: &TaskView) -> Reason {
    let culprit = culprit(task);
    let (cause, fix) = match culprit {
        Some(container) if container.exit_code.is_some() => exit(container),
        _ => failed_start(reason_of(task, culprit)),
    };
    let awaited = culprit.and_then(|container| awaited(container.reason.as_deref()?));
    Reason { cause, fix, container: awaited.or(culprit.map(|container| container.name.clone())) }
}

/// Why it did not start: ECS says of what is a container's failure only there what it is.
fn reason_of<'a>(task: &'a TaskView, culprit: Option<&'a ContainerView>) -> &'a str {
    let own = culprit.and_then(|container| container.reason.as_deref());
    own.or(task.stopped_reason.as_deref()).unwrap_or_default()
}

/// The container for which the one with this reason waited in vain: `… dependency [migrate(image) (…`.
fn awaited(reason: &str) -> Option<String> {
    let (_, dependency) = reason.split_once("container ordering dependency [")?;
    Some(dependency.split_once('(')?.0.to_owned())
}

/// Cause and fix when a container's own health check fails.
pub(super) fn container_check(topology: &Topology, service: &str, container: &str) -> (String, String) {
    let definition = topology
        .services
        .get(&ServiceName::new(service))
        .and_then(|service| service.task_definition.container(&ContainerName::new(container)));
    let Some(check) = definition.and_then(|definition| definition.health_check.as_ref()) else {
        return (
            format!("the health check of container {container} fails"),
            format!("see its output: neargate logs {container}"),
        );
    };
    let command = in_words(check);
    (
        format!("the healthCheck of container {container}, `{command}`, failed {} times in a row", check.retries),
        format!(
            "run it in the container: neargate exec {container} -- {command}; a program it uses (curl, wget) may be \
             missing from the image, or the check needs a longer startPeriod"
        ),
    )
}

fn in_words(check: &ContainerHealthCheck) -> String {
    match check.command.split_first() {
        Some((kind, rest)) if kind == "CMD-SHELL" => format!("sh -c '{}'", rest.join(" ")),
        Some((kind, rest)) if kind == "CMD" => rest.join(" "),
        _ => check.command.join(" "),
    }
}

/// The essential container that ended first, as far as its exit code tells. The others were stopped by neargate then:
/// those end with 0 if they handle SIGTERM, with 143 if they do not, with 137 if they had to be killed.
fn culprit(task: &TaskView) -> Option<&ContainerView> {
    let ended = task.containers.iter().filter(|container| container.essential && container.exit_code.is_some());
    let failed_to_start = task.containers.iter().find(|container| container.essential && container.reason.is_some());
    failed_to_start.or_else(|| {
        ended.min_by_key(|container| match container.exit_code {
            Some(0) => 1,
            Some(137) => 2,
            Some(143) => 3,
            _ => 0,
        })
    })
}

fn exit(container: &ContainerView) -> (String, String) {
    let name = &container.name;
    let code = container.exit_code.unwrap_or_default();
    let out_of_memory = container.reason.as_deref().is_some_and(|reason| reason.starts_with("OutOfMemoryError"));
    if out_of_memory {
        return (
            format!("container {name} used more memory than it or the task is allowed"),
            "raise `memory` in the task definition (Fargate has fixed pairs of cpu and memory), or use less".into(),
        );
    }
    if let Some(reason) = container.reason.as_deref() {
        return (format!("container {name}: {reason}"), "let neargate manage the stack's containers".into());
    }
    let (what, fix) = match code {
        0 => (
            "exited with code 0: it finished, but it is essential",
            "start a process that keeps running, or set `essential: false`",
        ),
        126 => ("exited with code 126: its command cannot be executed", "make the file executable in the image"),
        127 => (
            "exited with code 127: its command is not in the image",
            "correct `command` or `entryPoint`, or install the program",
        ),
        134 => ("aborted (exit code 134)", "its last output says why"),
        137 => (
            "was killed (exit code 137): it did not stop within its stopTimeout, or something outside neargate killed it",
            "handle SIGTERM",
        ),
        139 => (
            "crashed with a segmentation fault (exit code 139)",
            "its last output may say why; is the image built for this CPU?",
        ),
        143 => (
            "was stopped by SIGTERM (exit code 143), which neargate did not send",
            "find what stops it: its last output, or a manual `docker stop`",
        ),
        _ => ("", "its last output says why"),
    };
    let what = if what.is_empty() { format!("crashed with exit code {code}") } else { what.to_owned() };
    (format!("container {name} {what}"), fix.to_owned())
}

/// Whether the next task will fail for the same reason, whatever time passes: the file, the image or a secret has to be
/// changed first.
pub fn will_repeat(task: &TaskView) -> bool {
    task.stop_code == Some(StopCode::TaskFailedToStart.into()) && is_final(reason_of(task, culprit(task)))
}

fn is_final(reason: &str) -> bool {
    let says = |part: &str| reason.contains(part);
    reason.starts_with("image build failed")
        || reason.starts_with("ResourceInitializationError")
        || (reason.starts_with("CannotStartContainerError")
            && (says("executable file not found") || says("no such file") || says("unable to find user")))
        || (reason.starts_with("CannotPullContainerError")
            && (says("manifest unknown") || says("not found: ") || says("denied")))
}

/// Cause and fix when something could not be started, from ECS's or the engine's own words.
pub(super) fn failed_start(reason: &str) -> (String, String) {
    let contains = |part: &str| reason.contains(part);
    let said = |cause: &str, fix: &str| (cause.to_owned(), fix.to_owned());
    if reason.starts_with("image build failed") {
        return said("the image does not build", "fix the Dockerfile step that failed; its output is shown");
    }
    if let Some(dependency) = awaited(reason) {
        return (
            format!("container {dependency} did not reach the condition in `dependsOn`"),
            format!("its last output may say why: neargate logs {dependency}"),
        );
    }
    let is_pull = reason.starts_with("CannotPullContainerError");
    if is_pull && (contains("401 Unauthorized") || contains("403 Forbidden") || contains("denied")) {
        return said(
            "the registry refuses the pull without credentials, or with the ones it got",
            "give `repositoryCredentials` a secret with {\"username\":…,\"password\":…} (for ghcr.io a token with \
             read:packages), log in with `docker login`, or build the image here with `build:`",
        );
    }
    if is_pull {
        return match contains("not found") {
            true => said(
                "the registry has no such image or tag",
                "push it, correct the tag, or build it here with `build:`",
            ),
            false => said("the image could not be pulled", "check the network, or build it here with `build:`"),
        };
    }
    if reason.starts_with("ResourceInitializationError") {
        return said(
            "a secret in the task definition has no value",
            "give it one under `secrets:` in neargate.yaml; on AWS, check the execution role and the secret's ARN",
        );
    }
    if contains("executable file not found") || contains("no such file or directory") {
        return said(
            "the image has no such command",
            "correct `entryPoint` or `command` in the task definition, or put the program into the image",
        );
    }
    if contains("unable to find user") || contains("no matching entries in passwd file") {
        return said(
            "the image has no such user",
            "correct `user`, or USER in the Dockerfile, or create the user there",
        );
    }
    if contains("permission denied") {
        return said("the command is not executable", "make the file executable in the image (chmod +x)");
    }
    if contains("no space left on device") {
        return said("the engine's disk is full", "make room: docker system df; docker system prune");
    }
    said(
        "the engine could not start the task, for the reason above",
        "if the reason concerns this machine (disk, memory, a limit), fix that; otherwise check the task definition",
    )
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::model::task::ContainerStatus;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        stop_code: Option<String>,
        stopped_reason: Option<String>,
        #[serde(default)]
        containers: Vec<ContainerCase>,
        cause: String,
        fix: String,
        container: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ContainerCase {
        name: String,
        exit_code: Option<i64>,
        reason: Option<String>,
        #[serde(default)]
        sidecar: bool,
    }

    fn task(case: &Case) -> TaskView {
        let containers = case.containers.iter().map(|container| ContainerView {
            name: container.name.clone(),
            exit_code: container.exit_code,
            reason: container.reason.clone(),
            essential: !container.sidecar,
            last_status: ContainerStatus::Stopped.into(),
            health_status: HealthStatus::Unknown.into(),
            ..ContainerView::default()
        });
        TaskView {
            stop_code: case.stop_code.as_deref().map(|code| Word::Known(code.parse().expect("a stop code"))),
            stopped_reason: case.stopped_reason.clone(),
            containers: containers.collect(),
            ..TaskView::default()
        }
    }

    #[test]
    fn every_way_to_stop_has_its_cause_and_its_fix() {
        neargate_fixture::each("diagnosis", |case: Case| {
            let found = ended(&task(&case));
            assert_eq!(
                (found.cause.as_str(), found.fix.as_str(), found.container.as_deref()),
                (case.cause.as_str(), case.fix.as_str(), case.container.as_deref()),
                "{}",
                case.name
            );
        });
    }
}
