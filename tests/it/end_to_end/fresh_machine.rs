//! `make demo` on an untouched machine: an engine that was never restarted and has only the base images. Then on the
//! same engine without a default bridge.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::chatkit::copy;
use crate::support::engine;
use crate::support::expected::fixtures;
use crate::support::janitor::Janitor;
use crate::support::stack::Output;

/// The base images of the fixture's Dockerfiles and of the stand-in for OpenAI.
const BASE_IMAGES: [&str; 3] = ["python:3.11-slim", "node:22-slim", "nginx:stable"];

/// The trust stores of this shell and its children only.
const PRIVATE_STORES: &str = r#"
for folder in /etc/ssl /etc/ca-certificates /usr/local/share/ca-certificates; do
  if [ -d "$folder" ]; then
    mkdir -p "$HOME/stores$folder" && cp -a "$folder/." "$HOME/stores$folder/" &&
      mount --bind "$HOME/stores$folder" "$folder" || exit 1
  fi
done
"#;

/// A clone of the repository, as far as the demo needs it, and an engine that nothing else uses.
struct Machine {
    clone: PathBuf,
    engine: PathBuf,
    environment: BTreeMap<&'static str, String>,
    _janitor: Janitor,
}

impl Machine {
    fn new() -> Option<Self> {
        let has_dockerd = std::env::split_paths(&std::env::var_os("PATH")?).any(|path| path.join("dockerd").exists());
        if !rustix::process::geteuid().is_root() || !has_dockerd {
            eprintln!("skipped: an engine for this test alone takes root and dockerd");
            return None;
        }
        // Not in /tmp, which may be in memory.
        let base = Path::new("/var/tmp").join(format!("it-fresh-machine-{}", std::process::id()));
        let (clone, engine, home) = (base.join("clone"), base.join("engine"), base.join("home"));
        let root = fixtures().parent().unwrap().to_path_buf();
        for folder in ["docker", "fixtures/chatkit", "fixtures/openai-stand-in"] {
            copy(&root.join(folder), &clone.join(folder));
        }
        std::fs::create_dir_all(&home).unwrap();
        let in_base = |name: &str| base.join(name).display().to_string();
        let environment = BTreeMap::from([
            ("HOME", in_base("home")),
            ("NEARGATE_BINARY", env!("CARGO_BIN_EXE_neargate").to_owned()),
            ("NEARGATE_STATE_DIR", in_base("state")),
            ("NEARGATE_DATA_DIR", in_base("data")),
        ]);
        // The process that runs the stack is in the engine's network namespace, but not in its process namespace.
        let janitor = Janitor::of(&format!(
            "cd {clone}; NEARGATE_STATE_DIR={state} NEARGATE_DATA_DIR={data} DOCKER_HOST=unix://{engine}/docker.sock \
             {neargate} down --force --file fixtures/chatkit/neargate.yaml; docker/spare-engine remove {engine}; \
             cd / && rm -rf {base}",
            clone = clone.display(),
            state = environment["NEARGATE_STATE_DIR"],
            data = environment["NEARGATE_DATA_DIR"],
            engine = engine.display(),
            neargate = environment["NEARGATE_BINARY"],
            base = base.display(),
        ));
        Some(Self { clone, engine, environment, _janitor: janitor })
    }

    /// `docker/spare-engine VERB FOLDER ARGUMENTS`.
    async fn engine<S: AsRef<str>>(&self, verb: &str, arguments: &[S]) -> Output {
        let mut command = tokio::process::Command::new(self.clone.join("docker/spare-engine"));
        command.arg(verb).arg(&self.engine).args(arguments.iter().map(AsRef::as_ref));
        command.current_dir(&self.clone).envs(&self.environment).stdin(Stdio::null());
        // As on a terminal without a display, and with a persistent authority.
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "CI", "LISTEN", "CARGO_TARGET_DIR", "NEARGATE_LISTEN"] {
            command.env_remove(name);
        }
        let output = command.output().await.unwrap();
        Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    async fn shell(&self, script: &str) -> Output {
        self.engine("run", &["sh", "-c", script]).await
    }

    async fn demo(&self, verb: &str) -> Output {
        self.engine("run", &["docker/demo", verb]).await
    }

    /// The local addresses of all TCP sockets that listen in the engine's network, as the kernel writes them.
    async fn listening(&self) -> Vec<String> {
        let sockets = self.shell("cat /proc/net/tcp /proc/net/tcp6").await.succeeded().stdout;
        let rows = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|fields| fields.get(3) == Some(&"0A")).map(|fields| fields[1].to_owned()).collect()
    }
}

#[tokio::test]
async fn the_demo_works_on_an_engine_never_restarted_and_on_one_without_a_default_bridge() {
    let Some(_turn) = engine::turn().await else { return };
    let Some(machine) = Machine::new() else { return };
    machine.engine::<&str>("start", &[]).await.succeeded();
    machine.engine("load", &BASE_IMAGES).await.succeeded();
    machine.engine("load", &["busybox:1.35"]).await.succeeded();
    let bridge = machine.shell("docker network inspect bridge --format '{{json .IPAM.Config}}'").await.succeeded();
    eprintln!("the default bridge as such an engine tells it: {}", bridge.stdout.trim());

    let up = machine.demo("up").await.succeeded();
    for step in ["1 of 4", "2 of 4", "3 of 4", "4 of 4", "redirect, page, /api/*, session, cookie"] {
        assert!(up.stderr.contains(step), "{up:?}");
    }
    nothing_listens_on_all_interfaces(&machine).await;
    what_it_says_to_try_works(&machine, &up.stdout).await;
    machine.demo("down").await.succeeded();
    nothing_of_the_demo_is_left(&machine).await;

    machine.engine::<&str>("stop", &[]).await.succeeded();
    machine.engine("start", &["--bridge=none"]).await.succeeded();
    // So that its `pip install` needs a network, which is missing by default.
    let back_end = "docker images --format '{{.Repository}}:{{.Tag}}' | grep backend | xargs docker rmi --force";
    machine.shell(back_end).await.succeeded();
    machine.demo("up").await.succeeded();
    nothing_listens_on_all_interfaces(&machine).await;
    a_demo_that_does_not_work_as_advertised_fails(&machine).await;
    machine.demo("down").await.succeeded();
    std::fs::remove_file(machine.clone.join("fixtures/chatkit/.env")).unwrap();
    nothing_of_the_demo_is_left(&machine).await;
}

async fn nothing_listens_on_all_interfaces(machine: &Machine) {
    let listening = machine.listening().await;
    let ports: Vec<&str> = listening.iter().filter_map(|address| address.rsplit(':').next()).collect();
    assert!(ports.contains(&"0050") && ports.contains(&"01BB"), "ports 80 and 443 can be had: {listening:?}");
    let everywhere = |address: &&String| address.split(':').next().unwrap().bytes().all(|byte| byte == b'0');
    assert_eq!(listening.iter().find(everywhere), None, "{listening:?}");
}

/// Runs each command as it would be pasted.
async fn what_it_says_to_try_works(machine: &Machine, printed: &str) {
    let lines = printed.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let commands: Vec<&str> = text.lines().filter(|line| !line.is_empty() && *line != "make demo-down").collect();
    assert_eq!(commands.len(), 10, "{printed}");
    let mut seen = Vec::new();
    for command in commands {
        let is_browser = command.contains("--headless");
        let script = match command {
            // The picture, and a machine-readable form.
            command if is_browser => format!("{command} --dump-dom"),
            command if command.contains(" trust ") => format!("{PRIVATE_STORES}{command}"),
            command => command.to_owned(),
        };
        let output = machine.shell(&script).await;
        assert!(output.code == Some(0) || is_browser, "{command}: {output:?}");
        seen.push(format!("{command}\n{}", output.stdout));
    }
    let shown = |command: &str, text: &str| {
        let found = seen.iter().any(|output| output.contains(command) && output.contains(text));
        assert!(found, "no {text} after {command}: {seen:#?}");
    };
    shown("curl", "<div id=\"root\">");
    shown("curl", "301 Moved Permanently");
    shown("curl", "x-forwarded-proto");
    shown("curl", "client_secret");
    shown("https://app.domain.com", "<dd data-testid=\"session\" data-good=\"true\">created</dd>");
    shown("http://172.", "crypto.randomUUID is not a function");
    shown(" ps ", "tg-backend");
    shown(" explain ", "tg-backend");
    shown(" logs ", "POST /api/create-session");
}

/// With a key that the stand-in refuses, in a `.env` of the user's, which must stay.
async fn a_demo_that_does_not_work_as_advertised_fails(machine: &Machine) {
    let file = machine.clone.join("fixtures/chatkit/.env");
    let written = std::fs::read_to_string(&file).unwrap();
    let (mark, values) = written.split_once('\n').unwrap();
    assert!(mark.contains("make demo"), "{written}");
    std::fs::write(&file, values.replace("sk-demo", "sk-wrong")).unwrap();
    let up = machine.demo("up").await;
    assert_eq!(up.code, Some(1), "{up:?}");
    for part in ["using your fixtures/chatkit/.env", "Expected: a session", "\"client_secret\"", "Incorrect API key"] {
        assert!(up.stderr.contains(part), "no {part} in {up:?}");
    }
    assert!(!up.stdout.contains("is up"), "{up:?}");
}

async fn nothing_of_the_demo_is_left(machine: &Machine) {
    let left = machine
        .shell("docker ps --all --quiet; docker volume ls --quiet; docker network ls --quiet --filter type=custom")
        .await
        .succeeded();
    assert_eq!(left.stdout, "");
    assert_eq!(machine.listening().await, [""; 0]);
    for path in ["fixtures/chatkit/.env", "target/chatkit", "../state"] {
        assert!(!machine.clone.join(path).exists(), "{path} is still there");
    }
}
