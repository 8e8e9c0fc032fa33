//! Calls to the container engine; workload j: one task with two containers, started and stopped, compared with the bare calls to the container engine.
//!
//! Start, for neargate: from the start of the process until the engine reports that the last container has started.
//! Stop: from the signal until the process has ended, with nothing left of the task. For the engine: the same objects,
//! created and removed with only the necessary calls, concurrently where possible.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::contenders::{Contender, Ground};

/// The image of the two containers; `contenders/task-definition.json` names the same.
const IMAGE: &str = "busybox:1.35";
const COMMAND: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"];
/// The project of `contenders/neargate-task.yaml`.
const LABEL: &str = "dev.neargate.project=bench-task";
/// Name of the bare calls' network, and prefix of their containers' names.
const NAME: &str = "neargate-bench-bare";
/// Containers of a task: the one that holds its network, and the two of its definition.
const CONTAINERS: usize = 3;
/// No start and no stop of a task takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Duration of start and stop.
pub(crate) type UpDown = (Duration, Duration);

/// The containers of a task that bare calls have started.
pub(crate) struct BareTask {
    pause: String,
    members: Vec<String>,
}

/// A reachable engine that has the images.
pub(crate) struct Engine {
    socket: PathBuf,
    pause: String,
}

impl Engine {
    /// `Err` says what is missing. Runs the task once, to create what only the first run creates.
    pub(crate) async fn find(neargate: &Contender, ground: &Ground) -> Result<Self, String> {
        let socket = match std::env::var("DOCKER_HOST") {
            Ok(host) => host.strip_prefix("unix://").ok_or("workload j takes an engine on a Unix socket")?.into(),
            Err(_) => PathBuf::from("/var/run/docker.sock"),
        };
        let mut engine = Self { socket, pause: String::new() };
        engine.call("GET", "/_ping", None).await.map_err(|error| format!("no container engine answers: {error}"))?;
        let image = engine.call("GET", &format!("/images/{IMAGE}/json"), None).await;
        image.map_err(|_| format!("the engine lacks {IMAGE} (docker/setup images)"))?;
        engine.forget().await;
        engine.task(neargate, ground).await.map_err(|error| format!("the task does not run: {error}"))?;
        engine.pause = engine.pause_image().await.map_err(|error| error.to_string())?;
        Ok(engine)
    }

    /// neargate's image for the container that holds a task's network.
    async fn pause_image(&self) -> io::Result<String> {
        let filter = r#"{"reference":["neargate/pause"]}"#;
        let images = self.call("GET", &format!("/images/json?filters={}", escaped(filter)), None).await?;
        let pause = images[0]["RepoTags"][0].as_str();
        pause.map(str::to_owned).ok_or_else(|| io::Error::other("neargate's pause image is not there"))
    }

    /// The last stack removes the pause image. A container that uses it keeps it, as another stack would.
    async fn keep_pause_image(&self) -> io::Result<()> {
        if self.pause.is_empty() {
            let keeper = json!({ "Image": self.pause_image().await?, "Entrypoint": ["/pause"] });
            self.call("POST", &format!("/containers/create?name={NAME}-keeper"), Some(keeper)).await?;
        }
        Ok(())
    }

    /// Removes everything left by a measurement.
    pub(crate) async fn leave(&self) {
        self.forget().await;
        let _ = self.call("DELETE", &format!("/images/{}", self.pause), None).await;
    }

    /// Runs the task with neargate.
    pub(crate) async fn task(&self, neargate: &Contender, ground: &Ground) -> io::Result<UpDown> {
        let filter = json!({ "event": ["start"], "label": [LABEL] }).to_string();
        let mut events = self.send("GET", &format!("/events?filters={}", escaped(&filter)), None).await?;
        let start = Instant::now();
        let running = neargate.start(ground, false)?;
        let all_started = async {
            let mut seen = Vec::new();
            while memchr::memmem::find_iter(&seen, br#""status":"start""#).count() < CONTAINERS {
                if events.read_buf(&mut seen).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Ok::<_, io::Error>(start.elapsed())
        };
        let output = running.place.folder.join("output.log");
        let failed = || io::Error::other(std::fs::read_to_string(output).unwrap_or_default());
        let up = tokio::time::timeout(PATIENCE, all_started).await.map_err(|_| failed())??;
        self.keep_pause_image().await?;
        let start = Instant::now();
        drop(running);
        Ok((up, start.elapsed()))
    }

    /// Runs the same task with only the necessary calls.
    pub(crate) async fn bare(&self) -> io::Result<UpDown> {
        let start = Instant::now();
        self.create_network().await?;
        let task = self.start("", &["web", "api"], &COMMAND).await?;
        let up = start.elapsed();
        let start = Instant::now();
        self.stop(task).await?;
        self.call("DELETE", &format!("/networks/{NAME}"), None).await?;
        Ok((up, start.elapsed()))
    }

    /// A roll with only the necessary calls: all new tasks start together, then all old ones stop. Returns the new ones.
    pub(crate) async fn roll(&self, round: usize, old: Vec<BareTask>, command: &[&str]) -> io::Result<Vec<BareTask>> {
        let new = self.start_all(round, old.len(), command).await?;
        try_join_all(old.into_iter().map(|task| self.stop(task))).await?;
        Ok(new)
    }

    /// The tasks that a roll begins with, or ends with, of one container each.
    pub(crate) async fn start_all(&self, round: usize, count: usize, command: &[&str]) -> io::Result<Vec<BareTask>> {
        let prefix = |number: usize| format!("{round}-{number}-");
        let start = async |number| self.start(&prefix(number), &["web"], command).await;
        try_join_all((0..count).map(start)).await
    }

    /// A network for tasks, until the tasks are over.
    pub(crate) async fn create_network(&self) -> io::Result<()> {
        self.call("POST", "/networks/create", Some(json!({ "Name": NAME, "CheckDuplicate": true }))).await.map(drop)
    }

    /// The containers of a task: the one that holds its network, then the others together.
    async fn start(&self, prefix: &str, members: &[&str], command: &[&str]) -> io::Result<BareTask> {
        let pause = json!({ "Image": self.pause, "Entrypoint": ["/pause"], "HostConfig": { "NetworkMode": NAME } });
        let pause = self.run(&format!("{prefix}pause"), pause).await?;
        let mode = json!({ "NetworkMode": format!("container:{pause}") });
        let member = json!({ "Image": IMAGE, "Cmd": command, "HostConfig": mode });
        let run = async |name: &&str| self.run(&format!("{prefix}{name}"), member.clone()).await;
        Ok(BareTask { members: try_join_all(members.iter().map(run)).await?, pause })
    }

    /// Stops and removes them.
    pub(crate) async fn stop(&self, task: BareTask) -> io::Result<()> {
        let stop = async |id: &String| {
            self.call("POST", &format!("/containers/{id}/stop"), None).await?;
            self.call("DELETE", &format!("/containers/{id}?force=true&v=true"), None).await
        };
        try_join_all(task.members.iter().map(stop)).await?;
        self.call("DELETE", &format!("/containers/{}?force=true&v=true", task.pause), None).await.map(drop)
    }

    /// Removes what an interrupted run may have left.
    pub(crate) async fn forget(&self) {
        let filter = json!({ "name": [NAME] }).to_string();
        let left = self.call("GET", &format!("/containers/json?all=true&filters={}", escaped(&filter)), None).await;
        for container in left.iter().flat_map(|left| left.as_array().into_iter().flatten()) {
            let id = container["Id"].as_str().unwrap_or_default();
            let _ = self.call("DELETE", &format!("/containers/{id}?force=true"), None).await;
        }
        let _ = self.call("DELETE", &format!("/networks/{NAME}"), None).await;
    }

    /// Creates and starts a container.
    async fn run(&self, name: &str, body: Value) -> io::Result<String> {
        let created = self.call("POST", &format!("/containers/create?name={NAME}-{name}"), Some(body)).await?;
        let id = created["Id"].as_str().ok_or_else(|| io::Error::other("no id"))?.to_owned();
        self.call("POST", &format!("/containers/{id}/start"), None).await?;
        Ok(id)
    }

    /// Makes one call on its own connection; a status of 400 and above is an error.
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> io::Result<Value> {
        let answered = async {
            let mut stream = self.send(method, path, body).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, io::Error>(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = tokio::time::timeout(PATIENCE, answered).await??;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()).unwrap_or(0);
        if !(200..400).contains(&status) {
            return Err(io::Error::other(format!("{method} {path}: {status} {body}")));
        }
        Ok(serde_json::from_str(body).unwrap_or_default())
    }

    /// HTTP/1.0, so that the response arrives in one piece and ends with the connection.
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }
}

/// For a query string.
fn escaped(text: &str) -> String {
    let byte =
        |byte: u8| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}
