//! A container's output, line by line.
//!
//! The engine cuts lines of more than 16 KiB into pieces, each with a time of its own and without a line end; they
//! are put together again here, up to the limit of CloudWatch Logs.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::control::runtime::{LogLine, RuntimeError};
use crate::model::{ContainerName, TaskId};

use super::DockerRuntime;
use super::error::{self, runtime_error};

/// The largest event the awslogs driver sends before it splits a line (ECS developer guide, "Using the awslogs log
/// driver": 256 KiB).
const LINE_LIMIT: usize = 256 * 1024;

impl DockerRuntime {
    pub(super) async fn follow(
        &self,
        task: &TaskId,
        container: &ContainerName,
        lines: mpsc::Sender<LogLine>,
    ) -> Result<(), RuntimeError> {
        let Some(id) = self.container_id(task, container).await? else { return Ok(()) };
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).timestamps(true).build();
        let mut output = self.engine.docker().logs(&id, Some(options));
        let mut assembler = Assembler::default();
        loop {
            let piece = tokio::select! {
                () = lines.closed() => return Ok(()),
                piece = output.next() => piece,
            };
            let complete = match piece {
                Some(Ok(piece)) => assembler.feed(&piece),
                Some(Err(error)) if error::is_not_found(&error) => break,
                Some(Err(error)) => return Err(runtime_error(&error, &format!("reading the output of {container}"))),
                None => break,
            };
            for line in complete {
                if lines.send(line).await.is_err() {
                    return Ok(());
                }
            }
        }
        for line in assembler.finish() {
            let _ = lines.send(line).await;
        }
        Ok(())
    }
}

/// Puts pieces together into lines.
#[derive(Default)]
struct Assembler {
    stdout: Pending,
    stderr: Pending,
}

#[derive(Default)]
struct Pending {
    at: Option<jiff::Timestamp>,
    text: Vec<u8>,
}

impl Assembler {
    fn feed(&mut self, piece: &LogOutput) -> Vec<LogLine> {
        let (pending, stderr, bytes) = match piece {
            LogOutput::StdErr { message } => (&mut self.stderr, true, message),
            LogOutput::StdOut { message } | LogOutput::Console { message } => (&mut self.stdout, false, message),
            LogOutput::StdIn { .. } => return Vec::new(),
        };
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (at, text) = timestamp(part);
            pending.at = pending.at.or(at);
            pending.text.extend_from_slice(text);
            if text.ends_with(b"\n") || pending.text.len() >= LINE_LIMIT {
                lines.extend(pending.take(stderr));
            }
        }
        lines
    }

    fn finish(&mut self) -> impl Iterator<Item = LogLine> {
        [self.stdout.take(false), self.stderr.take(true)].into_iter().flatten()
    }
}

impl Pending {
    fn take(&mut self, stderr: bool) -> Option<LogLine> {
        let at = self.at.take()?;
        let text = std::mem::take(&mut self.text);
        let text = String::from_utf8_lossy(&text);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Some(LogLine { at, stderr, text: text.to_owned() })
    }
}

/// Splits the time off the front of a piece.
fn timestamp(part: &[u8]) -> (Option<jiff::Timestamp>, &[u8]) {
    let space = part.iter().take(40).position(|byte| *byte == b' ');
    let parsed = space.and_then(|space| {
        let (time, rest) = part.split_at(space);
        let time = std::str::from_utf8(time).ok()?.parse::<jiff::Timestamp>().ok()?;
        Some((Some(time), rest.get(1..)?))
    });
    parsed.unwrap_or((None, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-11-22T10:00:00.000000001Z";

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut { message: text.to_owned().into() }
    }

    fn texts(pieces: &[LogOutput]) -> Vec<String> {
        let mut assembler = Assembler::default();
        let mut lines: Vec<LogLine> = pieces.iter().flat_map(|piece| assembler.feed(piece)).collect();
        lines.extend(assembler.finish());
        assert!(lines.iter().all(|line| line.at.to_string() == AT));
        lines.into_iter().map(|line| format!("{}{}", if line.stderr { "! " } else { "" }, line.text)).collect()
    }

    #[test]
    fn pieces_become_lines() {
        assert_eq!(texts(&[out(&format!("{AT} one\n")), out(&format!("{AT} two\r\n"))]), ["one", "two"]);
        assert_eq!(texts(&[out(&format!("{AT} a\n{AT} b\n"))]), ["a", "b"], "several in one piece");
        assert_eq!(texts(&[out(&format!("{AT} \n"))]), [""], "an empty line is a line");
        assert_eq!(texts(&[out(&format!("{AT} no end"))]), ["no end"], "the last line of a container");
    }

    #[test]
    fn a_long_line_is_put_together_beside_the_other_stream() {
        let half = "x".repeat(16 * 1024);
        let error = LogOutput::StdErr { message: format!("{AT} oops\n").into() };
        let pieces = [out(&format!("{AT} {half}")), error, out(&format!("{AT} {half}\n"))];
        assert_eq!(texts(&pieces), ["! oops".to_owned(), half.repeat(2)]);
    }

    #[test]
    fn a_line_without_end_is_cut_at_the_limit() {
        let piece = out(&format!("{AT} {}", "x".repeat(16 * 1024)));
        let lines = texts(&vec![piece; 17]);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [LINE_LIMIT, 16 * 1024]);
    }
}
