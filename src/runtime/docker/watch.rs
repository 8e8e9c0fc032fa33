//! Turns the engine's reports into a stream of facts.
//!
//! ```text
//!  the node -> connect -> events since now -> inventory -> each change -> (engine gone) -> Unreachable -> back off -> connect
//! ```
//! The subscription starts just before the inventory is taken, so nothing is lost between the two. The inventory is
//! repeated from time to time, to recover from an engine that slept or dropped an event.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum, EventMessage,
};
use bollard::query_parameters::{EventsOptionsBuilder, ListContainersOptionsBuilder};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::control::runtime::{ObservedContainer, ObservedState, RuntimeEvent};
use crate::model::task::{ContainerExit, HealthStatus};
use crate::model::{ContainerName, TaskId};

use super::engine::error;
use super::engine::labels::{CONTAINER, PAUSE, TASK};
use super::runtime::DockerRuntime;

const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LAST_BACK_OFF: Duration = Duration::from_secs(5);
/// The interval of regular inventories.
const RESYNC: Duration = Duration::from_secs(30);
/// The engine learns of an end and of the lack of memory from two reports, which may come in either order: after an end by SIGKILL,
/// the other one is waited for.
const OOM_REPORT: Duration = Duration::from_millis(50);
/// The exit code of a process that was killed by SIGKILL.
const KILLED: i64 = 137;

/// Why a session with the engine ended.
enum End {
    /// The receiver is gone.
    ReceiverGone,
    /// The engine is gone; with its message.
    EngineGone(String),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::EngineGone(error::message(&error))
    }
}

impl DockerRuntime {
    pub(super) async fn watch_engine(&self, events: mpsc::Sender<RuntimeEvent>) {
        let mut back_off = FIRST_BACK_OFF;
        // Of an engine that has just been introduced it is known; of one that went away and came back it is not.
        let mut clock = self.engine.clock();
        let node = self.engine.node();
        if events.send(RuntimeEvent::Nodes(vec![self.node()])).await.is_err() {
            return;
        }
        loop {
            let mut connected = false;
            let end = tokio::select! {
                // Everything in a session may be dropped at any point: the next one starts over.
                () = events.closed() => return,
                end = self.session(&events, clock.take(), &mut connected) => end,
            };
            let End::EngineGone(text) = end else { return };
            if connected {
                back_off = FIRST_BACK_OFF;
            }
            tracing::debug!(%text, "the engine's events ended");
            if events.send(RuntimeEvent::Unreachable(node.clone(), self.engine.gone(&text))).await.is_err() {
                return;
            }
            tokio::select! {
                () = events.closed() => return,
                () = tokio::time::sleep(back_off) => {}
            }
            back_off = (back_off * 2).min(LAST_BACK_OFF);
        }
    }

    async fn session(
        &self,
        events: &mpsc::Sender<RuntimeEvent>,
        clock: Option<Timestamp>,
        connected: &mut bool,
    ) -> End {
        match self.try_session(events, clock, connected).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn try_session(
        &self,
        events: &mpsc::Sender<RuntimeEvent>,
        clock: Option<Timestamp>,
        connected: &mut bool,
    ) -> Result<std::convert::Infallible, End> {
        let docker = self.engine.docker();
        // By the engine's clock: that of a virtual machine may be far from ours.
        let now = match clock {
            Some(now) => Some(now),
            None => docker.info().await?.system_time.and_then(|time| time.parse::<Timestamp>().ok()),
        };
        let mut filters = self.names.project_filter();
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        let options = EventsOptionsBuilder::new().filters(&filters);
        let options = match now {
            Some(now) => options.since(&format!("{}.{:09}", now.as_second(), now.subsec_nanosecond())),
            None => options,
        };
        let mut changes = pin!(docker.events(Some(options.build())));

        send(events, self.inventory().await?).await?;
        *connected = true;
        let mut resync = tokio::time::interval_at(tokio::time::Instant::now() + RESYNC, RESYNC);
        let mut out_of_memory = HashSet::new();
        loop {
            // Both arms are safe to drop: a stream keeps what it has not yielded, an interval its next tick.
            tokio::select! {
                change = changes.next() => {
                    let change = change.ok_or_else(|| End::EngineGone("the engine closed its event stream".to_owned()))??;
                    if let Some(observed) = self.observe(change, &mut out_of_memory).await? {
                        send(events, RuntimeEvent::Changed(observed)).await?;
                    }
                }
                _ = resync.tick() => send(events, self.inventory().await?).await?,
            }
        }
    }

    /// Lists all containers. A pause container is reported only if it is missing.
    async fn inventory(&self) -> Result<RuntimeEvent, Error> {
        // Taken before the list, so that a task opened meanwhile is not missed by mistake.
        let opened: Vec<(TaskId, String)> =
            self.tasks().iter().map(|(task, open)| (task.clone(), open.pause_id.clone())).collect();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&self.names.project_filter()).build();
        let listed = self.engine.docker().list_containers(Some(options)).await?;

        let mut paused: HashSet<TaskId> = HashSet::new();
        let mut missed: HashMap<TaskId, String> = opened.into_iter().collect();
        let mut members = Vec::new();
        for summary in listed {
            let Some(known) = Known::of_labels(summary.id.as_ref(), summary.labels.as_ref()) else { continue };
            let running = summary.state == Some(ContainerSummaryStateEnum::RUNNING);
            if known.container.is_none() {
                if running {
                    paused.insert(known.task);
                }
            } else if summary.state != Some(ContainerSummaryStateEnum::CREATED) {
                missed.entry(known.task.clone()).or_default();
                members.push(self.observe_listed(known, summary));
            }
        }
        let mut inventory: Vec<ObservedContainer> = join_all(members).await.into_iter().flatten().collect();
        missed.retain(|task, _| !paused.contains(task));
        inventory.extend(missed.into_iter().map(|(task, runtime_id)| ObservedContainer {
            task,
            container: None,
            runtime_id,
            state: ObservedState::Gone,
            health: HealthStatus::Unknown,
        }));
        Ok(RuntimeEvent::Inventory(self.engine.node(), inventory))
    }

    async fn observe_listed(&self, known: Known, summary: ContainerSummary) -> Option<ObservedContainer> {
        match summary.state {
            Some(ContainerSummaryStateEnum::EXITED | ContainerSummaryStateEnum::DEAD) => {
                let exit = self.exit_of(&known.id, None, false).await.ok()??;
                Some(known.is(ObservedState::Exited(exit), HealthStatus::Unknown))
            }
            Some(ContainerSummaryStateEnum::REMOVING) => Some(known.is(ObservedState::Gone, HealthStatus::Unknown)),
            _ => {
                let health = listed_health(summary.status.as_deref().unwrap_or_default());
                Some(known.is(ObservedState::Running, health))
            }
        }
    }

    async fn observe(
        &self,
        change: EventMessage,
        out_of_memory: &mut HashSet<String>,
    ) -> Result<Option<ObservedContainer>, End> {
        let Some(actor) = change.actor else { return Ok(None) };
        let Some(known) = Known::of_labels(actor.id.as_ref(), actor.attributes.as_ref()) else { return Ok(None) };
        let action = change.action.unwrap_or_default();
        let attribute = |name: &str| actor.attributes.as_ref().and_then(|attributes| attributes.get(name));
        let is_pause = known.container.is_none();
        let (state, health) = match action.split_once(':').map_or(action.as_str(), |(action, _)| action) {
            "oom" => {
                out_of_memory.insert(known.id);
                return Ok(None);
            }
            "start" if !is_pause => (ObservedState::Running, HealthStatus::Unknown),
            "health_status" if !is_pause => {
                let status = action.split_once(": ").map(|(_, status)| status.to_owned());
                let status = status.or_else(|| attribute("health_status").cloned()).unwrap_or_default();
                (ObservedState::Running, health(&status))
            }
            "die" | "died" => {
                let code = attribute("exitCode").or_else(|| attribute("containerExitCode"));
                let code = code.and_then(|code| code.parse::<i64>().ok());
                let oom_seen = out_of_memory.remove(&known.id);
                let mut exit = self.exit_of(&known.id, code, oom_seen).await?;
                if !is_pause && is_killed(exit.as_ref()) {
                    tokio::time::sleep(OOM_REPORT).await;
                    exit = self.exit_of(&known.id, code, oom_seen).await?;
                }
                (exit.map_or(ObservedState::Gone, ObservedState::Exited), HealthStatus::Unknown)
            }
            "destroy" | "remove" => (ObservedState::Gone, HealthStatus::Unknown),
            _ => return Ok(None),
        };
        Ok(Some(known.is(state, health)))
    }

    /// How a container ended. If it has already been removed, the event's information is used.
    async fn exit_of(&self, id: &str, code: Option<i64>, oom_seen: bool) -> Result<Option<ContainerExit>, Error> {
        match self.engine.docker().inspect_container(id, None).await {
            Ok(inspected) => Ok(exit_state(&inspected, oom_seen)),
            Err(error) if error::is_not_found(&error) => {
                Ok(code.map(|exit_code| ContainerExit { exit_code, out_of_memory: oom_seen && exit_code == KILLED }))
            }
            Err(error) => Err(error),
        }
    }
}

/// A container that is ours according to its labels.
struct Known {
    id: String,
    task: TaskId,
    container: Option<ContainerName>,
}

impl Known {
    fn of_labels(id: Option<&String>, labels: Option<&HashMap<String, String>>) -> Option<Self> {
        let labels = labels?;
        let container = labels.get(CONTAINER)?;
        Some(Self {
            id: id?.clone(),
            task: TaskId::new(labels.get(TASK)?),
            container: (container != PAUSE).then(|| ContainerName::new(container)),
        })
    }

    fn is(self, state: ObservedState, health: HealthStatus) -> ObservedContainer {
        let Self { id: runtime_id, task, container } = self;
        ObservedContainer { task, container, runtime_id, state, health }
    }
}

async fn send(events: &mpsc::Sender<RuntimeEvent>, event: RuntimeEvent) -> Result<(), End> {
    events.send(event).await.map_err(|_| End::ReceiverGone)
}

/// Whether it was killed, without a word about memory.
fn is_killed(exit: Option<&ContainerExit>) -> bool {
    exit.is_some_and(|exit| exit.exit_code == KILLED && !exit.out_of_memory)
}

/// `None` while it runs. When memory runs out, the kernel notifies every container of the task's control group; the
/// victim is the one that was killed by SIGKILL.
fn exit_state(inspected: &ContainerInspectResponse, oom_seen: bool) -> Option<ContainerExit> {
    let state = inspected.state.as_ref()?;
    if matches!(state.status, Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::PAUSED)) {
        return None;
    }
    let exit_code = state.exit_code.unwrap_or_default();
    let out_of_memory = (oom_seen || state.oom_killed == Some(true)) && exit_code == KILLED;
    Some(ContainerExit { exit_code, out_of_memory })
}

/// `Up 3 minutes (healthy)`: lists contain the health only as text.
fn listed_health(status: &str) -> HealthStatus {
    let word = status.rsplit_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
    health(word)
}

fn health(word: &str) -> HealthStatus {
    match word {
        "healthy" => HealthStatus::Healthy,
        "unhealthy" => HealthStatus::Unhealthy,
        // ECS reports the time before the first verdict as unknown.
        _ => HealthStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_read_from_the_words_of_a_list() {
        let cases = [
            ("Up 3 minutes (healthy)", HealthStatus::Healthy),
            ("Up 3 minutes (unhealthy)", HealthStatus::Unhealthy),
            ("Up Less than a second (health: starting)", HealthStatus::Unknown),
            ("Up 3 minutes", HealthStatus::Unknown),
        ];
        for (status, expected) in cases {
            assert_eq!(listed_health(status), expected, "{status}");
        }
    }
}
