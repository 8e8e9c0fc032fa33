//! The real engine: which tests may use it at the same time, and what it contains.
//!
//! Tests share one engine and two cores. A test that starts containers holds a [`Turn`]; a test that compares the whole
//! engine before and after holds the only one, so that no other test's containers appear or disappear in the meantime.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptions, ListVolumesOptions, RemoveImageOptions,
};
use neargate::runtime::docker::Engine;
use neargate::runtime::docker::engine::endpoint::Endpoint;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The label of every object that neargate creates.
const PROJECT: &str = "dev.neargate.project";
/// The beginning of the line for the built-in pause image.
const PAUSE_IMAGE: &str = "image neargate/pause:";
/// How many tests may have a stack at the same time: with more, probes would be late on two cores.
const TOGETHER: u32 = 3;

static TURNS: Semaphore = Semaphore::const_new(TOGETHER as usize);

/// Permission to use the engine.
pub(crate) struct Turn {
    _permit: SemaphorePermit<'static>,
}

/// Waits for a turn shared with others; `None` if the tests are to run without an engine.
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

/// The engine's objects that may belong to one project, one line each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    lines: BTreeSet<String>,
    /// Whether other projects are running. Then the pause image, which is removed with the last project, is not ours
    /// alone.
    is_shared: bool,
}

impl Listing {
    /// Lists the current objects: containers, networks and volumes with the project's label, or like neargate's but
    /// without labels; and every image and layer, since nobody knows whose a nameless one is. Objects of other projects
    /// are left out.
    pub(crate) async fn of(project: &str) -> Self {
        let engine = connect().await;
        let docker = engine.docker();
        let counts =
            |name: &str, labels: Option<&HashMap<String, String>>| match labels.and_then(|all| all.get(PROJECT)) {
                Some(owner) => owner == project,
                None => name.contains("neargate"),
            };
        let mut lines = BTreeSet::new();
        let mut is_shared = false;
        let all = ListContainersOptionsBuilder::new().all(true).build();
        for found in docker.list_containers(Some(all)).await.unwrap() {
            let name = found.names.unwrap_or_default().join(" ");
            if counts(&name, found.labels.as_ref()) {
                lines.insert(format!("container {name} {}", found.id.unwrap_or_default()));
            } else {
                is_shared |= found.labels.is_some_and(|labels| labels.contains_key(PROJECT));
            }
        }
        for found in docker.list_networks(None::<ListNetworksOptions>).await.unwrap() {
            let name = found.name.unwrap_or_default();
            if counts(&name, found.labels.as_ref()) {
                lines.insert(format!("network {name} {}", found.id.unwrap_or_default()));
            }
        }
        for found in docker.list_volumes(None::<ListVolumesOptions>).await.unwrap().volumes.unwrap_or_default() {
            if counts(&found.name, Some(&found.labels)) {
                lines.insert(format!("volume {}", found.name));
            }
        }
        // Including intermediate layers.
        let all = ListImagesOptionsBuilder::new().all(true).build();
        for found in docker.list_images(Some(all)).await.unwrap() {
            lines.insert(format!("image {} {}", found.repo_tags.join(" "), found.id));
        }
        Self { lines, is_shared }
    }

    /// Everything except images.
    pub(crate) fn besides_images(&self) -> Vec<&str> {
        self.lines.iter().map(String::as_str).filter(|line| !line.starts_with("image ")).collect()
    }

    /// Fails the test if anything has appeared or disappeared since; `when` is for the message.
    pub(crate) async fn assert_unchanged(&self, project: &str, when: &str) {
        let now = Self::of(project).await;
        let is_shared = self.is_shared || now.is_shared;
        let changes = |sign: &str, one: &Self, other: &Self| -> Vec<String> {
            let lines = one.lines.difference(&other.lines);
            let ours = lines.filter(|line| !(is_shared && line.starts_with(PAUSE_IMAGE)));
            ours.map(|line| format!("{sign} {line}")).collect()
        };
        let changed = [changes("+", &now, self), changes("-", self, &now)].concat();
        assert!(changed.is_empty(), "{when}, the engine is not as it was before:\n{}", changed.join("\n"));
    }
}

/// Whether there is an image of this name.
pub(crate) async fn has_image(name: &str) -> bool {
    connect().await.docker().inspect_image(name).await.is_ok()
}

/// Removes an image by its name.
pub(crate) async fn remove_image(name: &str) {
    connect().await.docker().remove_image(name, None::<RemoveImageOptions>, None).await.unwrap();
}

/// Whether any container runs a command with these words, whoever created it: a builder's containers have neither name
/// nor label.
pub(crate) async fn has_container_that_runs(words: &str) -> bool {
    let all = ListContainersOptionsBuilder::new().all(true).build();
    let containers = connect().await.docker().list_containers(Some(all)).await.unwrap();
    containers.iter().any(|found| found.command.as_deref().is_some_and(|command| command.contains(words)))
}

/// The process that owns a project, according to its labels.
pub(crate) async fn owner_of(project: &str) -> Option<u32> {
    let projects = connect().await.projects().await.unwrap();
    projects.into_iter().find(|found| found.project.as_str() == project).and_then(|found| found.owner_pid)
}

/// An engine that can be made to disappear: a socket that leads to the real one until it is cut.
pub(crate) struct Relay {
    folder: tempfile::TempDir,
    target: PathBuf,
    accepting: std::sync::Mutex<tokio::task::JoinSet<()>>,
    held: tokio::sync::watch::Sender<bool>,
}

impl Relay {
    /// `None` where the engine has no Unix socket.
    pub(crate) async fn new() -> Option<Self> {
        let Endpoint::Unix(target) = connect().await.endpoint().clone() else {
            eprintln!("skipped: the engine has no Unix socket");
            return None;
        };
        let relay = Self {
            folder: tempfile::tempdir().unwrap(),
            target,
            accepting: Default::default(),
            held: Default::default(),
        };
        relay.mend();
        Some(relay)
    }

    /// The socket.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// The engine disappears: new connections fail, and open ones end.
    pub(crate) fn cut(&self) {
        std::fs::remove_file(self.path()).unwrap();
        *self.accepting.lock().unwrap() = tokio::task::JoinSet::new();
    }

    /// The engine accepts connections and does not answer.
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    /// It answers pending requests.
    pub(crate) fn release(&self) {
        self.held.send_replace(false);
    }

    /// The engine is back.
    pub(crate) fn mend(&self) {
        let listener = tokio::net::UnixListener::bind(self.path()).unwrap();
        let target = self.target.clone();
        let held = self.held.subscribe();
        self.accepting.lock().unwrap().spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let (target, mut held) = (target.clone(), held.clone());
                connections.spawn(async move {
                    let _ = held.wait_for(|held| !held).await;
                    let mut server = tokio::net::UnixStream::connect(target).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
    }
}
