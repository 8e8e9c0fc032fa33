//! Takes a stack away when its test is over: passed, failed, or killed.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What it does once its standard input ends. `down` is what a person would do; what a broken `down` leaves is removed
/// by label, if there is a docker command.
const DUTIES: &str = r#"
cat >/dev/null
"$neargate" down --force
if command -v docker >/dev/null; then
  label="label=dev.neargate.project=$NEARGATE_PROJECT_NAME"
  docker ps --all --quiet --filter "$label" | xargs -r docker rm --force --volumes
  docker volume ls --quiet --filter "$label" | xargs -r docker volume rm
  docker network ls --quiet --filter "$label" | xargs -r docker network rm
fi
cd / && rm -rf "$base"
"#;

/// A process that waits for the test's end. The kernel closes its standard input whatever way that comes, so a stack
/// in a `static`, which is never dropped, and a test that is killed leave as little as one that passes.
pub(crate) struct Janitor(Child);

impl Janitor {
    /// Waits at once.
    pub(crate) fn new(project: &str, base: &Path, folder: &Path, environment: &BTreeMap<String, String>) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(DUTIES).arg(project).current_dir(folder).envs(environment);
        command.env("neargate", env!("CARGO_BIN_EXE_neargate")).env("base", base);
        // A group of its own: Ctrl-C is meant for the tests.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
