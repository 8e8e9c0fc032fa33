//! Healthy targets that respond to some requests too late: 504s that no health check predicts.

use jiff::{SignedDuration, Timestamp};

use super::finding::{ContainerOfTask, Finding, Severity};
use crate::admin::view::shape::{ClusterView, SilenceView, TargetGroupView, TargetView};
use crate::model::{TargetGroupName, Topology};

/// For how long it is worth a word: what was mended has no new ones.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// One finding for each group, of the target that was silent last.
pub(super) fn findings(view: &ClusterView, topology: &Topology, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for group in &view.target_groups {
        let Some(balancer) = topology.load_balancer_of(&TargetGroupName::new(&group.name)) else { continue };
        let idle_timeout = balancer.attributes.idle_timeout.as_secs();
        let silent = group.targets.iter().filter_map(|target| Some((target, target.silence.as_ref()?)));
        // One that waited for another timeout than today's says nothing of today.
        let of_today = silent.filter(|(_, silence)| silence.idle_timeout == idle_timeout && is_recent(silence, now));
        let all: Vec<(&TargetView, &SilenceView)> = of_today.collect();
        // RFC 3339 in UTC sorts as text.
        let Some((target, last)) = all.iter().max_by(|a, b| a.1.last_at.cmp(&b.1.last_at)) else { continue };
        let count: u32 = all.iter().map(|(_, silence)| silence.count).sum();
        findings.push(finding(group, target, last, count));
    }
    findings
}

fn is_recent(silence: &SilenceView, now: Timestamp) -> bool {
    silence.last_at.parse::<Timestamp>().is_ok_and(|at| now.duration_since(at) < RECENT)
}

fn finding(group: &TargetGroupView, target: &TargetView, last: &SilenceView, count: u32) -> Finding {
    let container = target.container.as_deref().unwrap_or("the target");
    let seconds = last.idle_timeout;
    let key = match &group.load_balancer {
        Some(name) => format!("load_balancers.{name}.idle_timeout"),
        None => "load_balancer.idle_timeout".to_owned(),
    };
    let noun = if count == 1 { "request" } else { "requests" };
    Finding {
        severity: Severity::Problem,
        subject: format!("slow responses of target group {}", group.name),
        symptom: format!("HTTPCode_ELB_504_Count: {count} {noun}, the last {} at {}", last.last_request, last.last_at),
        effect: Some(format!("504 Gateway Time-out after {seconds} s")),
        cause: format!("{container} sent nothing during the load balancer's idle_timeout, {seconds} s"),
        fix: format!(
            "raise `{key}` above what {container} needs (up to 4000 s, here as on AWS), or have it \
             send something sooner"
        ),
        container: target
            .task_id
            .clone()
            .zip(target.container.clone())
            .map(|(task, container)| ContainerOfTask { task, container }),
    }
}
