//! A pretended engine: a whole world in which containers take time, exit, and lie, but not a recorder of calls. It
//! obeys tokio's clock, so that a test with a paused clock lives through minutes in no time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use neargate::control::runtime::{
    ImageOrigin, ImageProgress, ImageRequest, LogLine, ObservedContainer, ObservedState, Owners, ProvidedImage, Reach,
    Runtime, RuntimeError, RuntimeEvent, StartedContainer, TaskNetwork, TaskSpec,
};
use neargate::model::task::{ContainerExit, HealthStatus};
use neargate::model::{ContainerName, TaskId};
use serde::Deserialize;
use tokio::sync::mpsc;

/// How the pretended world behaves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Script {
    /// By image reference, for one that is built by container; each time takes the next entry, the last one repeats.
    pub(crate) images: BTreeMap<String, Vec<ImageScript>>,
    /// By container name; each start takes the next entry, the last one repeats.
    pub(crate) containers: BTreeMap<String, Vec<ContainerScript>>,
    /// With more containers than this at once the machine is so busy that every container's check fails.
    pub(crate) bears: Option<usize>,
    /// From this second to that one the engine is stopped, and its containers with it.
    pub(crate) away: Option<(f64, f64)>,
}

/// How an image behaves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ImageScript {
    /// Seconds until it is there.
    pub(crate) takes: f64,
    /// Cannot be pulled or built.
    pub(crate) fails: Option<String>,
    /// Content; the same means that nothing has changed.
    pub(crate) content: String,
}

/// How one start of a container behaves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ContainerScript {
    /// Seconds until it runs.
    pub(crate) takes: f64,
    /// Cannot be started.
    pub(crate) fails: Option<String>,
    /// Seconds from its start until it exits by itself.
    pub(crate) exits_after: Option<f64>,
    /// With this code.
    pub(crate) exit_code: i64,
    /// Because of memory.
    pub(crate) out_of_memory: bool,
    /// Seconds from its start until its check passes.
    pub(crate) healthy_after: Option<f64>,
    /// Seconds from its start until its check has failed.
    pub(crate) unhealthy_after: Option<f64>,
    /// Seconds it takes to obey the stop signal; more than its stopTimeout means SIGKILL.
    pub(crate) stops_after: f64,
}

/// What the runtime says of an engine that went away.
const GONE: &str = "no container engine at unix:///var/run/docker.sock: connection refused";

/// The pretended engine.
pub(crate) struct World {
    script: Script,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    starts: HashMap<String, usize>,
    images: HashMap<String, usize>,
    ids: HashMap<String, String>,
    next_address: u8,
    next_id: u32,
    running: HashMap<(TaskId, ContainerName), (String, ContainerScript)>,
    open: Vec<TaskId>,
    events: Option<mpsc::Sender<RuntimeEvent>>,
    is_away: bool,
    asked_in_vain: u32,
}

impl World {
    /// A world that follows the script.
    pub(crate) fn new(script: Script) -> Self {
        Self { script, state: Arc::default() }
    }

    /// What is there: open tasks and running containers.
    pub(crate) fn left(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.open.len(), state.running.len())
    }

    /// How often something was asked of it while it was away.
    pub(crate) fn asked_in_vain(&self) -> u32 {
        self.state.lock().unwrap().asked_in_vain
    }

    fn answers(&self) -> Result<(), RuntimeError> {
        let mut state = self.state.lock().unwrap();
        if state.is_away {
            state.asked_in_vain += 1;
            return Err(RuntimeError::EngineUnreachable(GONE.into()));
        }
        Ok(())
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

async fn report(state: &Mutex<State>, container: ObservedContainer) {
    let sender = state.lock().unwrap().events.clone();
    if let Some(sender) = sender {
        let _ = sender.send(RuntimeEvent::Changed(container)).await;
    }
}

async fn end(state: &Mutex<State>, key: &(TaskId, ContainerName), runtime_id: &str, exit: ContainerExit) {
    {
        let mut state = state.lock().unwrap();
        match state.running.get(key) {
            Some((id, _)) if id == runtime_id => state.running.remove(key),
            _ => return,
        };
    }
    let observed = ObservedContainer {
        task: key.0.clone(),
        container: Some(key.1.clone()),
        runtime_id: runtime_id.to_owned(),
        state: ObservedState::Exited(exit),
        health: HealthStatus::Unknown,
    };
    report(state, observed).await;
}

/// A container's check every 5 seconds, 3 failures of which are too many, on a machine that bears so many containers.
async fn check_while_busy(state: Arc<Mutex<State>>, key: (TaskId, ContainerName), runtime_id: String, bears: usize) {
    let mut failures = 0;
    loop {
        tokio::time::sleep(seconds(5.0)).await;
        let (runs, busy) = {
            let state = state.lock().unwrap();
            (state.running.contains_key(&key), state.running.len() > bears)
        };
        if !runs {
            return;
        }
        failures = if busy { failures + 1 } else { 0 };
        let health = match failures {
            0 => HealthStatus::Healthy,
            1 | 2 => continue,
            _ => HealthStatus::Unhealthy,
        };
        let (task, container) = key.clone();
        let runtime_id = runtime_id.clone();
        let state_now = ObservedState::Running;
        report(&state, ObservedContainer { task, container: Some(container), runtime_id, state: state_now, health })
            .await;
    }
}

#[async_trait]
impl Runtime for World {
    async fn prepare(&self) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn provide_image(
        &self,
        request: &ImageRequest,
        _progress: mpsc::Sender<ImageProgress>,
    ) -> Result<ProvidedImage, RuntimeError> {
        let is_built = request.build.is_some();
        let key = if is_built { request.container.as_str() } else { &request.image };
        let scripts = self.script.images.get(key).cloned().unwrap_or_default();
        let script = {
            let mut state = self.state.lock().unwrap();
            let count = state.images.entry(key.to_owned()).or_default();
            *count += 1;
            scripts.get(*count - 1).or(scripts.last()).cloned().unwrap_or_default()
        };
        tokio::time::sleep(seconds(script.takes)).await;
        match script.fails {
            Some(reason) if is_built => return Err(RuntimeError::BuildFailed(reason.into())),
            Some(reason) => return Err(RuntimeError::CannotPullContainer(reason.into())),
            None => {}
        }
        let id = format!("sha256:{key}-{}", script.content);
        let is_known = self.state.lock().unwrap().ids.insert(key.to_owned(), id.clone()).as_ref() == Some(&id);
        let origin = match (is_built, is_known) {
            (true, false) => ImageOrigin::Built,
            (true, true) => ImageOrigin::Cached,
            (false, false) => ImageOrigin::Pulled,
            (false, true) => ImageOrigin::Present,
        };
        Ok(ProvidedImage { id, origin })
    }

    async fn open_task(&self, task: &TaskSpec) -> Result<TaskNetwork, RuntimeError> {
        self.answers()?;
        let mut state = self.state.lock().unwrap();
        state.open.push(task.id.clone());
        state.next_address += 1;
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, state.next_address));
        Ok(TaskNetwork { address, reach: Reach::Direct })
    }

    async fn start_container(
        &self,
        task: &TaskSpec,
        container: &ContainerName,
    ) -> Result<StartedContainer, RuntimeError> {
        self.answers()?;
        let (script, runtime_id) = {
            let mut state = self.state.lock().unwrap();
            let count = state.starts.entry(container.to_string()).or_default();
            let scripts = self.script.containers.get(container.as_str()).cloned().unwrap_or_default();
            let script = scripts.get(*count).or(scripts.last()).cloned().unwrap_or_default();
            *count += 1;
            state.next_id += 1;
            (script, format!("id-{}", state.next_id))
        };
        tokio::time::sleep(seconds(script.takes)).await;
        if let Some(reason) = script.fails {
            return Err(RuntimeError::CannotStartContainer(reason.into()));
        }
        let key = (task.id.clone(), container.clone());
        self.state.lock().unwrap().running.insert(key.clone(), (runtime_id.clone(), script.clone()));

        if let Some(after) = script.exits_after {
            let (state, key, runtime_id) = (Arc::clone(&self.state), key.clone(), runtime_id.clone());
            let exit = ContainerExit { exit_code: script.exit_code, out_of_memory: script.out_of_memory };
            tokio::spawn(async move {
                tokio::time::sleep(seconds(after)).await;
                end(&state, &key, &runtime_id, exit).await;
            });
        }
        let verdicts =
            [(script.healthy_after, HealthStatus::Healthy), (script.unhealthy_after, HealthStatus::Unhealthy)];
        for (after, health) in verdicts {
            let Some(after) = after else { continue };
            let (state, key, runtime_id) = (Arc::clone(&self.state), key.clone(), runtime_id.clone());
            tokio::spawn(async move {
                tokio::time::sleep(seconds(after)).await;
                let observed = ObservedContainer {
                    task: key.0.clone(),
                    container: Some(key.1.clone()),
                    runtime_id,
                    state: ObservedState::Running,
                    health,
                };
                let runs = state.lock().unwrap().running.contains_key(&key);
                if runs {
                    report(&state, observed).await;
                }
            });
        }
        if let Some(bears) = self.script.bears {
            tokio::spawn(check_while_busy(Arc::clone(&self.state), key, runtime_id.clone(), bears));
        }
        Ok(StartedContainer { runtime_id, image_digest: None })
    }

    async fn stop_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<(), RuntimeError> {
        self.answers()?;
        let key = (task.clone(), container.clone());
        let found = self.state.lock().unwrap().running.get(&key).cloned();
        let Some((runtime_id, script)) = found else { return Ok(()) };
        let obeys = seconds(script.stops_after) <= stop_timeout;
        tokio::time::sleep(seconds(script.stops_after).min(stop_timeout)).await;
        let exit_code = if obeys { 143 } else { 137 };
        end(&self.state, &key, &runtime_id, ContainerExit { exit_code, out_of_memory: false }).await;
        Ok(())
    }

    async fn restart_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<Option<ContainerExit>, RuntimeError> {
        let key = (task.clone(), container.clone());
        let found = self.state.lock().unwrap().running.get(&key).cloned();
        let Some((runtime_id, script)) = found else { return Ok(None) };
        tokio::time::sleep(seconds(script.stops_after).min(stop_timeout)).await;
        let observed = ObservedContainer {
            task: task.clone(),
            container: Some(container.clone()),
            runtime_id,
            state: ObservedState::Exited(ContainerExit { exit_code: 143, out_of_memory: false }),
            health: HealthStatus::Unknown,
        };
        report(&self.state, observed).await;
        tokio::time::sleep(seconds(script.takes)).await;
        Ok(None)
    }

    async fn close_task(&self, task: &TaskId) -> Result<(), RuntimeError> {
        self.answers()?;
        let mut state = self.state.lock().unwrap();
        state.open.retain(|open| open != task);
        state.running.retain(|(owner, _), _| owner != task);
        Ok(())
    }

    async fn watch(&self, events: mpsc::Sender<RuntimeEvent>) {
        self.state.lock().unwrap().events = Some(events.clone());
        if let Some((from, to)) = self.script.away {
            tokio::time::sleep(seconds(from)).await;
            {
                let mut state = self.state.lock().unwrap();
                state.is_away = true;
                state.running.clear();
            }
            let _ = events.send(RuntimeEvent::Unreachable(GONE.to_owned())).await;
            tokio::time::sleep(seconds(to - from)).await;
            self.state.lock().unwrap().is_away = false;
            let _ = events.send(RuntimeEvent::Inventory(Vec::new())).await;
        }
        events.closed().await;
    }

    async fn follow_logs(
        &self,
        _task: &TaskId,
        _container: &ContainerName,
        _lines: mpsc::Sender<LogLine>,
    ) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn sweep(&self, _of: Owners) -> Result<Vec<String>, RuntimeError> {
        Ok(VecDeque::new().into())
    }
}
