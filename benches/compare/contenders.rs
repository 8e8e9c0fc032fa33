//! The contenders, and how each is configured and started. The configurations are files in `benches/contenders`.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{PROXY_CORE, Tree};

/// An available load balancer.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) binary: PathBuf,
    file: &'static str,
    /// `{{count}}` of the file, which `{{n}}` counts to.
    count: usize,
    arguments: fn(&Place) -> Vec<OsString>,
}

/// A running contender. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) tree: Tree,
    pub(crate) place: Place,
}

/// A contender's files and ports.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    /// HTTPS, one rule.
    pub(crate) port: u16,
    /// HTTPS, a hundred rules.
    pub(crate) port_rules: u16,
    configuration: PathBuf,
    log: bool,
}

impl Place {
    /// Its configuration.
    pub(crate) fn file(&self) -> &Path {
        &self.configuration
    }

    /// A program that keeps its files here.
    pub(crate) fn command(&self, program: &Path, ground: &Ground) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        command
            .env("NEARGATE_STATE_DIR", self.folder.join("state"))
            .env("NEARGATE_DATA_DIR", ground.folder.join("data"));
        command.env("XDG_DATA_HOME", &self.folder).env("XDG_CONFIG_HOME", &self.folder).env("HOME", &self.folder);
        command
    }
}

/// Common to all contenders.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    /// For all files that the harness creates.
    pub(crate) folder: PathBuf,
    pub(crate) target_web: u16,
    pub(crate) target_api: u16,
}

/// Next to the configurations that name them, in workloads j, o and p.
const TASK_DEFINITIONS: [(&str, &str); 2] = [
    ("task-definition.json", include_str!("../contenders/task-definition.json")),
    ("task-definition-web.json", include_str!("../contenders/task-definition-web.json")),
];

/// All contenders.
pub(crate) const NAMES: [&str; 8] = ["neargate", "nginx", "haproxy", "envoy", "caddy", "traefik", BARE, BEFORE];

/// The number that most files count to.
const RULES: usize = 100;

/// neargate before a change: a copy of its binary, called `neargate-before`. Only included on request.
pub(crate) const BEFORE: &str = "before";

/// The name of [`crate::bare`].
pub(crate) const BARE: &str = "bare";
/// Contenders with rules, a log, or a meaningful start time.
const NOT_FOR_BARE: [&str; 3] = ["h", "a-log", "i"];

impl Contender {
    /// `Err` says what is missing.
    pub(crate) fn find(name: &str, installed: &Path) -> Result<Self, String> {
        let (file, arguments): (&str, fn(&Place) -> Vec<OsString>) = match name {
            "neargate" | BEFORE => {
                ("neargate.yaml", |place| vec!["up".into(), "-f".into(), place.configuration.clone().into()])
            }
            "nginx" => ("nginx.conf", |place| {
                let (folder, file) = (place.folder.clone(), place.configuration.clone());
                vec![
                    "-p".into(),
                    folder.clone().into(),
                    "-e".into(),
                    folder.join("error.log").into(),
                    "-c".into(),
                    file.into(),
                ]
            }),
            "haproxy" => ("haproxy.cfg", |place| vec!["-db".into(), "-f".into(), place.configuration.clone().into()]),
            "envoy" => ("envoy.yaml", |place| {
                let file = place.configuration.clone().into();
                ["--concurrency", "1", "--log-level", "error", "--disable-hot-restart", "-c"]
                    .map(OsString::from)
                    .into_iter()
                    .chain([file])
                    .collect()
            }),
            "caddy" => ("Caddyfile", |place| {
                vec![
                    "run".into(),
                    "--adapter".into(),
                    "caddyfile".into(),
                    "--config".into(),
                    place.configuration.clone().into(),
                ]
            }),
            "traefik" => ("traefik-routes.yaml", |place| {
                let mut arguments = vec![
                    format!("--entryPoints.main.address=127.0.0.1:{}", place.port),
                    format!("--entryPoints.rules.address=127.0.0.1:{}", place.port_rules),
                    format!("--providers.file.filename={}", place.configuration.display()),
                    "--global.checkNewVersion=false".to_owned(),
                    "--global.sendAnonymousUsage=false".to_owned(),
                ];
                if place.log {
                    arguments.push("--accessLog=true".to_owned());
                    arguments.push(format!("--accessLog.filePath={}", place.folder.join("access.log").display()));
                }
                arguments.into_iter().map(OsString::from).collect()
            }),
            BARE => ("bare.txt", |place| vec!["serve-bare".into(), place.configuration.clone().into()]),
            _ => return Err(format!("no contender is called {name}; there are {}", NAMES.join(", "))),
        };
        let Some(&name) = NAMES.iter().find(|known| **known == name) else { return Err(name.to_owned()) };
        let binary =
            find_binary(name, installed).ok_or(format!("{name} is not installed (docker/setup load-balancers)"))?;
        Ok(Self { name, binary, file, count: RULES, arguments })
    }

    /// Whether it does the same work as the others, so that it can be required to.
    pub(crate) fn is_whole(&self) -> bool {
        self.name != BARE
    }

    /// neargate again, with a task in place of its static targets.
    pub(crate) fn of_a_task(&self) -> Self {
        Self { file: "neargate-task.yaml", ..self.clone() }
    }

    /// neargate again, with one listener and this many rules, the last of which matches.
    pub(crate) fn of_rules(&self, rules: usize) -> Self {
        Self { file: "neargate-rules.yaml", count: rules, ..self.clone() }
    }

    /// neargate again, with a service of this many tasks.
    pub(crate) fn of_tasks(&self, tasks: usize) -> Self {
        Self { file: "neargate-rolls.yaml", count: tasks, ..self.clone() }
    }

    /// Starts it with new files. It is not ready yet when this returns.
    pub(crate) fn start(&self, ground: &Ground, log: bool) -> io::Result<Running> {
        let folder = ground.folder.join(self.name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        for file in ["certificate.pem", "key.pem", "both.pem"] {
            std::fs::copy(ground.folder.join(file), folder.join(file))?;
        }
        let [port, port_rules] = free_ports()?;
        let place = Place { configuration: folder.join(self.file), folder, port, port_rules, log };
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("contenders").join(self.file);
        std::fs::write(&place.configuration, fill_in(&std::fs::read_to_string(template)?, &place, ground, self.count))?;
        for (name, text) in TASK_DEFINITIONS {
            std::fs::write(place.folder.join(name), text)?;
        }
        let mut command = place.command(&self.binary, ground);
        command.args((self.arguments)(&place));
        let tree = Tree::start(command, PROXY_CORE, &place.folder.join("output.log"))?;
        Ok(Running { name: self.name, tree, place })
    }
}

/// Configurations are templates: see the head of `benches/contenders/neargate.yaml`.
fn fill_in(template: &str, place: &Place, ground: &Ground, count: usize) -> String {
    let values = [
        ("{{folder}}", place.folder.display().to_string()),
        ("{{port}}", place.port.to_string()),
        ("{{port_rules}}", place.port_rules.to_string()),
        ("{{count}}", count.to_string()),
        ("{{target_web}}", ground.target_web.to_string()),
        ("{{target_api}}", ground.target_api.to_string()),
    ];
    let (kept, dropped) = if place.log { ("{{log}}", "{{quiet}}") } else { ("{{quiet}}", "{{log}}") };
    let lines = template.lines().filter(|line| !line.trim_start().starts_with('#') && !line.contains(dropped));
    let mut text = String::new();
    for line in lines {
        let mut line = line.replacen(kept, "", 1);
        for (name, value) in &values {
            line = line.replace(name, value);
        }
        let copies = if line.contains("{{n}}") { 1..=count } else { 1..=1 };
        for n in copies {
            text.push_str(&line.replace("{{n}}", &n.to_string()));
            text.push('\n');
        }
    }
    text
}

/// Ports without a listener at the moment.
pub(crate) fn free_ports() -> io::Result<[u16; 2]> {
    let sockets = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([sockets[0].local_addr()?.port(), sockets[1].local_addr()?.port()])
}

/// Whether a contender supports this workload.
pub(crate) fn takes(name: &str, workload: &str) -> bool {
    name != BARE || !NOT_FOR_BARE.contains(&workload)
}

fn find_binary(name: &str, installed: &Path) -> Option<PathBuf> {
    if name == BARE {
        return std::env::current_exe().ok();
    }
    if name == "neargate" || name == BEFORE {
        // Next to this program, where `cargo build --release` puts it.
        let file = if name == BEFORE { "neargate-before" } else { name };
        return Some(std::env::current_exe().ok()?.with_file_name(file)).filter(|file| file.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.chain([installed.to_owned()]).map(|folder| folder.join(name)).find(|file| file.is_file())
}
