//! Runs the commands of lifecycle hooks: programs on this machine, in no container.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::control::runtime::{HookOutcome, Invocation};

/// A function runs for at most 15 minutes (AWS Lambda developer guide, "Lambda quotas").
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// An answer is short; more output is read, and dropped.
const OUTPUT_KEPT: usize = 64 * 1024;

/// Runs a command until it ends. It is killed when it takes too long, or when nobody waits for it any more.
pub(crate) async fn run(invocation: &Invocation) -> HookOutcome {
    let Some((program, arguments)) = invocation.command.split_first() else {
        return HookOutcome::Failed("it has no command".to_owned());
    };
    let spawned = Command::new(program)
        .args(arguments)
        .current_dir(&invocation.folder)
        .envs(invocation.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let child = match spawned {
        Ok(child) => child,
        Err(error) => return HookOutcome::Failed(format!("cannot start {program}: {error}")),
    };
    match tokio::time::timeout(LONGEST, converse(child, invocation.event.clone())).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => HookOutcome::Failed(format!("cannot talk to {program}: {error}")),
        Err(_) => HookOutcome::Failed(format!("{program} ran for 15 minutes")),
    }
}

/// Writes the event, and reads both outputs meanwhile: a command that is not read from may never end.
async fn converse(mut child: Child, event: String) -> io::Result<HookOutcome> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let told = async {
        if let Some(mut stdin) = stdin {
            // A command need not read its event.
            let _ = stdin.write_all(event.as_bytes()).await;
        }
    };
    let ((), output, errors, status) = tokio::join!(told, read(stdout), read(stderr), child.wait());
    Ok(HookOutcome::Exited {
        code: status?.code(),
        output: output?,
        complaint: errors?.lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned()),
    })
}

/// Reads to the end; the last part is kept, where the answer is.
async fn read(from: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut from) = from else { return Ok(String::new()) };
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        kept.extend_from_slice(&buffer[..count]);
        let surplus = kept.len().saturating_sub(OUTPUT_KEPT);
        kept.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(script: &str) -> Invocation {
        Invocation {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            folder: std::env::temp_dir(),
            event: r#"{"lifecycleStage":"POST_SCALE_UP"}"#.to_owned(),
            environment: vec![("NEARGATE_SERVICE".to_owned(), "shop".to_owned())],
        }
    }

    fn exited(code: i32, output: &str, complaint: Option<&str>) -> HookOutcome {
        HookOutcome::Exited { code: Some(code), output: output.to_owned(), complaint: complaint.map(str::to_owned) }
    }

    #[tokio::test]
    async fn a_command_gets_the_event_and_answers() {
        let echo = invocation("echo \"$NEARGATE_SERVICE\"; cat");
        assert_eq!(run(&echo).await, exited(0, "shop\n{\"lifecycleStage\":\"POST_SCALE_UP\"}", None));
    }

    #[tokio::test]
    async fn a_command_need_not_read_its_event_and_may_say_a_lot() {
        let loud = invocation("head -c 200000 /dev/zero | tr '\\0' x; echo; echo last; echo no >&2; echo >&2; exit 3");
        let HookOutcome::Exited { code, output, complaint } = run(&loud).await else { panic!("it exited") };
        assert_eq!((code, complaint.as_deref()), (Some(3), Some("no")));
        assert!(output.len() <= OUTPUT_KEPT && output.ends_with("x\nlast\n"));
    }

    #[tokio::test]
    async fn a_command_that_does_not_exist_is_an_answer_too() {
        let missing = Invocation { command: vec!["./no-such-hook".to_owned()], ..invocation("") };
        let HookOutcome::Failed(why) = run(&missing).await else { panic!("it cannot start") };
        assert!(why.starts_with("cannot start ./no-such-hook: "), "{why}");
    }
}
