//! Distribution's registry as a process of this machine, started when the first client asks for it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// As Debian's package calls it, and as distribution's releases do.
const PROGRAMS: [&str; 2] = ["docker-registry", "registry"];
/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Runs the program until its input ends: a process that is killed does not leave its registry behind.
const UNTIL_INPUT_ENDS: &str = "\"$1\" serve \"$2\" & child=$!; cat > /dev/null; kill $child";

/// The process, if it runs.
#[derive(Debug)]
pub(super) struct Process {
    folder: PathBuf,
    socket: PathBuf,
    running: Mutex<Option<Child>>,
}

impl Process {
    /// With its files in that folder, and its socket beside it.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), socket: folder.with_extension("sock"), running: Mutex::default() }
    }

    /// A connection to it.
    pub(super) async fn connect(&self) -> io::Result<UnixStream> {
        let mut running = self.running.lock().await;
        if running.is_some()
            && let Ok(stream) = UnixStream::connect(&self.socket).await
        {
            return Ok(stream);
        }
        // What is left of one that ended.
        drop(running.take());
        *running = Some(self.start()?);
        let connected = async {
            loop {
                match UnixStream::connect(&self.socket).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        };
        let connected = tokio::time::timeout(PATIENCE, connected).await;
        connected
            .map_err(|_| io::Error::other("the registry does not answer; its output is in `registry/registry.log`"))
    }

    fn start(&self) -> io::Result<Child> {
        let program = found(&std::env::var_os("PATH").unwrap_or_default()).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "no registry is installed: install Debian's `docker-registry`, or put distribution's `registry` on PATH",
            )
        })?;
        std::fs::create_dir_all(&self.folder)?;
        // A socket of a process that was killed.
        let _ = std::fs::remove_file(&self.socket);
        let config = self.folder.join("config.yml");
        // JSON is YAML.
        std::fs::write(&config, self.config().to_string())?;
        let log = std::fs::File::create(self.folder.join("registry.log"))?;
        Command::new("sh")
            .args(["-c", UNTIL_INPUT_ENDS, "sh"])
            .arg(program)
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // The keys that end us are not for it.
            .process_group(0)
            .spawn()
    }

    /// Without a cache in memory: ECR's actions change the files.
    fn config(&self) -> serde_json::Value {
        json!({
            "version": "0.1",
            "log": { "level": "warn", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": self.folder }, "delete": { "enabled": true } },
            "http": { "net": "unix", "addr": self.socket, "relativeurls": true },
        })
    }
}

fn found(path: &std::ffi::OsStr) -> Option<PathBuf> {
    let all = std::env::split_paths(path).flat_map(|folder| PROGRAMS.map(|program| folder.join(program)));
    all.into_iter().find(|program| program.is_file())
}
