//! Takes a stack away when its test is over: passed, failed, or killed.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What becomes of a stack. `down` is what a person would do; what a broken `down` leaves is removed by label, if there
/// is a docker command.
const OF_A_STACK: &str = r#"
"$neargate" down --force --rmi local
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
    /// For a stack whose commands run in `folder` with this environment, and who has all its files below `base`.
    pub(crate) fn of_stack(base: &Path, folder: &Path, environment: &BTreeMap<String, String>) -> Self {
        let mut command = Self::shell(OF_A_STACK);
        command.current_dir(folder).envs(environment);
        command.env("neargate", env!("CARGO_BIN_EXE_neargate")).env("base", base);
        Self(command.spawn().unwrap())
    }

    /// For anything that one line of shell takes away.
    pub(crate) fn of(duties: &str) -> Self {
        Self(Self::shell(duties).spawn().unwrap())
    }

    fn shell(duties: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("cat >/dev/null\n{duties}"));
        // A group of its own: Ctrl-C is meant for the tests.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
