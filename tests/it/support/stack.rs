//! A stack as a person has it: a folder with a `neargate.yaml`, and the real binary with the real engine.
//!
//! Each stack has its own project name, state and data folders and local ports, so any number can run side by side.
//! Whatever the result of the test, nothing stays behind: see [`Janitor`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use neargate::admin::view::shape::{ClusterView, TargetView};
use serde_json::Value;

use super::http::{self, Connection, Reply, Stream};
use super::janitor::Janitor;
use super::waiting::until;

/// The domain name of the stacks.
pub(crate) const DOMAIN: &str = "app.domain.com";
/// No command takes this long unless it hangs.
const LONGEST_COMMAND: Duration = Duration::from_secs(240);

/// A project, running or not.
pub(crate) struct Stack {
    folder: PathBuf,
    project: String,
    ports: BTreeMap<u16, u16>,
    environment: BTreeMap<String, String>,
    _janitor: Janitor,
}

/// The result of a command.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {:?}\n-- stdout\n{}\n-- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Output {
    /// Fails the test unless the command succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert!(self.code == Some(0), "{self:?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Stack {
    /// A new folder, filled by the test; listeners 80 and 443 are mapped to free ports.
    pub(crate) fn new(fill: impl FnOnce(&Path)) -> Self {
        Self::listening_on(BTreeMap::from([(80, free_port()), (443, free_port())]), fill)
    }

    /// The same with ports that the test chooses.
    pub(crate) fn listening_on(ports: BTreeMap<u16, u16>, fill: impl FnOnce(&Path)) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let project = format!("it-e2e-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let base = std::env::temp_dir().join(&project);
        let folder = base.join("project");
        std::fs::create_dir_all(&folder).unwrap();
        fill(&folder);
        let mapped = ports.iter().filter(|(port, local)| port != local);
        let listen: Vec<String> = mapped.map(|(port, local)| format!("{port}={local}")).collect();
        let mut environment = BTreeMap::from([
            ("NEARGATE_PROJECT_NAME".to_owned(), project.clone()),
            ("NEARGATE_STATE_DIR".to_owned(), base.join("state").display().to_string()),
            ("NEARGATE_DATA_DIR".to_owned(), base.join("data").display().to_string()),
        ]);
        if !listen.is_empty() {
            environment.insert("NEARGATE_LISTEN".to_owned(), listen.join(","));
        }
        let janitor = Janitor::of_stack(&base, &folder, &environment);
        Self { folder, project, ports, environment, _janitor: janitor }
    }

    /// Sets a variable for its commands.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Unsets a variable for its commands.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// The project's name.
    pub(crate) fn project(&self) -> &str {
        &self.project
    }

    /// The folder of `neargate.yaml`.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The state folder of the stack.
    pub(crate) fn state_folder(&self) -> PathBuf {
        Path::new(&self.environment["NEARGATE_STATE_DIR"]).join(&self.project)
    }

    /// The folder of its authority.
    pub(crate) fn data_folder(&self) -> PathBuf {
        Path::new(&self.environment["NEARGATE_DATA_DIR"]).join(&self.project)
    }

    /// The local port of a listener. A port that is not in the file is used unchanged: redirects name local ones.
    pub(crate) fn local_port(&self, port: u16) -> u16 {
        self.ports.get(&port).copied().unwrap_or(port)
    }

    // --- Commands ------------------------------------------------------------------------------------------

    /// Runs `neargate` with these arguments to its end.
    pub(crate) async fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Output {
        self.spawn(arguments).end().await
    }

    /// Starts `neargate` with these arguments.
    pub(crate) fn spawn<S: AsRef<str>>(&self, arguments: &[S]) -> Running {
        self.spawn_under(&[], arguments)
    }

    /// The same with other variables.
    pub(crate) fn spawn_with<S: AsRef<str>>(&self, variables: &[(&str, &str)], arguments: &[S]) -> Running {
        let mut words = vec!["env".to_owned()];
        words.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.spawn_under(&words, arguments)
    }

    /// The same under another program, e.g. one that drops a capability.
    pub(crate) fn spawn_under<S: AsRef<str>>(&self, program: &[&str], arguments: &[S]) -> Running {
        let words = program.iter().copied().chain([env!("CARGO_BIN_EXE_neargate")]);
        let words: Vec<&str> = words.chain(arguments.iter().map(AsRef::as_ref)).collect();
        self.spawn_program(words[0], &words[1..])
    }

    /// Starts another program in the same folder and environment.
    pub(crate) fn spawn_program(&self, program: &str, arguments: &[&str]) -> Running {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = |stream: &str| self.folder.with_file_name(format!("{number}.{stream}"));
        let (out, err) = (file("stdout"), file("stderr"));
        let words = [&[program], arguments].concat();
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).current_dir(&self.folder).envs(&self.environment).env_remove("CI").kill_on_drop(true);
        command.stdin(Stdio::null());
        command.stdout(std::fs::File::create(&out).unwrap()).stderr(std::fs::File::create(&err).unwrap());
        Running { child: command.spawn().unwrap(), words: words.join(" "), out, err }
    }

    /// `up --wait`, which must succeed.
    pub(crate) async fn up(&self) -> Output {
        self.run(&["up", "-d", "--wait"]).await.succeeded()
    }

    /// `down`, which must succeed.
    pub(crate) async fn down(&self) -> Output {
        self.run(&["down"]).await.succeeded()
    }

    // --- Observations ----------------------------------------------------------------------------------------

    /// What `ps` shows.
    pub(crate) async fn view(&self) -> ClusterView {
        let output = self.run(&["ps", "--format", "json"]).await.succeeded();
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Waits until the view satisfies the predicate, and returns it.
    pub(crate) async fn until(&self, what: &str, is_wanted: impl Fn(&ClusterView) -> bool) -> ClusterView {
        until(what, async || Some(self.view().await), is_wanted).await
    }

    /// The report of `doctor`, once it mentions this, as `(symptom, cause, fix)`.
    pub(crate) async fn diagnosis(&self, subject: &str) -> [String; 3] {
        let look = async || {
            let report = self.run(&["doctor", "--format", "json"]).await.json();
            let findings = report["findings"].as_array().unwrap().clone();
            let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
            let found = findings.into_iter().find(|finding| text(finding, "subject").contains(subject));
            found.map(|finding| ["symptom", "cause", "fix"].map(|field| text(&finding, field)))
        };
        until(&format!("a finding about {subject}"), look, |_| true).await
    }

    /// Whether anything of the stack listens on this machine.
    pub(crate) fn listens(&self) -> bool {
        self.ports.values().any(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_err())
    }

    // --- Requests --------------------------------------------------------------------------------------------

    /// The certificate that clients need.
    pub(crate) async fn authority(&self) -> String {
        self.run(&["ca"]).await.succeeded().stdout
    }

    /// A connection to a listener: with TLS on 443, without on any other.
    pub(crate) async fn stream(&self, port: u16) -> Stream {
        let local = self.local_port(port);
        if port == 443 || Some(&port) == self.ports.get(&443) {
            return http::connect(local, Some((DOMAIN, &self.authority().await))).await.unwrap();
        }
        http::connect(local, None).await.unwrap()
    }

    /// A connection for any number of requests.
    pub(crate) async fn open(&self, port: u16) -> Connection {
        Connection::over(self.stream(port).await, DOMAIN).await
    }

    /// One request on a connection of its own. Ports are those of the file, or local ones.
    pub(crate) async fn get(&self, url: &str) -> Reply {
        let (port, path) = parts(url);
        self.open(port).await.get(&path).await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        // The janitor removes everything; this is what a person wants to read before.
        if let Ok(log) = std::fs::read_to_string(self.state_folder().join("neargate.log")) {
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("-- the end of neargate.log\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}

/// A running command.
pub(crate) struct Running {
    child: tokio::process::Child,
    words: String,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }

    /// Its standard output so far.
    pub(crate) fn stdout(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        kill(self.id(), signal);
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> Output {
        let ended = tokio::time::timeout(LONGEST_COMMAND, self.child.wait()).await;
        let (stdout, stderr) = (self.stdout(), self.stderr());
        match ended {
            Ok(status) => Output { code: status.unwrap().code(), stdout, stderr },
            Err(_) => panic!("{} does not end\n{stdout}\n{stderr}", self.words),
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn kill(process: u32, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    rustix::process::kill_process(process, signal).unwrap();
}

/// A free port, given out only once. It is below the range from which the system takes ports for outgoing connections,
/// one of which could otherwise have it by the time it is bound.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 12_000 + (std::process::id() % 100) as u16 * 100;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The targets of a group.
pub(crate) fn targets<'view>(view: &'view ClusterView, group: &str) -> &'view [TargetView] {
    view.target_groups.iter().find(|found| found.name == group).map_or(&[], |found| found.targets.as_slice())
}

/// The port and the path of `https://app.domain.com[:port]/path`.
fn parts(url: &str) -> (u16, String) {
    let uri: ::http::Uri = url.parse().unwrap();
    let own = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    (uri.port_u16().unwrap_or(own), uri.path_and_query().map_or("/", |path| path.as_str()).to_owned())
}
