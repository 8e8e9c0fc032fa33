//! `__enter`, which is internal: the last steps before the command of `run`, in a single-threaded process that becomes that
//! command.

use std::ffi::OsString;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cli::failure::{ExitStatus, Failure};
use crate::machine::namespace::{Mount, Refusal, refusal};

/// What the command is to see, as a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) mounts: Vec<Mount>,
}

/// How the attempt of [`probe`] ends where there can be none.
#[cfg(target_os = "linux")]
const PROBE_FAILED: u8 = 125;

#[derive(Debug, clap::Args)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there is nothing to enter"))]
pub(crate) struct EnterArgs {
    /// What the command is to see
    #[arg(long)]
    plan: Option<PathBuf>,
    /// The process that the command is to end with
    #[arg(long)]
    parent: Option<u32>,
    /// The program, found
    #[arg(long)]
    program: Option<PathBuf>,
    /// The command as it was typed; none to see whether there can be a namespace
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Whether a command can have a namespace here: tries it, with a process that does nothing else.
pub(crate) fn probe() -> Result<(), Refusal> {
    let setting = |path: &str| std::fs::read_to_string(path).ok();
    let tried = std::process::Command::new("/proc/self/exe").arg("__enter").output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(refusal(said.trim().trim_start_matches("error: "), setting))
        }
        Err(error) => Err(refusal(&error.to_string(), setting)),
    }
}

/// Becomes the command; returns only if that fails.
#[cfg(target_os = "linux")]
pub(crate) fn enter(args: &EnterArgs) -> Result<ExitStatus, Failure> {
    use std::os::unix::process::CommandExt as _;

    let Some((name, arguments)) = args.command.split_first() else { return try_it() };
    if let Some(plan) = &args.plan {
        for failed in enter_namespace(plan)? {
            tracing::warn!("the command sees the machine's own files: {failed}");
        }
    }
    live_no_longer_than(args.parent)?;
    let program = args.program.as_deref().unwrap_or(Path::new(name));
    let error = std::process::Command::new(program).arg0(name).args(arguments).exec();
    Err(Failure { status: ExitStatus(126), message: format!("{}: {error}", name.display()) })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn enter(_: &EnterArgs) -> Result<ExitStatus, Failure> {
    Err(Failure::usage("this system has no namespaces"))
}

/// Nothing but a mount that changes nothing: some systems give the namespace and then no right in it.
#[cfg(target_os = "linux")]
fn try_it() -> Result<ExitStatus, Failure> {
    let hosts = || PathBuf::from("/etc/hosts");
    let failed = match crate::machine::namespace::enter(&[Mount { source: hosts(), target: hosts() }]) {
        Ok(failed) => failed.into_iter().next(),
        Err(error) => Some(error.to_string()),
    };
    match failed {
        None => Ok(ExitStatus::SUCCESS),
        Some(message) => Err(Failure { status: ExitStatus(PROBE_FAILED), message }),
    }
}

#[cfg(target_os = "linux")]
fn enter_namespace(plan: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| Failure::from(error).context("cannot enter a namespace");
    let plan: Plan = serde_json::from_slice(&std::fs::read(plan).map_err(failed)?).map_err(Failure::new)?;
    crate::machine::namespace::enter(&plan.mounts).map_err(failed)
}

/// However the parent ends, even by SIGKILL, this process is told. After the namespace: entering one forgets it.
#[cfg(target_os = "linux")]
fn live_no_longer_than(parent: Option<u32>) -> Result<(), Failure> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::TERM)).map_err(std::io::Error::from)?;
    let now = getppid().and_then(|now| u32::try_from(now.as_raw_pid()).ok());
    // It may have ended before it could be asked.
    if parent.is_some() && now != parent { Err(Failure::printed(ExitStatus::INTERRUPTED)) } else { Ok(()) }
}
