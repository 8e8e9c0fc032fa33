//! The real engine: who may use it when, and what is in it.
//!
//! Tests share one engine and two cores. A test that starts containers holds a [`Turn`]; one that compares the whole
//! engine before and after holds the only one, so that nobody else's containers come and go meanwhile.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptions, ListVolumesOptions,
};
use neargate::runtime::docker::Engine;
use neargate::runtime::docker::endpoint::Endpoint;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The label of everything that neargate makes.
const PROJECT: &str = "dev.neargate.project";
/// Tests with a stack at the same time: more of them would make each other's probes late on two cores.
const TOGETHER: u32 = 3;

static TURNS: Semaphore = Semaphore::const_new(TOGETHER as usize);

/// Leave to use the engine.
pub(crate) struct Turn {
    _permit: SemaphorePermit<'static>,
}

/// Waits for a turn beside others; `None` if the tests are to do without an engine.
pub(crate) async fn turn() -> Option<Turn> {
    turns(1).await
}

/// Waits until no other test uses the engine.
pub(crate) async fn turn_alone() -> Option<Turn> {
    turns(TOGETHER).await
}

async fn turns(count: u32) -> Option<Turn> {
    if std::env::var_os("NEARGATE_TEST_NO_ENGINE").is_some() {
        eprintln!("skipped: NEARGATE_TEST_NO_ENGINE is set");
        return None;
    }
    let permit = TURNS.acquire_many(count).await.unwrap();
    Some(Turn { _permit: permit })
}

async fn connect() -> Engine {
    Engine::connect().await.expect("an engine; NEARGATE_TEST_NO_ENGINE=1 skips these tests")
}

/// Everything in the engine, except what other projects of neargate have there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    containers: BTreeSet<String>,
    networks: BTreeSet<String>,
    volumes: BTreeSet<String>,
    images: BTreeSet<String>,
}

impl Listing {
    /// What is there now. `project` is the one whose things count; those of other projects (a stack that several tests
    /// share, someone's own) come and go as they like.
    pub(crate) async fn of(project: &str) -> Self {
        let engine = connect().await;
        let docker = engine.docker();
        let counts = |labels: Option<&std::collections::HashMap<String, String>>| {
            labels.and_then(|labels| labels.get(PROJECT)).is_none_or(|owner| owner == project)
        };
        let all = ListContainersOptionsBuilder::new().all(true).build();
        let containers = docker.list_containers(Some(all)).await.unwrap();
        let networks = docker.list_networks(None::<ListNetworksOptions>).await.unwrap();
        let volumes = docker.list_volumes(None::<ListVolumesOptions>).await.unwrap().volumes.unwrap_or_default();
        // Intermediate layers too.
        let all = ListImagesOptionsBuilder::new().all(true).build();
        let images = docker.list_images(Some(all)).await.unwrap();
        Self {
            containers: containers
                .into_iter()
                .filter(|found| counts(found.labels.as_ref()))
                .map(|found| format!("{:?} {}", found.names.unwrap_or_default(), found.id.unwrap_or_default()))
                .collect(),
            networks: networks
                .into_iter()
                .filter(|found| counts(found.labels.as_ref()))
                .map(|found| format!("{} {}", found.name.unwrap_or_default(), found.id.unwrap_or_default()))
                .collect(),
            volumes: volumes.into_iter().filter(|found| counts(Some(&found.labels))).map(|found| found.name).collect(),
            images: images.into_iter().map(|found| format!("{:?} {}", found.repo_tags, found.id)).collect(),
        }
    }
}

/// The process that owns a project, as its labels say.
pub(crate) async fn owner_of(project: &str) -> Option<u32> {
    let projects = connect().await.projects().await.unwrap();
    projects.into_iter().find(|found| found.project.as_str() == project).and_then(|found| found.owner_pid)
}

/// An engine that can be made to go away: a socket that leads to the real one until it is cut.
pub(crate) struct Relay {
    path: PathBuf,
    target: PathBuf,
    accepting: std::sync::Mutex<tokio::task::JoinSet<()>>,
}

impl Relay {
    /// `None` where the engine has no Unix socket.
    pub(crate) async fn new(folder: &Path) -> Option<Self> {
        let Endpoint::Unix(target) = connect().await.endpoint().clone() else {
            eprintln!("skipped: the engine has no Unix socket");
            return None;
        };
        let relay = Self { path: folder.join("engine.sock"), target, accepting: std::sync::Mutex::default() };
        relay.mend();
        Some(relay)
    }

    /// The value for `DOCKER_HOST`.
    pub(crate) fn docker_host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The engine is gone: no new connection, and those that are open end.
    pub(crate) fn cut(&self) {
        std::fs::remove_file(&self.path).unwrap();
        *self.accepting.lock().unwrap() = tokio::task::JoinSet::new();
    }

    /// The engine is back.
    pub(crate) fn mend(&self) {
        let listener = tokio::net::UnixListener::bind(&self.path).unwrap();
        let target = self.target.clone();
        self.accepting.lock().unwrap().spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let target = target.clone();
                connections.spawn(async move {
                    let mut server = tokio::net::UnixStream::connect(target).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
    }
}
