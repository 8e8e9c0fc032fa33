//! The command of `run` as a process: located before anything starts, in its own process group, which owns the terminal and
//! receives signals as a whole, and ended with us.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

use nix::sys::signal::{SigSet, Signal as Blocked};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpgrp, kill_current_process_group, kill_process_group, waitid,
};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::running::process::Signals;

/// As a shell answers: 127 for a command that is not there, 126 for one that cannot be run.
const NOT_FOUND: ExitStatus = ExitStatus(127);
const NOT_EXECUTABLE: ExitStatus = ExitStatus(126);

/// The program that a shell would run for this word.
pub(crate) fn find(program: &OsStr) -> Result<PathBuf, Failure> {
    let name = program.to_string_lossy();
    let fail = |status, what: &str| Err(Failure { status, message: format!("{name}: {what}") });
    let is_executable =
        |path: &PathBuf| path.is_file() && rustix::fs::access(path.as_path(), rustix::fs::Access::EXEC_OK).is_ok();
    if program.as_encoded_bytes().contains(&b'/') {
        let path = PathBuf::from(program);
        return match path.try_exists() {
            Ok(true) if is_executable(&path) => Ok(path),
            Ok(true) => fail(NOT_EXECUTABLE, "is not executable"),
            Ok(false) => fail(NOT_FOUND, "no such file"),
            Err(error) => fail(NOT_EXECUTABLE, &error.to_string()),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let files: Vec<PathBuf> = std::env::split_paths(&path).map(|folder| folder.join(program)).collect();
    match files.iter().find(|file| is_executable(file)) {
        Some(file) => Ok(file.clone()),
        None if files.iter().any(|file| file.is_file()) => fail(NOT_EXECUTABLE, "is not executable"),
        None => fail(NOT_FOUND, "command not found"),
    }
}

/// What the command is started with.
pub(super) struct Launch {
    /// Found.
    pub(super) program: PathBuf,
    /// As it was typed.
    pub(super) words: Vec<OsString>,
    /// Beside our own variables.
    pub(super) variables: Vec<(String, String)>,
    /// The file that describes its view; without it, it sees the machine's files.
    pub(super) plan: Option<PathBuf>,
}

/// Runs the command to its end; signals for us go to all of it.
pub(super) async fn run(launch: &Launch, signals: &mut Signals) -> Result<ExitStatus, Failure> {
    let mut command = command(launch);
    command.envs(launch.variables.iter().cloned()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| Failure {
        status: NOT_EXECUTABLE,
        message: format!("{}: {error}", launch.program.display()),
    })?;
    let Some(group) = group(&child) else { return Err(Failure::new("the command ended at once")) };
    let terminal = Terminal::lend(group);
    let mut states = signal(SignalKind::child())?;
    let mut signalled = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            received = signals.next_signal() => {
                // Who asks twice means it.
                let sent = if signalled { Signal::KILL } else { received };
                signalled = true;
                let _ = kill_process_group(group, sent);
            }
            _ = states.recv() => {
                if let Some(stopped_by) = stopped(group) {
                    terminal.stop_with(group, stopped_by);
                }
            }
        }
    };
    terminal.take_back();
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitStatus(u8::try_from(code).unwrap_or(1)))
}

/// On Linux the command comes into being inside of ourselves, where it is tied to our life: see `enter`.
#[cfg(target_os = "linux")]
fn command(launch: &Launch) -> Command {
    // The file may have been replaced since we were started.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("neargate").arg("__enter").arg(format!("--parent={}", std::process::id()));
    if let Some(plan) = &launch.plan {
        command.arg("--plan").arg(plan);
    }
    command.arg("--program").arg(&launch.program).arg("--").args(&launch.words);
    command
}

#[cfg(not(target_os = "linux"))]
fn command(launch: &Launch) -> Command {
    let mut command = Command::new(&launch.program);
    command.args(launch.words.iter().skip(1));
    command
}

fn group(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// What has stopped the command, if it is stopped. Its end is left for others to be told.
fn stopped(command: Pid) -> Option<i32> {
    let status = waitid(WaitId::Pid(command), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG).ok()??;
    status.stopping_signal()
}

/// The terminal that we were started from, as far as we have it: in the foreground of it is one process group at a time,
/// and that is the command's while it runs, as if the shell itself had started it.
struct Terminal {
    is_ours: bool,
}

impl Terminal {
    fn lend(to: Pid) -> Self {
        let terminal = Self { is_ours: in_front() };
        terminal.give(to);
        terminal
    }

    fn give(&self, to: Pid) {
        if self.is_ours {
            // The command may have ended already.
            let _ = rustix::termios::tcsetpgrp(std::io::stdin(), to);
        }
    }

    fn take_back(&self) {
        if self.is_ours {
            // Whoever does this from the background is stopped for it, unless the signal is held back.
            let held = SigSet::from(Blocked::SIGTTOU);
            let _ = held.thread_block();
            let _ = rustix::termios::tcsetpgrp(std::io::stdin(), getpgrp());
            let _ = held.thread_unblock();
        }
    }

    /// The command is stopped (Ctrl-Z), so we stop, and those who were started with us: the shell waits for us. When we go
    /// on, it does.
    fn stop_with(&self, command: Pid, stopped_by: i32) {
        // It asked the terminal before it had it.
        let was_early = self.is_ours && [Signal::TTIN, Signal::TTOU].iter().any(|early| early.as_raw() == stopped_by);
        if !was_early {
            self.take_back();
            let _ = kill_current_process_group(Signal::TSTP);
            // From here on we run again; `bg` leaves the terminal to the shell.
            if in_front() {
                self.give(command);
            }
        }
        let _ = kill_process_group(command, Signal::CONT);
    }
}

/// Whether standard input is a terminal and we are in its foreground.
fn in_front() -> bool {
    rustix::termios::tcgetpgrp(std::io::stdin()).is_ok_and(|front| front == getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_as_a_shell_finds_it_or_said_to_be_missing() {
        let found = |word: &str| find(OsStr::new(word));
        assert!(found("sh").expect("on the path").ends_with("sh"));
        assert_eq!(found("/bin/sh").expect("there"), PathBuf::from("/bin/sh"));
        let failure = |word: &str| found(word).expect_err("not there");
        let is = |word: &str, status: u8, what: &str| {
            let expected = Failure { status: ExitStatus(status), message: format!("{word}: {what}") };
            assert_eq!(failure(word), expected);
        };
        is("no-such-command", 127, "command not found");
        is("/no/such/command", 127, "no such file");
        is("/etc/passwd", 126, "is not executable");
        is("/etc", 126, "is not executable");
    }
}
