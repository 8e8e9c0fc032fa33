//! What became of the tasks of a service, from one view of the stack to the next. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::admin::view::shape::{ClusterView, ContainerView, TaskView};
use crate::model::target_health::TargetHealthState;
use crate::model::task::{ContainerStatus, DesiredStatus, StopCode, TaskStatus};
use crate::rehearsal::life::{ContainerLife, TargetLife, TaskLife};

/// The tasks that were seen.
#[derive(Debug, Default)]
pub(super) struct Observed {
    service: String,
    tasks: Vec<TaskLife>,
    /// The deployment of each.
    started_by: BTreeMap<String, String>,
}

impl Observed {
    /// Nothing was seen.
    pub(super) fn new(service: &str) -> Self {
        Self { service: service.to_owned(), ..Self::default() }
    }

    /// The tasks, of which those of this deployment are new.
    pub(super) fn into_tasks(mut self, deployment: &str) -> Vec<TaskLife> {
        for task in &mut self.tasks {
            task.is_new = self.started_by.get(&task.id).is_some_and(|started_by| started_by == deployment);
        }
        self.tasks
    }

    /// Whether this is a target of one of the tasks.
    pub(super) fn has(&self, target: SocketAddr) -> bool {
        self.tasks.iter().any(|task| task.targets.contains_key(&target))
    }

    /// Takes a view that was seen at that time.
    pub(super) fn see(&mut self, view: &ClusterView, at: Duration) {
        let services = view.services.iter().filter(|service| service.service_name == self.service);
        for seen in services.flat_map(|service| &service.tasks) {
            let index = match self.tasks.iter().position(|task| task.id == seen.task_id) {
                Some(index) => index,
                // What had stopped before is over.
                None if seen.last_status == TaskStatus::Stopped => continue,
                None => {
                    self.started_by.insert(seen.task_id.clone(), seen.started_by.clone());
                    self.tasks.push(TaskLife {
                        id: seen.task_id.clone(),
                        revision: seen.task_definition.clone(),
                        created: at,
                        ..TaskLife::default()
                    });
                    self.tasks.len() - 1
                }
            };
            let task = &mut self.tasks[index];
            see_task(task, seen, at);
            see_targets(task, view, at);
        }
    }
}

fn see_task(task: &mut TaskLife, seen: &TaskView, at: Duration) {
    if seen.desired_status == DesiredStatus::Stopped {
        task.stopping.get_or_insert(at);
    }
    if seen.last_status == TaskStatus::Stopped {
        task.stopped.get_or_insert(at);
    }
    task.reason.clone_from(&seen.stopped_reason);
    for container in &seen.containers {
        see_container(task.containers.entry(container.name.clone()).or_default(), container, at);
    }
    // Between two views both may have happened: who ends within milliseconds of its signal.
    let was_told = seen
        .stop_code
        .as_ref()
        .and_then(|code| code.known())
        .is_some_and(|code| matches!(code, StopCode::ServiceSchedulerInitiated | StopCode::UserInitiated));
    if let Some(stopping) = task.stopping.filter(|_| was_told) {
        for container in task.containers.values_mut().filter(|container| container.signalled.is_none()) {
            container.signalled = container.exited.filter(|exited| *exited >= stopping);
        }
    }
}

fn see_container(container: &mut ContainerLife, seen: &ContainerView, at: Duration) {
    container.stop_timeout = Duration::from_secs(seen.stop_timeout);
    if seen.stop_requested {
        container.signalled.get_or_insert(at);
    }
    if seen.last_status == ContainerStatus::Stopped {
        container.exited.get_or_insert(at);
        container.exit_code = seen.exit_code;
    } else {
        // Its restart policy brought it back.
        container.exited = None;
    }
}

fn see_targets(task: &mut TaskLife, view: &ClusterView, at: Duration) {
    let mut there = Vec::new();
    for target in view.target_groups.iter().flat_map(|group| &group.targets) {
        let Some(address) = target.id.parse().ok().map(|ip| SocketAddr::new(ip, target.port)) else { continue };
        if target.task_id.as_ref() != Some(&task.id) {
            continue;
        }
        there.push(address);
        let life = task.targets.entry(address).or_insert_with(|| TargetLife {
            container: target.container.clone().unwrap_or_default(),
            registered: at,
            ..TargetLife::default()
        });
        match target.state.known() {
            Some(TargetHealthState::Healthy) => {
                life.healthy.get_or_insert(at);
                life.unhealthy = None;
            }
            Some(TargetHealthState::Unhealthy) => {
                life.unhealthy.get_or_insert(at);
            }
            Some(TargetHealthState::Draining) => {
                life.draining.get_or_insert(at);
            }
            _ => {}
        }
    }
    for (address, life) in &mut task.targets {
        if !there.contains(address) && life.gone.is_none() {
            life.gone = Some(at);
            // Where nothing is in flight, draining ends at once.
            life.draining.get_or_insert(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::shape::{ServiceView, TargetGroupView, TargetView};
    use crate::rehearsal::life::Phase;

    fn target() -> SocketAddr {
        ([10, 0, 0, 2], 80).into()
    }

    /// A task with one container and one target; `None` is a target that is gone.
    fn view(status: TaskStatus, container: (ContainerStatus, bool), target: Option<TargetHealthState>) -> ClusterView {
        let is_wanted = matches!(status, TaskStatus::Running | TaskStatus::Pending);
        let container = ContainerView {
            name: "web".to_owned(),
            last_status: container.0.into(),
            stop_requested: container.1,
            exit_code: (container.0 == ContainerStatus::Stopped).then_some(0),
            stop_timeout: 30,
            ..ContainerView::default()
        };
        let task = TaskView {
            task_id: "1a2b".to_owned(),
            started_by: "ecs-svc/1".to_owned(),
            last_status: status.into(),
            desired_status: if is_wanted { DesiredStatus::Running } else { DesiredStatus::Stopped }.into(),
            stop_code: (!is_wanted).then_some(StopCode::ServiceSchedulerInitiated.into()),
            containers: vec![container],
            ..TaskView::default()
        };
        let targets = target.map(|state| TargetView {
            id: "10.0.0.2".to_owned(),
            port: 80,
            state: state.into(),
            reason: None,
            description: None,
            last_probe: None,
            last_probe_reason: None,
            last_probe_description: None,
            task_id: Some("1a2b".to_owned()),
            container: Some("web".to_owned()),
            reachable: true,
            silence: None,
        });
        let group = TargetGroupView {
            name: "tg".to_owned(),
            load_balancer: None,
            arn: String::new(),
            in_use: true,
            health_check: String::new(),
            targets: targets.into_iter().collect(),
        };
        let service = ServiceView { service_name: "api".to_owned(), tasks: vec![task], ..ServiceView::default() };
        ClusterView { services: vec![service], target_groups: vec![group], ..ClusterView::default() }
    }

    fn phases(views: &[ClusterView]) -> Vec<(u64, Phase)> {
        let mut observed = Observed::new("api");
        for (second, view) in views.iter().enumerate() {
            observed.see(view, Duration::from_secs(second as u64));
        }
        let tasks = observed.into_tasks("ecs-svc/1");
        let [task] = tasks.as_slice() else { panic!("{tasks:?}") };
        assert!(task.is_new);
        task.phases(target()).into_iter().map(|(at, phase)| (at.as_secs(), phase)).collect()
    }

    #[test]
    fn a_life_is_seen_phase_by_phase() {
        use ContainerStatus as Container;
        use TargetHealthState::{Draining, Healthy, Initial};
        let running = (Container::Running, false);
        let whole = [
            view(TaskStatus::Pending, (Container::Pending, false), None),
            view(TaskStatus::Running, running, Some(Initial)),
            view(TaskStatus::Running, running, Some(Healthy)),
            view(TaskStatus::Deactivating, running, Some(Draining)),
            view(TaskStatus::Stopping, (Container::Running, true), Some(Draining)),
            view(TaskStatus::Deprovisioning, (Container::Stopped, false), None),
        ];
        let expected = [
            (0, Phase::Starting),
            (1, Phase::Registered),
            (2, Phase::Healthy),
            (3, Phase::Draining),
            (4, Phase::Stopping),
            (5, Phase::Stopped),
        ];
        assert_eq!(phases(&whole), expected);
    }

    #[test]
    fn what_happens_between_two_views_is_not_taken_for_a_crash() {
        use ContainerStatus as Container;
        let views = [
            view(TaskStatus::Running, (Container::Running, false), Some(TargetHealthState::Healthy)),
            view(TaskStatus::Deprovisioning, (Container::Stopped, false), None),
        ];
        let mut observed = Observed::new("api");
        observed.see(&views[0], Duration::ZERO);
        observed.see(&views[1], Duration::from_secs(1));
        let life = observed.into_tasks("ecs-svc/2").remove(0);
        assert!(!life.is_new);
        let (container, target) = (&life.containers["web"], &life.targets[&target()]);
        assert_eq!(
            (container.signalled, container.exited),
            (Some(Duration::from_secs(1)), Some(Duration::from_secs(1)))
        );
        assert_eq!((target.draining, target.gone), (Some(Duration::from_secs(1)), Some(Duration::from_secs(1))));

        let mut crashed = views;
        crashed[1].services[0].tasks[0].stop_code = Some(StopCode::EssentialContainerExited.into());
        let mut observed = Observed::new("api");
        crashed.iter().for_each(|view| observed.see(view, Duration::from_secs(1)));
        let life = observed.into_tasks("ecs-svc/2").remove(0);
        assert_eq!((life.containers["web"].signalled, life.containers["web"].exit_code), (None, Some(0)));
    }
}
