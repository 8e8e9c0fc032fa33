//! The progress of a starting stack as lines: pure, from one view to the next. `live` draws them.

use std::collections::BTreeMap;

use crate::admin::view::shape::{
    ClusterView, ContainerView, ImageView, ServiceView, TargetView, TaskView, TrafficView,
};
use crate::admin::view::words::{ImageStatus, Word};
use crate::model::target_health::TargetHealthState;
use crate::model::task::{ContainerStatus, DesiredStatus, HealthStatus, StopCode, TaskStatus};

/// One line of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it is about; stays the same from view to view.
    pub(crate) subject: String,
    /// How it is.
    pub(crate) mood: Mood,
    /// Its state, in AWS's word.
    pub(crate) state: String,
    /// More, which may change often.
    pub(crate) detail: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// On its way.
    Working,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
}

/// The picture of a view: images that are not there yet, living tasks with their containers, targets, listeners.
pub(crate) fn lines(view: &ClusterView) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(view.images.iter().map(image));
    lines.extend(view.services.iter().filter_map(stage));
    for task in
        view.services.iter().flat_map(|service| &service.tasks).filter(|task| task.last_status != TaskStatus::Stopped)
    {
        lines.push(self::task(task));
        lines.extend(task.containers.iter().map(|shown| container(task, shown)));
    }
    for group in view.target_groups.iter().filter(|group| group.in_use) {
        lines.extend(group.targets.iter().map(|shown| target(&group.name, shown)));
    }
    for listener in &view.listeners {
        let (mood, state) = match (&listener.error, listener.bound) {
            (Some(_), _) => (Mood::Bad, "failed"),
            (None, true) => (Mood::Good, "active"),
            (None, false) => (Mood::Working, "binding"),
        };
        let mapped = match listener.port == listener.bind_port {
            true => String::new(),
            false => format!("on local port {}", listener.bind_port),
        };
        lines.push(Line {
            subject: format!("listener {}", listener.title()),
            mood,
            state: state.to_owned(),
            detail: mapped,
        });
    }
    lines
}

/// Where a deployment is that shifts traffic.
fn stage(service: &ServiceView) -> Option<Line> {
    let stage = service.service_deployment.lifecycle_stage.as_ref()?;
    let paused = service.service_deployment.is_paused();
    Some(Line {
        subject: format!("deployment of {}", service.service_name),
        mood: Mood::Working,
        state: if paused { format!("{stage} (paused)") } else { stage.to_string() },
        detail: shares(service),
    })
}

/// `app:2 gets 10 % (tests 100 %), app:1 gets 90 %`: the parts of the traffic that are not nothing.
pub(crate) fn shares(service: &ServiceView) -> String {
    let shares = service.deployments.iter().filter_map(|deployment| {
        let TrafficView { production, test } = deployment.traffic?;
        let tests =
            test.filter(|test| *test != production).map(|test| format!(" (tests {test} %)")).unwrap_or_default();
        let has_some = production > 0.0 || test.is_some_and(|test| test > 0.0);
        has_some.then(|| format!("{} gets {production} %{tests}", deployment.task_definition))
    });
    shares.collect::<Vec<_>>().join(", ")
}

fn image(image: &ImageView) -> Line {
    let mood = match image.status.known() {
        Some(ImageStatus::Ready) => Mood::Good,
        Some(ImageStatus::Failed) => Mood::Bad,
        _ => Mood::Working,
    };
    // The name of one that is built is neargate's own; people know the container.
    let subject = match image.containers.first() {
        Some(container) if image.build => format!("image {container}"),
        _ => format!("image {}", image.image),
    };
    // Why a build failed is told in full, once.
    let is_told_elsewhere = image.build && mood == Mood::Bad;
    let detail = image.detail.as_deref().filter(|_| !is_told_elsewhere).unwrap_or_default();
    Line {
        subject,
        mood,
        state: image.origin.as_ref().map_or_else(|| image.status.as_str().to_lowercase(), Word::to_string),
        detail: first_line(detail),
    }
}

fn task(task: &TaskView) -> Line {
    let mood = match (task.desired_status.known(), task.last_status.known()) {
        (Some(DesiredStatus::Running), Some(TaskStatus::Running)) => Mood::Good,
        (Some(DesiredStatus::Running), _) => Mood::Working,
        _ if task.stop_code == Some(StopCode::ServiceSchedulerInitiated.into()) => Mood::Working,
        _ => Mood::Bad,
    };
    Line {
        subject: format!("task {}", short(&task.task_id)),
        mood,
        state: task.last_status.to_string(),
        detail: task.why_stopped().or_else(|| task.private_ipv4_address.clone()).unwrap_or_default(),
    }
}

fn container(task: &TaskView, container: &ContainerView) -> Line {
    let was_told_to_stop = task.desired_status == DesiredStatus::Stopped
        && (task.stop_code != Some(StopCode::EssentialContainerExited.into())
            || matches!(container.exit_code, None | Some(137 | 143)));
    let mood = match container.last_status.known() {
        _ if container.health_status == HealthStatus::Unhealthy => Mood::Bad,
        Some(ContainerStatus::Running) => Mood::Good,
        Some(ContainerStatus::Stopped) if container.reason.is_some() => Mood::Bad,
        Some(ContainerStatus::Stopped) if container.exit_code == Some(0) || was_told_to_stop => Mood::Good,
        Some(ContainerStatus::Stopped) => Mood::Bad,
        Some(ContainerStatus::Pending) | None => Mood::Working,
    };
    let mut state = container.last_status.to_string();
    if container.health_status != HealthStatus::Unknown {
        state.push(' ');
        state.push_str(container.health_status.as_str());
    }
    let exit = container.exit_code.map(|code| format!("exit code {code}"));
    // A build's output is long, and stands below the image already.
    let reason = container.reason.as_deref().map(|reason| match reason.starts_with("image build failed") {
        true => "its image could not be built".to_owned(),
        false => first_line(reason),
    });
    let detail: Vec<String> = exit.into_iter().chain(reason).collect();
    Line {
        subject: format!("task {} container {}", short(&task.task_id), container.name),
        mood,
        state,
        detail: detail.join(", "),
    }
}

fn target(group: &str, target: &TargetView) -> Line {
    let mood = match target.state.known() {
        Some(TargetHealthState::Healthy) => Mood::Good,
        Some(TargetHealthState::Unhealthy) => Mood::Bad,
        _ => Mood::Working,
    };
    let mut detail: Vec<&str> = Vec::new();
    detail.extend(target.reason.as_ref().map(Word::as_str));
    if target.state != TargetHealthState::Healthy {
        detail.extend(target.last_probe.as_deref());
    }
    Line {
        subject: format!("target {group} {}:{}", target.id, target.port),
        mood,
        state: target.state.to_string(),
        detail: detail.join(": "),
    }
}

/// What is worth a line of its own where lines cannot be redrawn: each subject whose state changed, and each new
/// service event.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    states: BTreeMap<String, String>,
    events: BTreeMap<String, String>,
}

impl Changes {
    /// Lines whose state differs from the last view's.
    pub(crate) fn lines(&mut self, view: &ClusterView) -> Vec<Line> {
        let mut changed = Vec::new();
        for line in lines(view) {
            let settled = format!("{}{}", line.state, if line.mood == Mood::Bad { line.detail.as_str() } else { "" });
            if self.states.get(&line.subject) != Some(&settled) {
                self.states.insert(line.subject.clone(), settled);
                changed.push(line);
            }
        }
        changed
    }

    /// Service events that were not there in the last view.
    pub(crate) fn events(&mut self, view: &ClusterView) -> Vec<String> {
        let mut new = Vec::new();
        for service in &view.services {
            let last = self.events.get(&service.service_name);
            let key = |event: &crate::admin::view::shape::EventView| format!("{} {}", event.created_at, event.message);
            let seen = service.events.iter().rposition(|event| Some(&key(event)) == last).map_or(0, |at| at + 1);
            new.extend(service.events[seen..].iter().map(|event| event.message.clone()));
            if let Some(event) = service.events.last() {
                self.events.insert(service.service_name.clone(), key(event));
            }
        }
        new
    }
}

/// The first eight digits of a task's id.
pub(crate) fn short(task_id: &str) -> &str {
    task_id.get(..8).unwrap_or(task_id)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::shape::{DeploymentView, ListenerView, ServiceDeploymentView};
    use crate::admin::view::words::Protocol;
    use crate::model::strategy::LifecycleStage;

    fn view(state: TaskStatus) -> ClusterView {
        let task = TaskView {
            task_id: "0123456789abcdef0123456789abcdef".into(),
            last_status: state.into(),
            desired_status: DesiredStatus::Running.into(),
            health_status: HealthStatus::Unknown.into(),
            private_ipv4_address: Some("10.0.0.2".into()),
            ..TaskView::default()
        };
        ClusterView {
            services: vec![ServiceView {
                service_name: "app".into(),
                task_definition: "app:1".into(),
                desired_count: 1,
                pending_count: 1,
                tasks: vec![task],
                ..ServiceView::default()
            }],
            listeners: vec![ListenerView {
                load_balancer: None,
                bind_address: None,
                port: 443,
                bind_port: 8443,
                protocol: Protocol::Https.into(),
                bound: true,
                error: None,
            }],
            ..ClusterView::default()
        }
    }

    #[test]
    fn only_what_changed_is_worth_a_line() {
        let mut changes = Changes::default();
        assert_eq!(changes.lines(&view(TaskStatus::Pending)).len(), 2);
        assert!(changes.lines(&view(TaskStatus::Pending)).is_empty());
        let changed = changes.lines(&view(TaskStatus::Running));
        assert_eq!(changed.len(), 1);
        assert_eq!((changed[0].subject.as_str(), changed[0].mood), ("task 01234567", Mood::Good));
    }

    #[test]
    fn a_deployment_that_shifts_traffic_says_how_far_it_is() {
        let mut view = view(TaskStatus::Running);
        let deployment = |task_definition: &str, production, test| DeploymentView {
            task_definition: task_definition.to_owned(),
            traffic: Some(TrafficView { production, test }),
            ..DeploymentView::default()
        };
        let service = &mut view.services[0];
        service.deployments = vec![deployment("app:2", 10.0, Some(100.0)), deployment("app:1", 90.0, Some(0.0))];
        service.service_deployment = ServiceDeploymentView {
            lifecycle_stage: Some(LifecycleStage::ProductionTrafficShift.into()),
            ..ServiceDeploymentView::default()
        };
        let shown = lines(&view);
        assert_eq!(shown[0].subject, "deployment of app");
        assert_eq!(shown[0].state, "PRODUCTION_TRAFFIC_SHIFT");
        assert_eq!(shown[0].detail, "app:2 gets 10 % (tests 100 %), app:1 gets 90 % (tests 0 %)");
    }

    #[test]
    fn a_remapped_listener_says_where_it_is() {
        let shown = lines(&view(TaskStatus::Pending));
        assert!(shown.iter().any(|line| line.detail == "on local port 8443"), "{shown:?}");
    }
}
