//! Waiting for a stack to come up, and noticing that it will not: what has to be reached, what rules it out, and how
//! that is told.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::admin::wire::Request;
use crate::cli::live::Live;
use crate::cli::printer::Printer;
use crate::cli::process::Signals;
use crate::cli::project::Project;
use crate::cli::{ExitStatus, Failure, StartArgs, stack, welcome};
use crate::control::view::{ClusterView, ServiceView};

/// A service whose tasks have failed this often will not come up (ECS developer guide, "Deployment circuit breaker": the
/// threshold of a service with few tasks).
const FAILED_TASKS_TO_GIVE_UP: u32 = 3;

/// What `up` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Every service runs its tasks.
    Started,
    /// Every target is healthy.
    Healthy,
    /// Ctrl-C.
    Forever,
}

/// Shows how the running stack comes up, until the goal is reached or cannot be any more.
pub(crate) async fn follow(
    project: &Project,
    goal: Goal,
    start: &StartArgs,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let mut live = Live::new();
    let outcome = follow_views(project, goal, start, &mut live, printer).await;
    live.finish();
    let view = outcome?;
    welcome::print(project, &view, false, printer);
    Ok(ExitStatus::SUCCESS)
}

async fn follow_views(
    project: &Project,
    goal: Goal,
    start: &StartArgs,
    live: &mut Live,
    printer: &mut Printer,
) -> Result<ClusterView, Failure> {
    let mut patience = Patience::new(Duration::from_secs(start.wait_timeout));
    let Some(mut conversation) = stack::ask(&project.folders, &Request::Watch).await? else {
        return Err(Failure::printed(ExitStatus::FAILED));
    };
    let mut signals = Signals::new()?;
    let mut last: Option<ClusterView> = None;
    let mut crashed_before = None;
    loop {
        let next = tokio::select! {
            // Cancel-safe enough: on the other arms the conversation is not used again.
            next = conversation.view() => next,
            () = patience.is_over() => {
                return Err(goes_on(Failure {
                    status: ExitStatus::NOT_HEALTHY,
                    message: not_in_time(last.as_ref(), start.wait_timeout),
                }));
            }
            () = signals.next() => return Err(Failure {
                status: ExitStatus::INTERRUPTED,
                message: "interrupted; the stack goes on in the background (`neargate down` stops it)".into(),
            }),
        };
        let Ok(Some(view)) = next else { return Err(Failure::printed(ExitStatus::FAILED)) };
        live.draw(&view, printer);
        patience.saw(&view);
        if let Some(failure) = cannot_listen(&view) {
            return Err(failure);
        }
        if is_reached(goal, &view) {
            return Ok(view);
        }
        let crashed_before = crashed_before.get_or_insert_with(|| crashed(&view));
        if let Some(failure) = is_hopeless(&view, crashed_before) {
            return Err(goes_on(failure));
        }
        last = Some(view);
    }
}

/// When to stop waiting. The time counts from when the images are there: how long a build or a pull takes says nothing
/// about the application, and in CI each run begins with one.
pub(crate) struct Patience {
    limit: Duration,
    /// `None` while an image is built or pulled.
    deadline: Option<Instant>,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, deadline: Some(Instant::now() + limit) }
    }

    /// Looks whether images are on their way.
    pub(crate) fn saw(&mut self, view: &ClusterView) {
        if view.is_waiting_for_images() {
            self.deadline = None;
        } else if self.deadline.is_none() {
            self.deadline = Some(Instant::now() + self.limit);
        }
    }

    /// Returns when the time is over. Cancel-safe.
    pub(crate) async fn is_over(&self) {
        match self.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }
}

fn is_reached(goal: Goal, view: &ClusterView) -> bool {
    match goal {
        Goal::Healthy | Goal::Forever => view.ready,
        Goal::Started => {
            view.listeners.iter().all(|listener| listener.bound)
                && view.services.iter().all(|service| service.running_count >= service.desired_count)
        }
    }
}

/// A service whose tasks fail again and again, with the reason of the last one. ECS counts as failed those that never
/// ran; one that crashes right after its start is as little use, and ECS restarts it for ever. Whoever waits is told.
/// `crashed_before` are those that had crashed when the waiting began.
pub(crate) fn is_hopeless(view: &ClusterView, crashed_before: &BTreeSet<String>) -> Option<Failure> {
    let crashed = crashed(view);
    let failures = |service: &ServiceView| {
        let ids = service.tasks.iter().map(|task| &task.task_id);
        let crashes = ids.filter(|id| crashed.contains(*id) && !crashed_before.contains(*id)).count();
        service.failed_tasks.max(u32::try_from(crashes).unwrap_or(u32::MAX))
    };
    let service = view.services.iter().find(|service| {
        failures(service) >= FAILED_TASKS_TO_GIVE_UP && service.running_count < service.desired_count
    })?;
    let last = service.tasks.iter().rev().find(|task| task.stopped_reason.is_some())?;
    Some(Failure::new(format!(
        "service {} does not come up: {} tasks failed, the last one with\n  {}: {}",
        service.service_name,
        failures(service),
        last.stop_code.as_deref().unwrap_or_default(),
        last.stopped_reason.as_deref().unwrap_or_default(),
    )))
}

/// Tasks of which an essential container has ended by itself.
pub(crate) fn crashed(view: &ClusterView) -> BTreeSet<String> {
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    let crashed = tasks.filter(|task| task.stop_code.as_deref() == Some("EssentialContainerExited"));
    crashed.map(|task| task.task_id.clone()).collect()
}

/// What becomes of a stack that is no longer waited for.
fn goes_on(mut failure: Failure) -> Failure {
    failure.message.push_str(
        "\nThe stack goes on trying in the background; `neargate doctor` says more, `neargate down` stops it.",
    );
    failure
}

pub(crate) fn not_in_time(view: Option<&ClusterView>, seconds: u64) -> String {
    let mut text = format!("not healthy within {seconds} s:");
    let Some(view) = view else { return text };
    for group in view.target_groups.iter().filter(|group| group.in_use) {
        if group.targets.is_empty() {
            text.push_str(&format!("\n  {}: no registered targets", group.name));
        }
        for target in group.targets.iter().filter(|target| target.state != "healthy") {
            let reason = target.description.as_deref().unwrap_or_default();
            let probe = target.last_probe.as_deref().map(|probe| format!(" (last probe: {probe})")).unwrap_or_default();
            text.push_str(&format!(
                "\n  {} {}:{} is {}: {reason}{probe}",
                group.name, target.id, target.port, target.state
            ));
        }
    }
    for task in view.services.iter().flat_map(|service| &service.tasks).filter(|task| task.last_status != "RUNNING") {
        if let Some(reason) = &task.stopped_reason {
            text.push_str(&format!("\n  task {} stopped: {reason}", crate::cli::picture::short(&task.task_id)));
        }
    }
    text
}

/// A port that cannot be bound ends a start: a stack that nobody can reach is of no use.
pub(crate) fn cannot_listen(view: &ClusterView) -> Option<Failure> {
    let messages: Vec<&str> = view.listeners.iter().filter_map(|listener| listener.error.as_deref()).collect();
    (!messages.is_empty()).then(|| Failure::new(messages.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::view::ImageView;

    fn view(status: &str) -> ClusterView {
        let image = ImageView { image: "app".to_owned(), status: status.to_owned(), detail: None };
        ClusterView { images: vec![image], ..ClusterView::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_counts_from_when_the_images_are_there() {
        let limit = Duration::from_secs(120);
        let mut patience = Patience::new(limit);
        for status in ["WAITING", "BUILDING", "PULLING"] {
            patience.saw(&view(status));
            let over = tokio::time::timeout(limit * 10, patience.is_over()).await;
            assert!(over.is_err(), "the time runs while the image is {status}");
        }
        let begin = Instant::now();
        patience.saw(&view("READY"));
        patience.saw(&view("READY"));
        patience.is_over().await;
        assert_eq!(begin.elapsed(), limit);
    }
}
