//! A container's output, line by line.
//!
//! The engine splits lines of more than 16 KiB into pieces, each with its own time and without a line end. This module
//! joins them again, up to the limit of CloudWatch Logs.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::control::runtime::{LogLine, RuntimeError};
use crate::model::{ContainerName, TaskId};

use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::error::runtime_error;
use crate::runtime::docker::runtime::DockerRuntime;

/// The maximum size of an event before the awslogs driver splits a line (ECS developer guide, "Using the awslogs log
/// driver": 256 KiB).
const LINE_LIMIT: usize = 256 * 1024;

impl DockerRuntime {
    pub(crate) async fn follow(
        &self,
        task: &TaskId,
        container: &ContainerName,
        lines: mpsc::Sender<LogLine>,
    ) -> Result<(), RuntimeError> {
        let Some(id) = self.container_id(task, container).await? else { return Ok(()) };
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true);
        let mut assembler = Assembler::default();
        for follow in [true, false] {
            // When a container ends, engines up to 20.10 sometimes end the following before its last words, which
            // are the ones that matter after a crash. So the end is read once more.
            let options = options.clone().follow(follow).since(assembler.resume_second()).build();
            let mut output = self.engine.docker().logs(&id, Some(options));
            loop {
                let piece = tokio::select! {
                    () = lines.closed() => return Ok(()),
                    piece = output.next() => piece,
                };
                let complete = match piece {
                    Some(Ok(piece)) if follow => assembler.feed(&piece),
                    Some(Ok(piece)) => assembler.feed_news(&piece),
                    Some(Err(error)) if error::is_not_found(&error) || !follow => break,
                    Some(Err(error)) => {
                        return Err(runtime_error(error, &format!("reading the output of {container}")));
                    }
                    None => break,
                };
                for line in complete {
                    if lines.send(line).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        for line in assembler.finish() {
            let _ = lines.send(line).await;
        }
        Ok(())
    }
}

/// Joins pieces to lines.
#[derive(Default)]
struct Assembler {
    stdout: Pending,
    stderr: Pending,
}

#[derive(Default)]
struct Pending {
    at: Option<jiff::Timestamp>,
    text: Vec<u8>,
    /// The time of the latest piece.
    last: Option<jiff::Timestamp>,
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
            pending.last = at.or(pending.last);
            pending.text.extend_from_slice(text);
            if text.ends_with(b"\n") || pending.text.len() >= LINE_LIMIT {
                lines.extend(pending.take(stderr));
            }
        }
        lines
    }

    /// Accepts lines that are later than any line before.
    fn feed_news(&mut self, piece: &LogOutput) -> Vec<LogLine> {
        let seen = match piece {
            LogOutput::StdErr { .. } => self.stderr.last,
            _ => self.stdout.last,
        };
        let (at, _) = timestamp(piece.as_ref());
        if at.is_some_and(|at| seen.is_none_or(|seen| at > seen)) { self.feed(piece) } else { Vec::new() }
    }

    /// The second from which to continue reading: the engine keeps both streams in one sequence, in which times may be
    /// slightly out of order.
    fn resume_second(&self) -> i32 {
        let last = self.stdout.last.max(self.stderr.last);
        last.and_then(|at| i32::try_from(at.as_second() - 1).ok()).unwrap_or_default()
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
    fn what_is_read_again_at_the_end_is_only_the_news() {
        let later = AT.replace("01Z", "02Z");
        let mut assembler = Assembler::default();
        assembler.feed(&out(&format!("{AT} one\n")));
        assert!(assembler.feed_news(&out(&format!("{AT} one\n"))).is_empty());
        assert_eq!(assembler.feed_news(&out(&format!("{later} last words\n")))[0].text, "last words");
        let error = LogOutput::StdErr { message: format!("{AT} oops\n").into() };
        assert_eq!(assembler.feed_news(&error)[0].text, "oops", "of a stream that had said nothing");
    }

    #[test]
    fn a_line_without_end_is_cut_at_the_limit() {
        let piece = out(&format!("{AT} {}", "x".repeat(16 * 1024)));
        let lines = texts(&vec![piece; 17]);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [LINE_LIMIT, 16 * 1024]);
    }
}
