//! A process that runs the stack but cannot be reached, because its control socket or its whole state folder was removed.
//! It is found by the lock, or by the labels of its containers, and ended as with `kill`.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::failure::Failure;
use crate::cli::output::printer::Printer;
use crate::control::runtime::Runtime as _;
use crate::machine::folders::Folders;
use crate::runtime::docker::DockerRuntime;

/// How often it is looked whether the process is gone.
const PAUSE: Duration = Duration::from_millis(20);
/// A process that takes its stack down needs no longer.
const LONGEST: Duration = super::asking::LONGEST_SHUT_DOWN;

/// Ends the process that holds the project's lock, if there is one. Returns whether there was.
pub(crate) async fn end_holder(folders: &Folders, force: bool, printer: &mut Printer) -> Result<bool, Failure> {
    let Some(pid) = folders.holder()? else { return Ok(false) };
    end(pid, force, async || Ok(folders.lock_is_free()?), printer).await?;
    Ok(true)
}

/// Ends the process to which containers of the project belong, if one is alive. Returns whether there was.
pub(crate) async fn end_owner(runtime: &DockerRuntime, force: bool, printer: &mut Printer) -> Result<bool, Failure> {
    let Some(pid) = runtime.other_owner().await? else { return Ok(false) };
    let is_gone = async || Ok(runtime.other_owner().await? != Some(pid));
    end(pid, force, is_gone, printer).await?;
    Ok(true)
}

async fn end(
    pid: u32,
    force: bool,
    is_gone: impl AsyncFn() -> Result<bool, Failure>,
    printer: &mut Printer,
) -> Result<(), Failure> {
    printer.note(format!("process {pid} runs this project, but its control socket is gone; ending it"));
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = process.ok_or_else(|| Failure::new(format!("{pid} is not a process")))?;
    let send = || kill_process(process, Signal::TERM);
    send().map_err(|error| Failure::new(format!("cannot end process {pid}: {error}")))?;
    let gone = async {
        while !is_gone().await? {
            tokio::time::sleep(PAUSE).await;
            if force {
                // The second signal says what the option says. It may have ended in the meantime.
                let _ = send();
            }
        }
        Ok(())
    };
    let ended = tokio::time::timeout(LONGEST, gone).await;
    ended.unwrap_or_else(|_| {
        Err(Failure::new(format!("process {pid} does not exit; run `kill -9 {pid}`, then `neargate down`")))
    })
}
