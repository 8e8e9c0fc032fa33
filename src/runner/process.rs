//! One program: its lines as they come, its end, and ours.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// A program to run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) words: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) variables: Vec<(String, String)>,
    pub(super) time: Option<Duration>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Code(i32),
    TimedOut,
    Cancelled,
}

/// What is left in the pipe once the program has ended, when it leaves others behind that hold it open.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// GitHub's: "SIGINT, waits for 7500 milliseconds, SIGTERM, waits for 2500 milliseconds, and kills the process tree".
const AFTER_INTERRUPT: Duration = Duration::from_millis(7500);
const AFTER_TERMINATE: Duration = Duration::from_millis(2500);

/// Runs it. Standard output and standard error are one pipe, so that their lines stay in order.
pub(super) async fn run(
    program: &Program,
    cancelled: &mut watch::Receiver<u32>,
    line: &mut dyn FnMut(&str),
) -> io::Result<End> {
    // What runs although the run is cancelled (`if: always()`) ends when that is asked for once more.
    let before = *cancelled.borrow_and_update();
    let (reader, writer) = io::pipe()?;
    let Some((name, words)) = program.words.split_first() else { return Ok(End::Code(0)) };
    let mut command = Command::new(name);
    command
        .args(words)
        .current_dir(&program.folder)
        .env_clear()
        .envs(program.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    // It holds the other ends of the pipe.
    drop(command);
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut reader = BufReader::new(Receiver::from_owned_fd(reader.into())?);
    let deadline = program.time.map(|time| Instant::now() + time);
    let mut buffer = Vec::new();
    let mut is_open = true;
    let end = loop {
        tokio::select! {
            // Reading a line is not cancel-safe by itself; what was read stays in the buffer.
            read = reader.read_until(b'\n', &mut buffer), if is_open => {
                is_open = read? > 0;
                tell(&mut buffer, line);
            }
            status = child.wait() => {
                use std::os::unix::process::ExitStatusExt as _;
                let status = status?;
                break End::Code(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1));
            }
            () = until(deadline) => {
                stop(&mut child, group).await;
                break End::TimedOut;
            }
            _ = cancelled.wait_for(|asked| *asked > before) => {
                stop(&mut child, group).await;
                break End::Cancelled;
            }
        }
    };
    let rest = async {
        while is_open && reader.read_until(b'\n', &mut buffer).await.is_ok_and(|read| read > 0) {
            tell(&mut buffer, line);
        }
    };
    let _ = timeout(LAST_WORDS, rest).await;
    tell(&mut buffer, line);
    Ok(end)
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn tell(buffer: &mut Vec<u8>, line: &mut dyn FnMut(&str)) {
    if !buffer.is_empty() {
        let text = String::from_utf8_lossy(buffer);
        line(text.trim_end_matches('\n').trim_end_matches('\r'));
        buffer.clear();
    }
}

async fn stop(child: &mut Child, group: Option<Pid>) {
    let Some(group) = group else { return };
    for (signal, patience) in [(Signal::INT, AFTER_INTERRUPT), (Signal::TERM, AFTER_TERMINATE)] {
        // It may have ended already.
        let _ = kill_process_group(group, signal);
        if timeout(patience, child.wait()).await.is_ok() {
            break;
        }
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ran(script: &str, time: Option<Duration>, cancel: bool) -> (End, Vec<String>) {
        let path = std::env::var("PATH").unwrap();
        let program = Program {
            words: ["bash", "-c", script].map(str::to_owned).to_vec(),
            folder: std::env::temp_dir(),
            variables: vec![("PATH".to_owned(), path), ("GIVEN".to_owned(), "yes".to_owned())],
            time,
        };
        let (sender, mut cancelled) = watch::channel(1);
        let mut lines = Vec::new();
        let mut hear = |line: &str| {
            lines.push(line.to_owned());
            if cancel {
                sender.send_modify(|asked| *asked += 1);
            }
        };
        let end = run(&program, &mut cancelled, &mut hear).await.unwrap();
        (end, lines)
    }

    #[tokio::test]
    async fn lines_come_in_order_and_nothing_of_our_own_variables_is_seen() {
        let (end, lines) = ran("echo one; echo two >&2; echo $GIVEN$HOME; printf three; exit 7", None, false).await;
        assert_eq!((end, lines), (End::Code(7), ["one", "two", "yes", "three"].map(str::to_owned).to_vec()));
    }

    #[tokio::test]
    async fn a_program_ends_when_its_time_is_over_or_the_run_is_cancelled() {
        let forever = "echo started; exec tail -f /dev/null";
        let (end, _) = ran("exec tail -f /dev/null", Some(Duration::from_millis(50)), false).await;
        assert_eq!(end, End::TimedOut);
        let (end, _) = ran(forever, None, true).await;
        assert_eq!(end, End::Cancelled);
    }
}
