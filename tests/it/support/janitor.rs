//! Removes a stack at the end of its test, whether that passed, failed, or was killed.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How a stack is removed: `down`, as a person would do it. Whatever a broken `down` leaves is removed by label, if
/// there is a docker command.
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

/// A process that waits for the end of the test. However the test ends, the kernel closes the process's standard input,
/// so a stack in a `static`, which is never dropped, and a killed test are cleaned up as well as a passing one.
pub(crate) struct Janitor(Child);

impl Janitor {
    /// For a stack whose commands run in `folder` with this environment, and whose files are all below `base`.
    pub(crate) fn of_stack(base: &Path, folder: &Path, environment: &BTreeMap<String, String>) -> Self {
        let mut command = Self::shell(OF_A_STACK);
        command.current_dir(folder).envs(environment);
        command.env("neargate", env!("CARGO_BIN_EXE_neargate")).env("base", base);
        Self(command.spawn().unwrap())
    }

    /// For anything that one line of shell can remove.
    pub(crate) fn of(duties: &str) -> Self {
        Self(Self::shell(duties).spawn().unwrap())
    }

    fn shell(duties: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("cat >/dev/null\n{duties}"));
        // In its own process group: Ctrl-C is meant for the tests.
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
