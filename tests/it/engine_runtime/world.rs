//! Builders and observers: a test reads as a scenario.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use neargate::control::runtime::{
    LogLine, ObservedContainer, ObservedState, Owners, Runtime, RuntimeError, RuntimeEvent, TaskNetwork, TaskSpec,
};
use neargate::model::task::{ContainerExit, Origin};
use neargate::model::task_definition::{ContainerDefinition, TaskDefinition};
use neargate::model::{ContainerName, ProjectName, TaskId};
use neargate::runtime::docker::DockerRuntime;
use neargate::runtime::docker::{DockerOptions, Engine};
use tokio::sync::mpsc;

use crate::support::engine::{Turn, turn};

/// Long enough for a busy machine; only a failing test waits this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// One project on the engine, removed when dropped.
pub(super) struct World {
    pub(super) runtime: Arc<DockerRuntime>,
    pub(super) engine: Engine,
    pub(super) busybox: String,
    _turn: Turn,
}

impl World {
    /// `None` if the tests are to run without an engine.
    pub(super) async fn new() -> Option<Self> {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut DockerOptions)) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let turn = turn().await?;
        let project = format!("it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut options = DockerOptions::new(ProjectName::new(project));
        change(&mut options);
        let engine = Engine::connect().await.expect("an engine; NEARGATE_TEST_NO_ENGINE=1 skips these tests");
        let busybox = local_image(&engine, "busybox").await;
        let runtime = Arc::new(DockerRuntime::new(engine.clone(), options));
        runtime.prepare().await.unwrap();
        Some(Self { runtime, engine, busybox, _turn: turn })
    }

    /// Another process of the same project, as far as the engine can tell.
    pub(super) fn options(&self) -> DockerOptions {
        self.runtime.options().clone()
    }

    pub(super) fn container(&self, name: &str, script: &str) -> ContainerDefinition {
        container(name, &self.busybox, script)
    }

    /// Opens the task and starts its containers.
    pub(super) async fn run(&self, task: &TaskSpec) -> TaskNetwork {
        let network = self.runtime.open_task(task).await.unwrap();
        for container in &task.definition.containers {
            self.runtime.start_container(task, &container.name).await.unwrap();
        }
        network
    }

    /// Runs a task of one container to its end and returns what it printed.
    pub(super) async fn output(&self, container: ContainerDefinition) -> Vec<String> {
        let name = container.name.clone();
        let task = task(vec![container]);
        self.run(&task).await;
        let lines = self.lines(&task, &name).await;
        self.runtime.close_task(&task.id).await.unwrap();
        lines.into_iter().map(|line| line.text).collect()
    }

    /// Everything that a container prints until it exits.
    pub(super) async fn lines(&self, task: &TaskSpec, container: &ContainerName) -> Vec<LogLine> {
        let (sender, mut receiver) = mpsc::channel(64);
        let collect = async {
            let mut lines = Vec::new();
            while let Some(line) = receiver.recv().await {
                lines.push(line);
            }
            lines
        };
        let follow = self.runtime.follow_logs(&task.id, container, sender);
        let (followed, lines) =
            tokio::time::timeout(DEADLINE, async { tokio::join!(follow, collect) }).await.expect("it never ended");
        followed.unwrap();
        lines
    }

    pub(super) fn observe(&self) -> Observer {
        Observer::new(Arc::clone(&self.runtime))
    }

    pub(super) fn docker(&self) -> &bollard::Docker {
        self.engine.docker()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let runtime = Arc::clone(&self.runtime);
        let (engine, label) = (self.engine.clone(), self.image_label());
        // A separate runtime: the test's may be unwinding.
        let swept = std::thread::spawn(move || {
            let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tokio.block_on(async {
                let swept = runtime.sweep(Owners::Any).await;
                remove_images(&engine, label).await;
                swept
            })
        });
        if let Err(error) = swept.join().unwrap() {
            eprintln!("sweeping failed: {error}");
        }
    }
}

/// The first local image of that repository, in whichever version the machine has.
pub(super) async fn local_image(engine: &Engine, repository: &str) -> String {
    let filters = HashMap::from([("reference".to_owned(), vec![repository.to_owned()])]);
    let options = bollard::query_parameters::ListImagesOptionsBuilder::new().filters(&filters).build();
    let images = engine.docker().list_images(Some(options)).await.unwrap();
    let tag = images.into_iter().flat_map(|image| image.repo_tags).next();
    tag.unwrap_or_else(|| panic!("the tests need an image of {repository}: make setup"))
}

pub(super) fn container(name: &str, image: &str, script: &str) -> ContainerDefinition {
    ContainerDefinition {
        command: Some(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]),
        ..ContainerDefinition::new(name, image)
    }
}

pub(super) fn task(containers: Vec<ContainerDefinition>) -> TaskSpec {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    TaskSpec {
        id: TaskId::new(format!("{:08x}{:024x}", NEXT.fetch_add(1, Ordering::Relaxed), 0)),
        origin: Origin::Service { service: "web".into(), deployment: "ecs-svc/1".into() },
        definition: Arc::new(TaskDefinition::new("it", containers)),
        revision: 1,
        node: None,
        endpoints: Vec::new(),
        router_configuration: None,
        secrets: BTreeMap::new(),
        images: BTreeMap::new(),
    }
}

pub(super) fn name(text: &str) -> ContainerName {
    ContainerName::new(text)
}

/// The events from `watch` so far.
pub(super) struct Observer {
    events: mpsc::Receiver<RuntimeEvent>,
    pub(super) log: Vec<RuntimeEvent>,
    watching: tokio::task::JoinHandle<()>,
}

impl Observer {
    pub(super) fn new(runtime: Arc<DockerRuntime>) -> Self {
        let (sender, events) = mpsc::channel(256);
        let watching = tokio::spawn(async move { runtime.watch(sender).await });
        Self { events, log: Vec::new(), watching }
    }

    /// Waits until the events so far satisfy the predicate.
    pub(super) async fn until(&mut self, what: &str, mut is_met: impl FnMut(&[RuntimeEvent]) -> bool) {
        let waiting = async {
            while !is_met(&self.log) {
                let event = self.events.recv().await.expect("the watch ended");
                self.log.push(event);
            }
        };
        if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
            panic!("never seen: {what}; seen: {:#?}", self.log);
        }
    }

    pub(super) async fn inventory(&mut self) {
        self.until("an inventory", |log| log.iter().any(|event| matches!(event, RuntimeEvent::Inventory(..)))).await;
    }

    /// How the container ended.
    pub(super) async fn exit(&mut self, container: &str) -> ContainerExit {
        let find = |log: &[RuntimeEvent]| {
            seen(log, container).into_iter().find_map(|found| match found.state {
                ObservedState::Exited(exit) => Some(exit),
                _ => None,
            })
        };
        self.until(&format!("the end of {container}"), |log| find(log).is_some()).await;
        find(&self.log).unwrap()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Every event about a container.
pub(super) fn seen(log: &[RuntimeEvent], container: &str) -> Vec<ObservedContainer> {
    let observed = log.iter().flat_map(|event| match event {
        RuntimeEvent::Inventory(_, all) => all.clone(),
        RuntimeEvent::Changed(one) => vec![one.clone()],
        RuntimeEvent::Unreachable(..) | RuntimeEvent::Nodes(_) => Vec::new(),
    });
    observed.filter(|found| found.container.as_ref().is_some_and(|name| name.as_str() == container)).collect()
}

/// The text of a refusal.
pub(super) fn refusal<T: std::fmt::Debug>(result: Result<T, RuntimeError>) -> String {
    result.unwrap_err().to_string()
}

impl World {
    /// Runs a command in a container, as the user's `exec` would.
    pub(super) async fn in_container(&self, task: &TaskSpec, container: &str, command: &[&str]) {
        let id = self.runtime.container_id_of(&task.id, &name(container)).await.unwrap().unwrap();
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let config = bollard::models::ExecConfig { cmd: Some(command), ..Default::default() };
        let exec = self.docker().create_exec(&id, config).await.unwrap();
        let options = bollard::exec::StartExecOptions { detach: true, ..Default::default() };
        self.docker().start_exec(&exec.id, Some(options)).await.unwrap();
    }

    /// Removes a container behind the runtime's back.
    pub(super) async fn remove(&self, id: &str) {
        let options = bollard::query_parameters::RemoveContainerOptionsBuilder::new().force(true).build();
        self.docker().remove_container(id, Some(options)).await.unwrap();
    }

    pub(super) fn pause_name(&self, task: &TaskSpec) -> String {
        format!("neargate-{}-{}-{}-pause", self.options().project, task.service().unwrap(), task.id.short())
    }

    /// Everything in the engine under the project's name, with or without labels. (Other tests run at the same time.)
    pub(super) async fn listing(&self) -> Vec<String> {
        let mark = format!("neargate-{}", self.options().project);
        let all = bollard::query_parameters::ListContainersOptionsBuilder::new().all(true).build();
        let containers = self.docker().list_containers(Some(all)).await.unwrap();
        let networks = self.docker().list_networks(None).await.unwrap();
        let volumes = self.docker().list_volumes(None::<bollard::query_parameters::ListVolumesOptions>).await.unwrap();
        let mut names: Vec<String> = containers.into_iter().flat_map(|found| found.names.unwrap_or_default()).collect();
        names.extend(networks.into_iter().filter_map(|found| found.name));
        names.extend(volumes.volumes.into_iter().flatten().map(|found| found.name));
        names.retain(|name| name.contains(&mark));
        names.sort();
        names
    }
}

/// What a server sends before it closes.
pub(super) async fn answer_of(address: std::net::SocketAddr) -> String {
    use tokio::io::AsyncReadExt as _;
    let ask = async {
        loop {
            let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { continue };
            let mut answer = String::new();
            // A published port accepts before the application listens, and closes without sending anything.
            if stream.read_to_string(&mut answer).await.is_ok() && !answer.is_empty() {
                return answer;
            }
        }
    };
    tokio::time::timeout(DEADLINE, ask).await.expect("no answer")
}

impl World {
    /// Labels the images that this world builds.
    pub(super) fn image_label(&self) -> String {
        format!("dev.neargate.test={}", self.options().project)
    }

    pub(super) async fn remove_image(&self, image: &str) {
        let options = bollard::query_parameters::RemoveImageOptionsBuilder::new().force(true).build();
        self.docker().remove_image(image, Some(options), None).await.unwrap();
    }
}

async fn remove_images(engine: &Engine, label: String) {
    let filters = HashMap::from([("label".to_owned(), vec![label])]);
    let options = bollard::query_parameters::ListImagesOptionsBuilder::new().all(true).filters(&filters).build();
    for image in engine.docker().list_images(Some(options)).await.unwrap_or_default() {
        let options = bollard::query_parameters::RemoveImageOptionsBuilder::new().force(true).build();
        let _ = engine.docker().remove_image(&image.id, Some(options), None).await;
    }
}

/// Waits until a process of the machine has that word on its command line, or until none has.
pub(super) async fn process(word: &str, is_there: bool) {
    let found = || {
        std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words.starts_with(&[b"sleep", word.as_bytes()])
        })
    };
    let waiting = async {
        while found() != is_there {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("process {word}: {is_there} never came"));
}
