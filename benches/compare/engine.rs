//! Workload j: one task of two containers, up and down, beside the bare calls to the container engine that it takes.
//!
//! Up, for neargate: from the start of the process until the engine says that the last container was started. Down: from
//! the signal until the process has ended, with nothing of the task left. For the engine: the same objects, made and
//! removed with nothing but the calls, those that can be at the same time at the same time.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::contenders::{Contender, Ground};

/// What the two containers are made of; `contenders/task-definition.json` says the same.
const IMAGE: &str = "busybox:1.35";
const COMMAND: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"];
/// The project of `contenders/neargate-task.yaml`.
const LABEL: &str = "dev.neargate.project=bench-task";
/// What the bare calls make.
const NAME: &str = "neargate-bench-bare";
/// Of a task: what holds its network, and its two containers.
const CONTAINERS: usize = 3;
/// No start and no end of a task takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long up and down took.
pub(crate) type UpDown = (Duration, Duration);

/// An engine that answers and has the images.
pub(crate) struct Engine {
    socket: PathBuf,
    pause: String,
}

impl Engine {
    /// `Err` says what is missing. Runs the task once, so that everything is there that only the first one makes.
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

    /// The image of neargate's that holds a task's network.
    async fn pause_image(&self) -> io::Result<String> {
        let filter = r#"{"reference":["neargate/pause"]}"#;
        let images = self.call("GET", &format!("/images/json?filters={}", escaped(filter)), None).await?;
        let pause = images[0]["RepoTags"][0].as_str();
        pause.map(str::to_owned).ok_or_else(|| io::Error::other("neargate's pause image is not there"))
    }

    /// The last stack takes the pause image with it. A container that uses it keeps it, as another stack would.
    async fn keep_pause_image(&self) -> io::Result<()> {
        if self.pause.is_empty() {
            let keeper = json!({ "Image": self.pause_image().await?, "Entrypoint": ["/pause"] });
            self.call("POST", &format!("/containers/create?name={NAME}-keeper"), Some(keeper)).await?;
        }
        Ok(())
    }

    /// Takes away what measuring has left.
    pub(crate) async fn leave(&self) {
        self.forget().await;
        let _ = self.call("DELETE", &format!("/images/{}", self.pause), None).await;
    }

    /// The task, run by neargate.
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

    /// The same task with nothing but the calls that it takes.
    pub(crate) async fn bare(&self) -> io::Result<UpDown> {
        let start = Instant::now();
        self.call("POST", "/networks/create", Some(json!({ "Name": NAME, "CheckDuplicate": true }))).await?;
        let pause = json!({ "Image": self.pause, "Entrypoint": ["/pause"], "HostConfig": { "NetworkMode": NAME } });
        let pause = self.run("pause", pause).await?;
        let mode = json!({ "NetworkMode": format!("container:{pause}") });
        let member = json!({ "Image": IMAGE, "Cmd": COMMAND, "HostConfig": mode });
        let (web, api) = tokio::join!(self.run("web", member.clone()), self.run("api", member.clone()));
        let (web, api) = (web?, api?);
        let up = start.elapsed();
        let start = Instant::now();
        let stop = async |id: &str| {
            self.call("POST", &format!("/containers/{id}/stop"), None).await?;
            self.call("DELETE", &format!("/containers/{id}?force=true&v=true"), None).await
        };
        let (web, api) = tokio::join!(stop(&web), stop(&api));
        web?;
        api?;
        self.call("DELETE", &format!("/containers/{pause}?force=true&v=true"), None).await?;
        self.call("DELETE", &format!("/networks/{NAME}"), None).await?;
        Ok((up, start.elapsed()))
    }

    /// Removes what an interrupted run may have left.
    async fn forget(&self) {
        for name in ["web", "api", "pause", "keeper"] {
            let _ = self.call("DELETE", &format!("/containers/{NAME}-{name}?force=true"), None).await;
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

    /// One call, with a connection of its own; a status of 400 and above is an error.
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

    /// HTTP/1.0, so that the answer comes in one piece and ends with the connection.
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
