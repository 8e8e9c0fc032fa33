//! Waits for a stack to come up, and notices if it will not: the goal, what rules it out, and the report.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use tokio::time::Instant;

use crate::admin::diagnosis::{has_failed, will_repeat};
use crate::admin::view::shape::{ClusterView, ServiceView, TaskView};
use crate::admin::view::words::ImageStatus;
use crate::admin::wire::Request;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::global::StartArgs;
use crate::cli::input::project::Project;
use crate::cli::output::live::Live;
use crate::cli::output::picture;
use crate::cli::output::picture::Mood;
use crate::cli::output::printer::Printer;
use crate::cli::output::{findings, welcome};
use crate::cli::running::asking;
use crate::cli::running::outcomes::Outcomes;
use crate::cli::running::process::Signals;
use crate::ecs::world::RolloutState;
use crate::model::{TargetGroupName, Topology};

/// A service whose tasks have failed this often will not come up (ECS developer guide, "Deployment circuit breaker": the
/// threshold of a service with few tasks).
const FAILED_TASKS_TO_GIVE_UP: usize = 3;

/// What `up` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Every service runs its tasks.
    Started,
    /// Every deployment has ended.
    Deployed,
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
    if goal == Goal::Healthy {
        printer.note(waits_for(&project.topology, start.wait_timeout));
    }
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
    let Some(mut conversation) = asking::ask(&project.folders, &Request::Watch).await? else {
        return Err(Failure::printed(ExitStatus::FAILED));
    };
    let mut signals = Signals::new()?;
    let mut last: Option<ClusterView> = None;
    let mut failed_before = None;
    let mut outcomes = Outcomes::default();
    loop {
        let next = tokio::select! {
            // Cancel-safe enough: on the other arms the conversation is not used again.
            next = conversation.view() => next,
            () = patience.is_over() => {
                return Err(goes_on(Failure {
                    status: ExitStatus::NOT_HEALTHY,
                    message: not_in_time(project, last.as_ref(), start.wait_timeout),
                }));
            }
            () = signals.next() => return Err(Failure {
                status: ExitStatus::INTERRUPTED,
                message: "interrupted; the stack keeps running in the background (`neargate down` stops it)".into(),
            }),
        };
        let Ok(Some(view)) = next else { return Err(Failure::printed(ExitStatus::FAILED)) };
        live.draw(&view, printer);
        for line in outcomes.see(&view, std::time::Instant::now()) {
            live.note(&line, printer);
        }
        patience.saw(&view);
        if let Some(failure) = cannot_listen(&view) {
            return Err(failure);
        }
        // While images are built, what failed before may be about to be replaced.
        if let Some(failure) = given_up(project, &view).filter(|_| !view.is_waiting_for_images()) {
            return Err(failure);
        }
        if is_reached(goal, &view) {
            return Ok(view);
        }
        let failed_before = failed_before.get_or_insert_with(|| failed(&view));
        if let Some(failure) = failed_build(&view) {
            return Err(waits_for_build(failure));
        }
        if let Some(failure) = is_hopeless(project, &view, failed_before) {
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
        Goal::Deployed => {
            is_reached(Goal::Started, view)
                && view.services.iter().all(|service| service.rollout_state != RolloutState::InProgress)
        }
        Goal::Started => {
            view.listeners.iter().all(|listener| listener.bound)
                && !view.is_waiting_for_images()
                && view.services.iter().all(|service| service.running_count >= service.desired_count)
        }
    }
}

/// What is waited for, in words, before the first of it is seen.
fn waits_for(topology: &Topology, seconds: u64) -> String {
    let in_use = topology.target_groups.keys().filter(|name| topology.is_in_use(name));
    let groups: Vec<&str> = in_use.map(TargetGroupName::as_str).collect();
    let what = match (groups.as_slice(), topology.services.is_empty()) {
        ([], true) => "the listeners to be bound".to_owned(),
        ([], false) => "every service to be steady".to_owned(),
        (groups, _) => format!("the targets of {} to be healthy", groups.join(", ")),
    };
    format!("waiting up to {seconds} s for {what}")
}

/// A deployment that ECS has given up, once what it was rolled back to has come up. The stack may be healthy nevertheless,
/// but it does not run what the file says.
pub(crate) fn given_up(project: &Project, view: &ClusterView) -> Option<Failure> {
    let (service, failed) =
        view.services.iter().find_map(|service| Some((service, service.failed_deployment.as_ref()?)))?;
    if service.rollout_state == RolloutState::InProgress {
        return None;
    }
    let what = match failed.id == service.deployment {
        true => "failed".to_owned(),
        false if failed.task_definition == service.task_definition => {
            "with another image failed and was rolled back".to_owned()
        }
        false => format!("failed and was rolled back to {}", service.task_definition),
    };
    let name = &service.service_name;
    let head = format!("service {name}: the deployment of {} {what}", failed.task_definition);
    Some(Failure::new(with_findings(head, project, view)))
}

/// A deployment that will not come up, with the reason. ECS tries for ever; whoever waits is told after a few failures,
/// or after the first one that the next task will repeat. `failed_before` are the tasks that had failed when the waiting
/// began.
pub(crate) fn is_hopeless(project: &Project, view: &ClusterView, failed_before: &BTreeSet<String>) -> Option<Failure> {
    let failures = |service: &ServiceView| -> Vec<TaskView> {
        let own = service.tasks.iter().filter(|task| task.started_by == service.deployment && has_failed(task));
        own.filter(|task| !failed_before.contains(&task.task_id)).cloned().collect()
    };
    let unsettled = |service: &&ServiceView| {
        service.rollout_state != RolloutState::Completed || service.running_count < service.desired_count
    };
    let (service, failed) = view.services.iter().filter(unsettled).find_map(|service| {
        let failed = failures(service);
        let hopeless = failed.len() >= FAILED_TASKS_TO_GIVE_UP || failed.iter().any(will_repeat);
        hopeless.then_some((service, failed.len()))
    })?;
    let tasks = if failed == 1 { "a task".to_owned() } else { format!("{failed} tasks") };
    let head = format!("service {} is not coming up: {tasks} of its deployment failed", service.service_name);
    Some(Failure::new(with_findings(head, project, view)))
}

/// A build that failed. It is tried again with the next `up`, not before: it would fail again.
pub(crate) fn failed_build(view: &ClusterView) -> Option<Failure> {
    let failed = view.images.iter().filter(|image| image.build && image.status == ImageStatus::Failed);
    let told: Vec<String> = failed
        .map(|image| {
            let reason = image.detail.as_deref().unwrap_or_default();
            let reason = reason.strip_prefix("image build failed: ").unwrap_or(reason);
            format!("the image of {} cannot be built: {reason}", image.containers.join(" and "))
        })
        .collect();
    (!told.is_empty()).then(|| Failure::new(told.join("\n")))
}

/// Tasks that have failed, of whatever deployment.
pub(crate) fn failed(view: &ClusterView) -> BTreeSet<String> {
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    tasks.filter(|task| has_failed(task)).map(|task| task.task_id.clone()).collect()
}

/// What becomes of a stack that is no longer waited for.
fn goes_on(mut failure: Failure) -> Failure {
    failure.message.push_str(
        "\nThe stack keeps retrying in the background; run `neargate doctor` to check again, `neargate down` to stop it.",
    );
    failure
}

/// What becomes of a stack whose image does not build.
fn waits_for_build(mut failure: Failure) -> Failure {
    failure.message.push_str(
        "\nFix it and run `neargate up` again. The stack keeps running unchanged in the background; `neargate down` stops it.",
    );
    failure
}

/// Why the stack is not healthy yet: what `doctor` says, or, if nothing is wrong, what is not there yet.
pub(crate) fn not_in_time(project: &Project, view: Option<&ClusterView>, seconds: u64) -> String {
    let head = format!("not healthy within {seconds} s");
    let Some(view) = view else { return head };
    let text = with_findings(head.clone(), project, view);
    if text != head {
        return text;
    }
    let mut text = format!("{head}; nothing is wrong, but it is not ready:");
    for line in picture::lines(view).iter().filter(|line| line.mood == Mood::Working) {
        let _ = write!(text, "\n  {} is {}", line.subject, line.state);
    }
    text
}

/// A sentence, and below it what `doctor` would say.
fn with_findings(head: String, project: &Project, view: &ClusterView) -> String {
    let findings = findings::find(view, &project.topology, &project.folders);
    if findings.is_empty() { head } else { format!("{head}\n{}", findings::text(&findings).trim_end()) }
}

/// A port that cannot be bound ends a start: a stack that cannot be reached is of no use.
pub(crate) fn cannot_listen(view: &ClusterView) -> Option<Failure> {
    let messages: Vec<&str> = view.listeners.iter().filter_map(|listener| listener.error.as_deref()).collect();
    (!messages.is_empty()).then(|| Failure::new(messages.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::shape::ImageView;

    fn view(status: ImageStatus) -> ClusterView {
        let image = ImageView { image: "app".to_owned(), status: status.into(), ..ImageView::default() };
        ClusterView { images: vec![image], ..ClusterView::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_counts_from_when_the_images_are_there() {
        let limit = Duration::from_secs(120);
        let mut patience = Patience::new(limit);
        for status in [ImageStatus::Waiting, ImageStatus::Building, ImageStatus::Pulling] {
            patience.saw(&view(status));
            let over = tokio::time::timeout(limit * 10, patience.is_over()).await;
            assert!(over.is_err(), "the timeout is running while the image is {status}");
        }
        let begin = Instant::now();
        patience.saw(&view(ImageStatus::Ready));
        patience.saw(&view(ImageStatus::Ready));
        patience.is_over().await;
        assert_eq!(begin.elapsed(), limit);
    }
}
