//! Workload k: the cost of a stack for one command. `neargate run -- true`, from start to end; `docker compose up
//! --wait` with nginx in front of the same application, and `down`; and the application alone, from `docker run` until
//! it answers. The difference to the last is added to the duration of a test.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::contenders::{Contender, Ground, free_ports};

/// The application: it answers as soon as it listens.
const IMAGE: &str = "nginx:stable";
/// Name of the project and of the container that this creates.
const NAME: &str = "neargate-bench-run";
/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The files for both, in `benches/contenders/run`.
const FILES: [&str; 4] = ["neargate.yaml", "task-definition.json", "compose.yaml", "nginx.conf"];

/// A reachable engine that has the image.
pub(crate) struct Runs {
    folder: PathBuf,
    neargate: PathBuf,
    has_compose: bool,
}

impl Runs {
    /// `Err` says what is missing. Runs neargate once, to create what only the first run creates.
    pub(crate) fn find(neargate: &Contender, ground: &Ground) -> Result<Self, String> {
        let folder = ground.folder.join("run");
        let prepared = std::fs::create_dir_all(&folder).and_then(|()| {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("contenders/run");
            FILES.iter().try_for_each(|file| std::fs::copy(from.join(file), folder.join(file)).map(drop))
        });
        prepared.map_err(|error| error.to_string())?;
        ends_well(docker(&["image", "inspect", IMAGE]))
            .map_err(|error| format!("no engine with {IMAGE} (docker/setup engine images): {error}"))?;
        let has_compose = ends_well(docker(&["compose", "version"])).is_ok();
        if !has_compose {
            eprintln!("left out of workload k: docker compose is not installed (version 2 is: it has `up --wait`)");
        }
        let runs = Self { folder, neargate: neargate.binary.clone(), has_compose };
        runs.neargate().map_err(|error| format!("neargate does not run: {error}"))?;
        Ok(runs)
    }

    /// Runs each of them once, by name.
    pub(crate) fn all(&self) -> Vec<(&'static str, io::Result<Duration>)> {
        let mut all = vec![("neargate", self.neargate()), ("application", self.application())];
        if self.has_compose {
            all.push(("compose", self.compose()));
        }
        all
    }

    fn neargate(&self) -> io::Result<Duration> {
        let [http, https] = free_ports()?;
        let mut command = Command::new(&self.neargate);
        command.args(["run", "--listen", &format!("80={http},443={https}"), "--", "true"]).current_dir(&self.folder);
        command.env("NEARGATE_STATE_DIR", self.folder.join("state")).env("NEARGATE_DATA_DIR", self.folder.join("data"));
        let start = Instant::now();
        ends_well(command)?;
        Ok(start.elapsed())
    }

    fn compose(&self) -> io::Result<Duration> {
        let [port, _] = free_ports()?;
        let compose = |words: &[&str]| {
            let mut command = docker(&[&["compose", "--project-name", NAME], words].concat());
            command.current_dir(&self.folder).env("PORT", port.to_string());
            ends_well(command)
        };
        let start = Instant::now();
        let up = compose(&["up", "--detach", "--wait"]);
        let down = compose(&["down", "--volumes"]);
        up.and(down)?;
        Ok(start.elapsed())
    }

    /// Runs until it answers; its end is not counted, because nothing waits for it.
    #[expect(clippy::disallowed_methods, reason = "between two looks at what another process does")]
    fn application(&self) -> io::Result<Duration> {
        let [port, _] = free_ports()?;
        let start = Instant::now();
        ends_well(docker(&["run", "--detach", "--name", NAME, "--publish", &format!("127.0.0.1:{port}:80"), IMAGE]))?;
        let answered = loop {
            if answers(port) {
                break Ok(start.elapsed());
            }
            if start.elapsed() > PATIENCE {
                break Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        ends_well(docker(&["rm", "--force", "--volumes", NAME]))?;
        answered
    }
}

fn docker(words: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(words);
    command
}

/// Runs it; the error is the last line of its output.
fn ends_well(mut command: Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned();
    Err(io::Error::other(said))
}

/// A published port accepts connections before the application does; only a response counts.
fn answers(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok::<_, io::Error>(status.ends_with(b"200"))
    };
    ask().unwrap_or(false)
}
