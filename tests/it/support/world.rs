//! A pretended engine: a whole world in which containers take time, exit, and lie, rather than a recorder of calls. It
//! follows tokio's clock, so that a test with a paused clock passes minutes in no time.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use neargate::control::runtime::{
    HookOutcome, ImageOrigin, ImageProgress, ImageRequest, Invocation, LogLine, NodeState, ObservedContainer,
    ObservedNode, ObservedState, Owners, ProvidedImage, Reach, Runtime, RuntimeError, RuntimeEvent, StartedContainer,
    TaskNetwork, TaskSpec,
};
use neargate::model::task::{ContainerExit, HealthStatus};
use neargate::model::{ContainerName, NodeName, TaskId, Zone};
use serde::Deserialize;
use tokio::sync::mpsc;

/// How the pretended world behaves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Script {
    /// By image reference; for a built image, by container. Each time takes the next entry, and the last one repeats.
    pub(crate) images: BTreeMap<String, Vec<ImageScript>>,
    /// By container name. Each start takes the next entry, and the last one repeats.
    pub(crate) containers: BTreeMap<String, Vec<ContainerScript>>,
    /// With more containers than this at once, the machine is so busy that every container's health check fails.
    pub(crate) bears: Option<usize>,
    /// Seconds that it takes to create a task's network, and to remove it.
    pub(crate) network_takes: f64,
    /// The engine, with its containers, is stopped between these two seconds.
    pub(crate) away: Option<(f64, f64)>,
    /// Lifecycle hooks by their commands. Each call takes the next entry, and the last one repeats.
    pub(crate) hooks: BTreeMap<String, Vec<HookScript>>,
    /// By name; if empty, there is a single node.
    pub(crate) nodes: BTreeMap<String, NodeScript>,
}

/// How a node behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeScript {
    /// Its availability zone.
    pub(crate) zone: String,
    /// Its engine, with its containers, is stopped between these two seconds.
    pub(crate) away: Option<(f64, f64)>,
    /// Its engine is unreachable between these two seconds, but its containers keep running.
    pub(crate) cut_off: Option<(f64, f64)>,
}

/// How an image behaves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ImageScript {
    /// Seconds until the image is available.
    pub(crate) takes: f64,
    /// It cannot be pulled or built.
    pub(crate) fails: Option<String>,
    /// Content; equal values mean that nothing has changed.
    pub(crate) content: String,
}

/// How one start of a container behaves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ContainerScript {
    /// Seconds until the container runs.
    pub(crate) takes: f64,
    /// It cannot be started.
    pub(crate) fails: Option<String>,
    /// Seconds from its start until it exits by itself.
    pub(crate) exits_after: Option<f64>,
    /// Its exit code.
    pub(crate) exit_code: i64,
    /// Whether it ran out of memory.
    pub(crate) out_of_memory: bool,
    /// Seconds from its start until its health check passes.
    pub(crate) healthy_after: Option<f64>,
    /// Seconds from its start until its health check has failed.
    pub(crate) unhealthy_after: Option<f64>,
    /// Seconds from the stop signal to its exit; more than its stopTimeout means SIGKILL.
    pub(crate) stops_after: f64,
}

/// How a lifecycle hook behaves when it is asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HookScript {
    /// Seconds until it answers.
    pub(crate) takes: f64,
    /// Its exit code.
    pub(crate) exit_code: i32,
    /// What it writes.
    pub(crate) output: String,
}

/// The runtime's message about an engine that has disappeared.
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
    /// Each with its node.
    open: BTreeMap<TaskId, NodeName>,
    /// Which node was asked for which image, if a node was named.
    provided: Vec<(NodeName, String)>,
    events: Option<mpsc::Sender<RuntimeEvent>>,
    away: BTreeSet<NodeName>,
    asked_in_vain: u32,
    /// What hooks were told, in words.
    hook_events: Vec<String>,
}

impl World {
    /// A world that follows the script.
    pub(crate) fn new(script: Script) -> Self {
        Self { script, state: Arc::default() }
    }

    /// The current inventory: open tasks and running containers.
    pub(crate) fn left(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        (state.open.len(), state.running.len())
    }

    /// How many calls it got while it was away.
    pub(crate) fn asked_in_vain(&self) -> u32 {
        self.state.lock().unwrap().asked_in_vain
    }

    /// The nodes on which an image was provided, in order, if there are several.
    pub(crate) fn provided(&self) -> Vec<(NodeName, String)> {
        self.state.lock().unwrap().provided.clone()
    }

    /// What lifecycle hooks were told, in order: stage, green's traffic, details.
    pub(crate) fn hook_events(&self) -> Vec<String> {
        self.state.lock().unwrap().hook_events.clone()
    }

    fn nodes(&self) -> BTreeMap<NodeName, NodeScript> {
        if self.script.nodes.is_empty() {
            let only = NodeScript { zone: "us-east-1a".to_owned(), away: self.script.away, cut_off: None };
            return [(NodeName::new("engine"), only)].into();
        }
        self.script.nodes.iter().map(|(name, node)| (NodeName::new(name), node.clone())).collect()
    }

    /// The node of a step.
    fn node(&self, named: Option<&NodeName>) -> NodeName {
        assert_eq!(named.is_none(), self.script.nodes.is_empty(), "of several nodes one is named");
        named.cloned().unwrap_or_else(|| NodeName::new("engine"))
    }

    fn answers(&self, node: &NodeName) -> Result<(), RuntimeError> {
        let mut state = self.state.lock().unwrap();
        if state.away.contains(node) {
            state.asked_in_vain += 1;
            return Err(RuntimeError::EngineUnreachable(GONE.into()));
        }
        Ok(())
    }

    /// Whether the node of a task answers; for a task without a node, nothing is checked.
    fn answers_for(&self, task: &TaskId) -> Result<(), RuntimeError> {
        let node = self.state.lock().unwrap().open.get(task).cloned();
        node.map_or(Ok(()), |node| self.answers(&node))
    }

    /// Lets the engine of a node disappear and come back.
    async fn goes_away(
        &self,
        node: &NodeName,
        (from, to): (f64, f64),
        stops: bool,
        events: &mpsc::Sender<RuntimeEvent>,
    ) {
        tokio::time::sleep(seconds(from)).await;
        {
            let mut state = self.state.lock().unwrap();
            state.away.insert(node.clone());
            if stops {
                let State { running, open, .. } = &mut *state;
                running.retain(|(task, _), _| open.get(task) != Some(node));
            }
        }
        let _ = events.send(RuntimeEvent::Unreachable(node.clone(), GONE.to_owned())).await;
        tokio::time::sleep(seconds(to - from)).await;
        let there = {
            let mut state = self.state.lock().unwrap();
            state.away.remove(node);
            let on_node = state.running.iter().filter(|((task, _), _)| state.open.get(task) == Some(node));
            let observed = on_node.map(|((task, container), (runtime_id, _))| ObservedContainer {
                task: task.clone(),
                container: Some(container.clone()),
                runtime_id: runtime_id.clone(),
                state: ObservedState::Running,
                health: HealthStatus::Unknown,
            });
            observed.collect()
        };
        let _ = events.send(RuntimeEvent::Inventory(node.clone(), there)).await;
    }
}

/// `PRODUCTION_TRAFFIC_SHIFT production {2: 10, 1: 90}`: revisions by the last digits of their ARNs.
fn in_words(event: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    let mut text = event["lifecycleStage"].as_str().unwrap().to_owned();
    for (name, key) in [("tests", "testTrafficWeights"), ("production", "productionTrafficWeights")] {
        let weights = event["executionDetails"][key].as_object().unwrap();
        let weights: Vec<String> = weights
            .iter()
            .map(|(arn, weight)| format!("{}: {weight}", arn.rsplit('/').next().unwrap().trim_start_matches('0')))
            .collect();
        if !weights.is_empty() {
            text.push_str(&format!(" {name} {{{}}}", weights.join(", ")));
        }
    }
    if let Some(details) = event.get("hookDetails") {
        text.push_str(&format!(" details {details}"));
    }
    text
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

/// Runs a container's health check every 5 seconds, with 3 failures allowed, on a machine that can bear this many
/// containers.
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
        nodes: &[NodeName],
        _progress: mpsc::Sender<ImageProgress>,
    ) -> Result<ProvidedImage, RuntimeError> {
        nodes.iter().try_for_each(|node| self.answers(node))?;
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
        self.state.lock().unwrap().provided.extend(nodes.iter().map(|node| (node.clone(), request.image.clone())));
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
        let node = self.node(task.node.as_ref());
        self.answers(&node)?;
        tokio::time::sleep(seconds(self.script.network_takes)).await;
        let zone = Zone::new(&self.nodes()[&node].zone);
        let mut state = self.state.lock().unwrap();
        state.open.insert(task.id.clone(), node.clone());
        state.next_address += 1;
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, state.next_address));
        Ok(TaskNetwork { address, reach: Reach::Direct, node, zone })
    }

    async fn start_container(
        &self,
        task: &TaskSpec,
        container: &ContainerName,
    ) -> Result<StartedContainer, RuntimeError> {
        let node = self.node(task.node.as_ref());
        self.answers(&node)?;
        let is_there = (node, task.image(task.definition.container(container).unwrap()).to_owned());
        assert!(task.node.is_none() || self.provided().contains(&is_there), "{is_there:?}: no such image on the node");
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
        self.answers_for(task)?;
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
        self.answers_for(task)?;
        tokio::time::sleep(seconds(self.script.network_takes)).await;
        let mut state = self.state.lock().unwrap();
        state.open.remove(task);
        state.running.retain(|(owner, _), _| owner != task);
        Ok(())
    }

    async fn invoke_hook(&self, hook: &Invocation) -> HookOutcome {
        let name = &hook.command[0];
        let scripts = self.script.hooks.get(name).cloned().unwrap_or_default();
        let script = {
            let mut state = self.state.lock().unwrap();
            state.hook_events.push(format!("{name} was told: {}", in_words(&hook.event)));
            let count = state.starts.entry(format!("hook {name}")).or_default();
            *count += 1;
            scripts.get(*count - 1).or(scripts.last()).cloned().unwrap_or_default()
        };
        tokio::time::sleep(seconds(script.takes)).await;
        HookOutcome::Exited { code: Some(script.exit_code), output: script.output, complaint: None }
    }

    async fn watch(&self, events: mpsc::Sender<RuntimeEvent>) {
        self.state.lock().unwrap().events = Some(events.clone());
        let nodes = self.nodes();
        let observed = nodes.iter().map(|(name, node)| ObservedNode {
            name: name.clone(),
            zone: Zone::new(&node.zone),
            state: NodeState::Ready,
            schedulable: true,
        });
        let _ = events.send(RuntimeEvent::Nodes(observed.collect())).await;
        let gaps = nodes.iter().flat_map(|(name, node)| [(name, node.away, true), (name, node.cut_off, false)]);
        let gaps = gaps.filter_map(|(name, gap, stops)| Some(self.goes_away(name, gap?, stops, &events)));
        join_all(gaps).await;
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
