//! Tells how deployments end, from one view to the next: for whoever applies a changed file and stays.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::admin::view::shape::{ClusterView, ServiceView};
use crate::cli::output::printer::{BAD, GOOD};
use crate::ecs::world::RolloutState;

/// What is known of the deployments of each service.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(BTreeMap<String, Known>);

#[derive(Debug)]
struct Known {
    /// The PRIMARY one.
    deployment: String,
    /// Since when one has been in progress, be it one that failed meanwhile.
    since: Option<Instant>,
}

impl Outcomes {
    /// Takes a view as known: what had ended before is no news.
    pub(crate) fn of(view: &ClusterView, now: Instant) -> Self {
        let mut outcomes = Self::default();
        outcomes.see(view, now);
        outcomes
    }

    /// A line for each deployment that has ended since the last view.
    pub(crate) fn see(&mut self, view: &ClusterView, now: Instant) -> Vec<String> {
        let lines = view.services.iter().filter_map(|service| self.see_service(service, now));
        let lines = lines.collect();
        self.0.retain(|name, _| view.services.iter().any(|service| service.service_name == *name));
        lines
    }

    fn see_service(&mut self, service: &ServiceView, now: Instant) -> Option<String> {
        let is_in_progress = service.rollout_state == RolloutState::InProgress;
        let Some(known) = self.0.get_mut(&service.service_name) else {
            let since = is_in_progress.then_some(now);
            self.0.insert(service.service_name.clone(), Known { deployment: service.deployment.clone(), since });
            return None;
        };
        if known.deployment != service.deployment {
            known.deployment.clone_from(&service.deployment);
            known.since.get_or_insert(now);
        }
        if is_in_progress {
            return None;
        }
        let took = now.saturating_duration_since(known.since.take()?);
        Some(sentence(service, took))
    }
}

fn sentence(service: &ServiceView, took: Duration) -> String {
    let (name, runs) = (&service.service_name, &service.task_definition);
    let seconds = (took.as_secs_f64() * 10.0).round() / 10.0;
    match &service.failed_deployment {
        Some(failed) if failed.id == service.deployment => {
            let reason = &failed.rollout_state_reason;
            format!("{BAD}✘{BAD:#} service {name}: the deployment of {runs} failed: {reason}")
        }
        // Another build of what ran before has the same revision.
        Some(failed) => {
            let what = if failed.task_definition == *runs { "the new image" } else { &failed.task_definition };
            format!("{BAD}✘{BAD:#} service {name}: {what} was rolled back; {runs} runs as before")
        }
        None => format!("{GOOD}✔{GOOD:#} service {name} is stable on {runs} after {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::admin::view::shape::DeploymentView;

    fn view(deployment: &str, state: RolloutState, failed: Option<(&str, &str)>) -> ClusterView {
        let failed = failed.map(|(id, task_definition)| DeploymentView {
            id: id.to_owned(),
            task_definition: task_definition.to_owned(),
            rollout_state_reason: "tasks failed to start.".to_owned(),
            ..DeploymentView::default()
        });
        let service = ServiceView {
            service_name: "web".to_owned(),
            task_definition: format!("app:{deployment}"),
            deployment: deployment.to_owned(),
            rollout_state: state.into(),
            failed_deployment: failed,
            ..ServiceView::default()
        };
        ClusterView { services: vec![service], ..ClusterView::default() }
    }

    #[track_caller]
    fn assert_told(views: &[ClusterView], expected: &[&str]) {
        let begin = Instant::now();
        let mut outcomes = Outcomes::of(&views[0], begin);
        let told = views[1..].iter().flat_map(|view| outcomes.see(view, begin + Duration::from_millis(1900)));
        let told: Vec<String> = told.map(|line| anstream::adapter::strip_str(&line).to_string()).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn each_deployment_that_ends_is_told_once() {
        use RolloutState::{Completed, Failed, InProgress};
        let completed = view("1", Completed, None);
        let after = [view("2", InProgress, None), view("2", Completed, None), view("2", Completed, None)];
        assert_told(&[from_ref(&completed), &after[..]].concat(), &["✔ service web is stable on app:2 after 0 s"]);
        let rolled_back = [
            view("2", InProgress, None),
            view("1", InProgress, Some(("2", "app:2"))),
            view("1", Completed, Some(("2", "app:2"))),
        ];
        assert_told(
            &[from_ref(&completed), &rolled_back[..]].concat(),
            &["✘ service web: app:2 was rolled back; app:1 runs as before"],
        );
        let failed = [view("2", InProgress, None), view("2", Failed, Some(("2", "app:2")))];
        assert_told(
            &[from_ref(&completed), &failed[..]].concat(),
            &["✘ service web: the deployment of app:2 failed: tasks failed to start."],
        );
        assert_told(&[completed.clone(), completed], &[]);
        // It was in progress when somebody began to look.
        assert_told(
            &[view("2", InProgress, None), view("2", Completed, None)],
            &["✔ service web is stable on app:2 after 1.9 s"],
        );
    }
}
