//! Targets: ports that security groups close, failing health checks of the load balancer, groups without targets.

use super::finding::{ContainerOfTask, Finding, Severity};
use crate::admin::view::shape::{ClusterView, ServiceView, TargetGroupView, TargetView, status_code};
use crate::admin::view::words::Word;
use crate::alb::security_group;
use crate::model::target_group::TargetGroup;
use crate::model::target_health::{TargetHealthReason, TargetHealthState};
use crate::model::task::DesiredStatus;
use crate::model::{TargetGroupName, Topology};

const UNREACHABLE: &str = "504 Gateway Time-out after 10 s";
const AS_USUAL: &str = "normal responses: with no healthy target, ALB sends requests to all (fail open)";

/// The ports that the load balancer is to reach and may not. Known from the file alone, so it is said at any moment:
/// also while a target still counts as healthy, or while none is registered.
pub(super) fn closed_ports(view: &ClusterView, topology: &Topology) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, service) in &topology.services {
        let bindings = service.load_balancers.iter();
        for (binding, own) in bindings.flat_map(|binding| binding.target_groups().map(move |own| (binding, own))) {
            let group = view.target_groups.iter().find(|group| group.name == own.as_str());
            let Some(group) = group.filter(|group| group.in_use) else { continue };
            let Some((cause, fix)) = closed(topology, name.as_str(), own, binding.port) else {
                continue;
            };
            let shown = group.targets.iter().find(|target| target.state == TargetHealthState::Unhealthy);
            let symptom = shown.map_or_else(
                || "Target.Timeout: Request timed out, as soon as its health checks have failed".to_owned(),
                |target| symptom(target, None),
            );
            findings.push(Finding {
                severity: Severity::Problem,
                subject: format!("target group {}, port {} of service {name}", group.name, binding.port),
                symptom,
                effect: Some(UNREACHABLE.to_owned()),
                cause,
                fix,
                container: None,
            });
        }
    }
    findings
}

/// The problems of a group's targets; several that fail for one reason are one finding.
pub(super) fn target_group(
    view: &ClusterView,
    topology: &Topology,
    group: &TargetGroupView,
    tasks_fail: bool,
) -> Vec<Finding> {
    let Some(settings) = topology.target_groups.get(group.name.as_str()) else { return Vec::new() };
    let staying: Vec<&TargetView> = group.targets.iter().filter(|target| !is_leaving(view, target)).collect();
    if staying.is_empty() {
        // Of two groups between which ECS shifts traffic, one is empty most of the time.
        return if gets_nothing(view, &group.name) { Vec::new() } else { vec![no_targets(view, group, tasks_fail)] };
    }
    let none_healthy = !staying.iter().any(|target| target.state == TargetHealthState::Healthy);
    let failing = |target: &&TargetView| {
        target.state == TargetHealthState::Unhealthy
            || (target.state == TargetHealthState::Initial && target.last_probe_reason.is_some())
    };
    let mut findings: Vec<Finding> = Vec::new();
    for target in staying.into_iter().filter(failing) {
        // That is told of in `closed_ports`.
        if !target.reachable && is_closed(view, topology, &TargetGroupName::new(&group.name), target) {
            continue;
        }
        let finding = failing_target(group, settings, target, none_healthy);
        if !findings.iter().any(|other| other.cause == finding.cause) {
            findings.push(finding);
        }
    }
    findings
}

fn is_closed(view: &ClusterView, topology: &Topology, group: &TargetGroupName, target: &TargetView) -> bool {
    let runs_it =
        |service: &&ServiceView| service.tasks.iter().any(|task| Some(&task.task_id) == target.task_id.as_ref());
    let service = view.services.iter().find(runs_it);
    service.is_some_and(|service| closed(topology, &service.service_name, group, target.port).is_some())
}

/// Why the load balancer of a target group may not reach a port of the service's tasks, and the rule to add.
pub fn closed(topology: &Topology, service: &str, group: &TargetGroupName, port: u16) -> Option<(String, String)> {
    let service = topology.services.get(service)?;
    let own = topology.security_groups_before(group);
    let groups = &topology.security_groups;
    let verdict = security_group::load_balancer_reaches(groups, own, &service.security_groups, port);
    if verdict.allowed {
        return None;
    }
    // The verdict says what to add as well.
    let (cause, fix) = verdict.because.rsplit_once("; ").unwrap_or((&verdict.because, "open the port"));
    Some((cause.to_owned(), fix.to_owned()))
}

/// Whether rules lead to the group that ECS sets weights of, and each gives it none.
fn gets_nothing(view: &ClusterView, group: &str) -> bool {
    let weights = view.weights.iter().flat_map(|rule| &rule.target_groups);
    let mut own = weights.filter(|weight| weight.target_group == group).map(|weight| weight.weight).peekable();
    own.peek().is_some() && own.all(|weight| weight == 0)
}

fn no_targets(view: &ClusterView, group: &TargetGroupView, tasks_fail: bool) -> Finding {
    let starting = view.services.iter().any(|service| service.pending_count > 0) && !tasks_fail;
    let (severity, cause, fix) = match (tasks_fail, starting) {
        (true, _) => {
            (Severity::Problem, "no task of a service with this target group is running", "see the first finding")
        }
        (false, true) => {
            (Severity::Note, "the tasks with this target group are still starting", "wait until they run: neargate ps")
        }
        (false, false) => (
            Severity::Problem,
            "no task of a service with this target group is running",
            "see the service's tasks: neargate ps --all",
        ),
    };
    Finding {
        severity,
        subject: format!("target group {}", group.name),
        symptom: "no registered targets".into(),
        effect: Some("503 Service Temporarily Unavailable".into()),
        cause: cause.into(),
        fix: fix.into(),
        container: None,
    }
}

/// Whether the target drains, or will as soon as it is deregistered, because its task stops.
fn is_leaving(view: &ClusterView, target: &TargetView) -> bool {
    let mut tasks = view.services.iter().flat_map(|service| &service.tasks);
    let task = tasks.find(|task| Some(&task.task_id) == target.task_id.as_ref());
    target.state == TargetHealthState::Draining
        || task.is_some_and(|task| task.desired_status == DesiredStatus::Stopped)
}

fn failing_target(group: &TargetGroupView, settings: &TargetGroup, target: &TargetView, none_healthy: bool) -> Finding {
    let container = target.container.as_deref().unwrap_or("the target");
    let answer = match target.reachable {
        true => {
            let code = target.last_probe_description.as_deref().and_then(status_code);
            answer(settings, target.port, container, target.last_probe_reason.as_ref().and_then(Word::known), code)
        }
        false => Answer {
            cause: format!("port {} cannot be reached from this machine", target.port),
            fix: format!(
                "declare it in the task definition: \"portMappings\": [{{ \"containerPort\": {} }}]",
                target.port
            ),
            effect: UNREACHABLE,
        },
    };
    // Nothing has been judged yet: the first probes of an application that is still starting fail.
    let severity = if target.state == TargetHealthState::Initial { Severity::Note } else { Severity::Problem };
    Finding {
        severity,
        subject: format!("target {} {}:{}", group.name, target.id, target.port),
        symptom: symptom(target, Some(&settings.health_check.path)),
        // With no healthy target the load balancer fails open and sends requests to all of them.
        effect: none_healthy.then(|| answer.effect.to_owned()),
        cause: answer.cause,
        fix: answer.fix,
        container: target
            .task_id
            .clone()
            .zip(target.container.clone())
            .map(|(task, container)| ContainerOfTask { task, container }),
    }
}

fn symptom(target: &TargetView, path: Option<&str>) -> String {
    let probe = target.last_probe.as_deref().zip(path);
    format!(
        "{} {}: {}{}",
        target.state,
        target.reason.as_ref().map(Word::as_str).unwrap_or_default(),
        target.description.as_deref().unwrap_or_default(),
        probe.map(|(probe, path)| format!(" (last probe of {path}: {probe})")).unwrap_or_default()
    )
}

/// What a failed health check says about its target.
pub(super) struct Answer {
    pub(super) cause: String,
    pub(super) fix: String,
    /// What clients get while no target is healthy.
    pub(super) effect: &'static str,
}

/// Cause, fix and what clients get, from what the probe was answered.
pub(super) fn answer(
    settings: &TargetGroup,
    port: u16,
    container: &str,
    reason: Option<TargetHealthReason>,
    code: Option<u16>,
) -> Answer {
    let check = &settings.health_check;
    let path = &check.path;
    let said = |cause: String, fix: String| Answer { cause, fix, effect: AS_USUAL };
    match (reason, code) {
        (_, Some(404)) => said(
            format!("{container} has no {path}"),
            format!("set `health_check.path` of the target group to a path that {container} answers with 200"),
        ),
        (_, Some(code @ (301 | 302 | 303 | 307 | 308))) => said(
            format!("{container} redirects {path}; redirects are not followed"),
            format!("set `path` to one that responds without a redirect, or add {code} to `matcher`"),
        ),
        (_, Some(401 | 403)) => said(
            format!("{container} requires a login for {path}; probes carry none"),
            "make the health path public, or set `path` to one that is".into(),
        ),
        (_, Some(400)) => said(
            format!("{container} refuses the probe: its Host is the target's address, not your domain"),
            "allow that host for the health path (Django: ALLOWED_HOSTS)".into(),
        ),
        (_, Some(405)) => said(
            format!("{container} does not answer GET on {path}; probes are GET requests"),
            "set `path` to one that answers GET".into(),
        ),
        (_, Some(code @ 200..=299)) => said(
            format!("{container} answers {path} with {code}, which `matcher` does not accept"),
            format!("add {code} to `matcher` (\"200-299\" takes them all), or set `path` to one that answers with 200"),
        ),
        (_, Some(code)) => said(
            format!("{container} answers {path} with {code}, which `matcher` does not accept"),
            format!(
                "if {container} is well, change `path` or `matcher`; if not, see its output: neargate logs {container}"
            ),
        ),
        (Some(TargetHealthReason::Timeout), None) => Answer {
            cause: format!("{container} does not answer {path} within {} s", check.timeout.as_secs()),
            fix: "make the health path faster, or raise `health_check.timeout` (it must stay below `interval`)".into(),
            effect: "504 Gateway Time-out once the idle timeout is over",
        },
        _ => Answer {
            cause: format!(
                "nothing answers on port {port}: {container} is not listening there, listens only on 127.0.0.1, or closes \
                 the connection"
            ),
            fix: format!("listen on 0.0.0.0:{port}, or correct the port of the target group and the task definition"),
            effect: "502 Bad Gateway",
        },
    }
}
