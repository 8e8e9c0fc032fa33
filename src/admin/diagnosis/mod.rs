//! Diagnoses problems: symptom, cause and fix, for `doctor` and for a failing `up`. Pure.
//!
//! The symptom is in AWS's words, because production shows those; cause and fix refer to the files on this machine.
//! A diagnosis considers where the state is heading, not only the current state: a closed security group is a fault even
//! while its target still counts as healthy, and so is a failing deployment while the previous deployment still responds.
//!
//! ```text
//!  mod          the engine, the listeners, images; the order of findings
//!  deployments  services: deployments that fail, crash loops, container health checks
//!  stopped      why one task stopped
//!  targets      security groups, health checks of the load balancer, groups without targets
//!  silence      requests that outlive the idle timeout
//!  endpoint     the metadata endpoint of tasks
//!  origins      CORS: the origins that containers allow
//! ```

mod deployments;
mod endpoint;
pub mod finding;
pub mod origins;
mod silence;
mod stopped;
mod targets;

use jiff::Timestamp;

use crate::admin::view::shape::ClusterView;
use crate::admin::view::words::ImageStatus;
use crate::admin::wire::Listen;
use crate::model::Topology;
use finding::{Finding, Severity};

pub use deployments::has_failed;
pub use stopped::will_repeat;
pub use targets::closed;

/// Everything that is wrong with the stack, the most fundamental first.
pub fn diagnose(view: &ClusterView, topology: &Topology, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(view.trouble.as_deref().map(engine));
    findings.extend(listeners(view));
    let mut deployments: Vec<Finding> =
        view.services.iter().flat_map(|service| deployments::service(view, topology, service, now)).collect();
    findings.extend(images(view, &deployments));
    let tasks_fail = findings.iter().chain(&deployments).any(|finding| finding.severity == Severity::Problem);
    let mut targets = targets::closed_ports(view, topology);
    for group in view.target_groups.iter().filter(|group| group.in_use) {
        targets.extend(targets::target_group(view, topology, group, tasks_fail));
    }
    // A task that was replaced because its target failed, and the target of its replacement, which fails likewise, are
    // one trouble; the target tells more of it.
    deployments.retain(|finding| !targets.iter().any(|other| other.cause == finding.cause));
    findings.extend(deployments);
    findings.extend(targets);
    findings.extend(silence::findings(view, topology, now));
    findings.extend(endpoint::finding(view, topology));
    findings
}

fn engine(trouble: &str) -> Finding {
    Finding {
        severity: Severity::Problem,
        subject: "container engine".into(),
        symptom: trouble.to_owned(),
        effect: Some("responses from the targets that are still running; stopped tasks are not replaced".into()),
        cause: "the engine stopped, or refuses requests".into(),
        fix: "start it again; the stack recovers automatically".into(),
        container: None,
    }
}

fn listeners(view: &ClusterView) -> impl Iterator<Item = Finding> + '_ {
    view.listeners.iter().filter_map(|listener| {
        let error = listener.error.as_ref()?;
        Some(Finding {
            severity: Severity::Problem,
            subject: format!("listener {}", listener.title()),
            symptom: error.clone(),
            effect: Some("connection refused".into()),
            cause: format!("local port {} cannot be bound", listener.bind_port),
            fix: format!(
                "free it, or map the listener elsewhere: --listen {}",
                Listen {
                    load_balancer: listener.load_balancer.clone(),
                    port: listener.port,
                    local: other_port(listener.port)
                }
            ),
            container: None,
        })
    })
}

/// A port that is likely to be free and that everyone may bind: 8080 for 80, 8443 for 443.
pub fn other_port(port: u16) -> u16 {
    if port < 1024 { 8000 + port % 1000 } else { port.saturating_add(1) }
}

/// Images that cannot be had and that no task has said so of yet.
fn images<'a>(view: &'a ClusterView, told: &'a [Finding]) -> impl Iterator<Item = Finding> + 'a {
    view.images.iter().filter(|image| image.status == ImageStatus::Failed).filter_map(|image| {
        let reason = image.detail.as_deref().unwrap_or_default();
        if told.iter().any(|finding| finding.symptom.contains(reason)) {
            return None;
        }
        let (cause, fix) = stopped::failed_start(reason);
        Some(Finding {
            severity: Severity::Problem,
            subject: match image.build {
                true => format!("image of {}", image.containers.join(" and ")),
                false => format!("image {}", image.image),
            },
            symptom: reason.to_owned(),
            effect: None,
            cause,
            fix,
            container: None,
        })
    })
}
