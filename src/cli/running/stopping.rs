//! Reports containers that do not stop on request while a stack is taken down: a wait of up to half a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::admin::view::shape::ClusterView;
use crate::cli::output::picture::short;
use crate::cli::output::printer::NOTE;

/// A container that heeds SIGTERM is gone by then.
const PATIENCE: Duration = Duration::from_secs(3);

/// Since when each container was seen stopping, and which have been spoken of.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    since: BTreeMap<(String, String), (Instant, bool)>,
}

impl Stopping {
    /// Sentences about containers that have not stopped for a while, each once.
    pub(crate) fn notices(&mut self, view: &ClusterView, now: Instant, way_out: &str) -> Vec<String> {
        let mut notices = Vec::new();
        let tasks = view.services.iter().flat_map(|service| &service.tasks);
        let stopping = tasks.flat_map(|task| task.containers.iter().map(move |container| (task, container)));
        for (task, container) in stopping.filter(|(_, container)| container.stop_requested) {
            let key = (task.task_id.clone(), container.name.clone());
            let (since, told) = self.since.entry(key).or_insert((now, false));
            if *told || now.duration_since(*since) < PATIENCE || container.stop_timeout <= PATIENCE.as_secs() {
                continue;
            }
            *told = true;
            notices.push(format!(
                "{NOTE}!{NOTE:#} {} (task {}) ignores SIGTERM; it is killed after its stopTimeout of {} s, as on Fargate. \
                 {way_out}",
                container.name,
                short(&task.task_id),
                container.stop_timeout
            ));
        }
        notices
    }

    /// Waits until there may be something to say.
    pub(crate) async fn wait() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::shape::{ContainerView, ServiceView, TaskView};

    fn view(stop_requested: bool, stop_timeout: u64) -> ClusterView {
        let container = ContainerView { name: "api".into(), stop_requested, stop_timeout, ..ContainerView::default() };
        let task = TaskView { task_id: "8bc52fd3aa".into(), containers: vec![container], ..TaskView::default() };
        let service = ServiceView { tasks: vec![task], ..ServiceView::default() };
        ClusterView { services: vec![service], ..ClusterView::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_ignores_sigterm_is_named_once_and_only_if_it_takes_long() {
        let mut stopping = Stopping::default();
        let begin = Instant::now();
        assert!(stopping.notices(&view(false, 30), begin, "").is_empty());
        assert!(stopping.notices(&view(true, 30), begin, "").is_empty());
        assert!(stopping.notices(&view(true, 30), begin + Duration::from_secs(2), "").is_empty());
        let said = stopping.notices(&view(true, 30), begin + Duration::from_secs(3), "Ctrl-C kills it now");
        assert!(said.len() == 1 && said[0].contains("api (task 8bc52fd3) ignores SIGTERM"), "{said:?}");
        assert!(said[0].contains("stopTimeout of 30 s, as on Fargate. Ctrl-C kills it now"), "{said:?}");
        assert!(stopping.notices(&view(true, 30), begin + Duration::from_secs(9), "").is_empty());

        let mut quick = Stopping::default();
        quick.notices(&view(true, 2), begin, "");
        assert!(quick.notices(&view(true, 2), begin + Duration::from_secs(5), "").is_empty());
    }
}
