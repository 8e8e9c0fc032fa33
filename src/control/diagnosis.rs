//! From what is wrong to why, and what to do: the sentences of `doctor`. Pure.
//!
//! The symptom is in AWS's words, because those are what production will show; the cause and the fix are in terms of
//! the files on this machine.

use crate::control::view::{ClusterView, ContainerView, TargetGroupView, TargetView, TaskView};
use crate::engine::security_group;
use crate::model::target_group::TargetGroup;
use crate::model::{ServiceName, Topology};

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is concerned, e.g. `target tg-backend 172.18.0.2:8000`.
    pub subject: String,
    /// What AWS would show.
    pub symptom: String,
    /// What clients of the load balancer get because of it, if anything.
    pub effect: Option<String>,
    /// Why.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
    /// The container whose output says more.
    pub container: Option<(String, String)>,
}

/// Everything that is wrong with the stack, the most fundamental first.
pub fn diagnose(view: &ClusterView, topology: &Topology) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(trouble) = &view.trouble {
        findings.push(Finding {
            subject: "container engine".into(),
            symptom: trouble.clone(),
            effect: Some("targets that still run go on being served".into()),
            cause: "the engine stopped or refuses".into(),
            fix: "start it again; the stack picks up by itself".into(),
            container: None,
        });
    }
    for listener in &view.listeners {
        if let Some(error) = &listener.error {
            findings.push(Finding {
                subject: format!("listener {}:{}", listener.protocol, listener.port),
                symptom: error.clone(),
                effect: Some("clients cannot connect".into()),
                cause: "the local port cannot be bound".into(),
                fix: format!(
                    "free it, or map the listener elsewhere: --listen {}=8{:03}",
                    listener.port,
                    listener.port % 1000
                ),
                container: None,
            });
        }
    }
    for service in &view.services {
        let failing = service.running_count < service.desired_count;
        // A task that is on its way to STOPPED already says why.
        let stopped = service.tasks.iter().rev().find(|task| task.stop_code.is_some());
        if let Some(task) =
            stopped.filter(|task| failing && task.stop_code.as_deref() != Some("ServiceSchedulerInitiated"))
        {
            findings.push(stopped_task(task));
        }
    }
    let tasks_fail = !findings.is_empty();
    for group in view.target_groups.iter().filter(|group| group.in_use) {
        findings.extend(target_group(view, topology, group, tasks_fail));
    }
    findings
}

fn stopped_task(task: &TaskView) -> Finding {
    let reason = task.stopped_reason.clone().unwrap_or_default();
    let culprit = culprit(task);
    let (cause, fix) = match culprit {
        Some(container) if container.exit_code.is_some() => exit(container),
        _ => failed_start(&reason),
    };
    Finding {
        subject: format!("task {}", task.task_id.get(..8).unwrap_or(&task.task_id)),
        symptom: format!("{}: {reason}", task.stop_code.as_deref().unwrap_or_default()),
        effect: Some("503 while no target is registered, 502 or 504 for requests that were in flight".into()),
        cause,
        fix,
        container: culprit.map(|container| (task.task_id.clone(), container.name.clone())),
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
            format!("container {name} used more memory than it or the task may have"),
            "raise `memory` of the task definition (Fargate has fixed pairs of cpu and memory), or use less".into(),
        );
    }
    let (what, fix) = match code {
        0 => (
            "ended of its own accord (exit code 0), but it is essential",
            "start a process that keeps running, or set `essential: false`",
        ),
        126 => ("has a command that cannot be executed (exit code 126)", "make the file executable in the image"),
        127 => (
            "has a command that is not in the image (exit code 127)",
            "correct `command` or `entryPoint`, or install it",
        ),
        134 => ("aborted (exit code 134)", "its last output says why"),
        137 => {
            ("was killed (exit code 137): it did not stop within stopTimeout, or somebody killed it", "handle SIGTERM")
        }
        139 => (
            "crashed (exit code 139, segmentation fault)",
            "its last output may say why; is the image built for this CPU?",
        ),
        _ => ("crashed", "its last output says why"),
    };
    let what = if what == "crashed" { format!("crashed with exit code {code}") } else { what.to_owned() };
    (format!("container {name} {what}"), fix.to_owned())
}

fn failed_start(reason: &str) -> (String, String) {
    let contains = |part: &str| reason.contains(part);
    if contains("401 Unauthorized") || contains("403 Forbidden") || contains("denied") {
        return (
            "the registry does not let the image be pulled without credentials, or not with these".into(),
            "give `repositoryCredentials` a secret with {\"username\":…,\"password\":…} (for ghcr.io a token with \
             read:packages), log in with `docker login`, or build the image here with `build:`"
                .into(),
        );
    }
    if reason.starts_with("CannotPullContainerError") {
        let (cause, fix) = match contains("not found") {
            true => {
                ("the registry has no such image or tag", "push it, correct the tag, or build it here with `build:`")
            }
            false => ("the image could not be pulled", "check the network, or build it here with `build:`"),
        };
        return (cause.into(), fix.into());
    }
    if reason.starts_with("ResourceInitializationError") {
        return (
            "a secret of the task definition cannot be had".into(),
            "give it a value under `secrets:` of neargate.yaml; on AWS, check the execution role and the secret's ARN"
                .into(),
        );
    }
    if contains("executable file not found") || contains("no such file or directory") {
        return (
            "the image has no such command".into(),
            "correct `entryPoint` or `command` in the task definition, or put the program into the image".into(),
        );
    }
    if reason.starts_with("image build failed") {
        return (
            "the image does not build".into(),
            "the failing step's output is above and in `neargate ps --all`".into(),
        );
    }
    (
        "the engine could not start the task, for the reason above".into(),
        "if the reason is about this machine (disk, memory, a limit), mend that; else look for it in the task definition"
            .into(),
    )
}

fn target_group(view: &ClusterView, topology: &Topology, group: &TargetGroupView, tasks_fail: bool) -> Vec<Finding> {
    let Some(settings) = topology.target_groups.get(group.name.as_str()) else { return Vec::new() };
    let none_healthy = !group.targets.iter().any(|target| target.state == "healthy");
    if group.targets.iter().all(|target| target.state == "draining") {
        return vec![Finding {
            subject: format!("target group {}", group.name),
            symptom: "no registered targets".into(),
            effect: Some("503 Service Temporarily Unavailable".into()),
            cause: "no task of a service with this target group is running".into(),
            fix: match tasks_fail {
                true => "mend what is above".into(),
                false => "see the service's tasks: neargate ps --all".into(),
            },
            container: None,
        }];
    }
    group
        .targets
        .iter()
        .filter(|target| target.state == "unhealthy" || (target.state == "initial" && target.last_probe.is_some()))
        .map(|target| unhealthy_target(view, topology, group, settings, target, none_healthy))
        .collect()
}

fn unhealthy_target(
    view: &ClusterView,
    topology: &Topology,
    group: &TargetGroupView,
    settings: &TargetGroup,
    target: &TargetView,
    none_healthy: bool,
) -> Finding {
    let check = &settings.health_check;
    let service = service_of(view, target);
    let (cause, fix, fail_open) = if target.reachable {
        answer(settings, target)
    } else {
        let cause = match service.as_ref().and_then(|name| topology.services.get(name)) {
            Some(service) => {
                let own = &topology.load_balancer.security_groups;
                let groups = &topology.security_groups;
                security_group::load_balancer_reaches(groups, own, &service.security_groups, target.port).because
            }
            None => "the target's port cannot be reached from this machine".to_owned(),
        };
        let fix = format!(
            "let the load balancer's group in: {{ protocol: tcp, port: {}, security_group: {} }}",
            target.port,
            topology.load_balancer.security_groups.first().map_or("<its group>", |group| group.as_str())
        );
        (cause, fix, "504 Gateway Time-out after 10 s")
    };
    let probe = target.last_probe.as_deref().map(|probe| format!(" (last probe of {}: {probe})", check.path));
    Finding {
        subject: format!("target {} {}:{}", group.name, target.id, target.port),
        symptom: format!(
            "{} {}: {}{}",
            target.state,
            target.reason.as_deref().unwrap_or_default(),
            target.description.as_deref().unwrap_or_default(),
            probe.unwrap_or_default()
        ),
        // With no healthy target the load balancer fails open and sends requests to all of them.
        effect: none_healthy.then(|| fail_open.to_owned()),
        cause,
        fix,
        container: target.task_id.clone().zip(target.container.clone()),
    }
}

/// Cause, fix and what clients get, from what the probe was answered.
fn answer(settings: &TargetGroup, target: &TargetView) -> (String, String, &'static str) {
    let path = &settings.health_check.path;
    let container = target.container.as_deref().unwrap_or("the target");
    let code = target
        .description
        .as_deref()
        .and_then(|text| text.split_once('[')?.1.strip_suffix(']'))
        .and_then(|code| code.parse::<u16>().ok());
    const THEIRS: &str = "nothing by this alone: with no healthy target requests are sent to all of them (fail open)";
    match (target.reason.as_deref(), code) {
        (_, Some(404)) => (
            format!("{container} has no {path}"),
            format!("set `health_check.path` of the target group to a path that {container} answers with 200"),
            THEIRS,
        ),
        (_, Some(301 | 302 | 303 | 307 | 308)) => (
            format!("{container} redirects {path}; redirects are not followed"),
            "answer the health path itself, or add the code to `matcher`".into(),
            THEIRS,
        ),
        (_, Some(401 | 403)) => (
            format!("{container} wants a login for {path}; probes carry none"),
            "let the health path be read by anyone".into(),
            THEIRS,
        ),
        (_, Some(400)) => (
            format!("{container} refuses the probe: its Host is the target's address, not your domain"),
            "allow that host (Django: ALLOWED_HOSTS) for the health path".into(),
            THEIRS,
        ),
        (_, Some(code)) => (
            format!("{container} answers {path} with {code}, and `matcher` does not accept that"),
            format!("see what {container} says: neargate logs {container}"),
            THEIRS,
        ),
        (Some("Target.Timeout"), None) => (
            format!("{container} does not answer {path} within {} s", settings.health_check.timeout.as_secs()),
            "make the health path quick, or raise `health_check.timeout` (it must stay below `interval`)".into(),
            "504 Gateway Time-out once the idle timeout is over",
        ),
        _ => (
            format!(
                "nothing answers on port {}: {container} is not listening there, or only on 127.0.0.1, or it closes the \
                 connection",
                target.port
            ),
            format!(
                "listen on 0.0.0.0:{}, or correct the port of the target group and the task definition",
                target.port
            ),
            "502 Bad Gateway",
        ),
    }
}

fn service_of(view: &ClusterView, target: &TargetView) -> Option<ServiceName> {
    let id = target.task_id.as_deref()?;
    let service = view.services.iter().find(|service| service.tasks.iter().any(|task| task.task_id == id))?;
    Some(ServiceName::new(&service.service_name))
}
