//! The file of one container's output. While the disk is full, only the lines of that time are lost: the file then says
//! how many are missing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::control::runtime::LogLine;

/// Appends lines to a file, which it makes when the first one comes.
pub(super) struct Keeper {
    path: PathBuf,
    file: Option<File>,
    /// Lines since the last that was written.
    lost: usize,
    /// Whether the file ends in the middle of a line.
    torn: bool,
    /// Whether the last try failed, which was said then.
    fails: bool,
}

impl Keeper {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None, lost: 0, torn: false, fails: false }
    }

    /// Appends lines; those that cannot be written are counted.
    pub(super) fn keep(&mut self, lines: &[LogLine]) {
        let Some(first) = lines.first() else { return };
        let mut text = String::new();
        if self.torn {
            text.push('\n');
        }
        if self.lost > 0 {
            text.push_str(&format!("{} stderr neargate: {} lines are missing here\n", first.at, self.lost));
        }
        let before = text.matches('\n').count();
        for line in lines {
            let stream = if line.stderr { "stderr" } else { "stdout" };
            text.push_str(&format!("{} {stream} {}\n", line.at, line.text));
        }

        let (written, result) = self.append(text.as_bytes());
        let written = &text.as_bytes()[..written];
        self.torn = written.last().map_or(self.torn, |last| *last != b'\n');
        let ended = written.iter().filter(|byte| **byte == b'\n').count();
        let says_what_is_missing = !written.is_empty() && ended >= before;
        let lost_before = if says_what_is_missing { 0 } else { self.lost };
        self.lost = lost_before + lines.len() - ended.saturating_sub(before);
        match result {
            Ok(()) => self.fails = false,
            Err(error) => {
                // Opened again for the next lines: this one may be of a disk that is gone.
                self.file = None;
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::warn!(path = %self.path.display(), %error, "cannot keep a container's output");
                }
            }
        }
    }

    /// How many bytes were written, and why no more.
    fn append(&mut self, text: &[u8]) -> (usize, io::Result<()>) {
        let file = match &mut self.file {
            Some(file) => file,
            None => match self.open() {
                Ok(file) => self.file.insert(file),
                Err(error) => return (0, Err(error)),
            },
        };
        let mut written = 0;
        while written < text.len() {
            match file.write(&text[written..]) {
                Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }

    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        OpenOptions::new().create(true).append(true).open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-11-22T10:00:00Z";

    fn lines(texts: &[&str]) -> Vec<LogLine> {
        let line = |text: &&str| LogLine { at: AT.parse().unwrap(), stderr: false, text: (*text).to_owned() };
        texts.iter().map(line).collect()
    }

    #[test]
    fn what_cannot_be_written_is_missing_and_what_follows_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("group");
        let path = blocked.join("stream");
        let mut keeper = Keeper::new(path.clone());
        keeper.keep(&lines(&["one"]));
        // The disk goes away: a file where the folder was.
        std::fs::remove_dir_all(&blocked).unwrap();
        std::fs::write(&blocked, "").unwrap();
        keeper.file = None;
        keeper.keep(&lines(&["two", "three"]));
        keeper.keep(&lines(&["four"]));
        std::fs::remove_file(&blocked).unwrap();
        keeper.keep(&lines(&["five"]));
        keeper.keep(&lines(&["six"]));
        let text = std::fs::read_to_string(path).unwrap();
        let expected = ["stderr neargate: 3 lines are missing here", "stdout five", "stdout six"];
        assert_eq!(text, expected.map(|line| format!("{AT} {line}\n")).concat());
    }

    #[test]
    fn a_full_disk_is_counted_and_a_torn_line_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stream");
        let mut keeper = Keeper::new(path.clone());
        keeper.keep(&lines(&["one"]));
        let Ok(full) = OpenOptions::new().append(true).open("/dev/full") else { return };
        keeper.file = Some(full);
        keeper.keep(&lines(&["two", "three"]));
        assert_eq!(keeper.lost, 2);
        // Half of a line had reached the disk.
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"2026-11-22T10:0").unwrap();
        keeper.torn = true;
        keeper.keep(&lines(&["four"]));
        let text = std::fs::read_to_string(path).unwrap();
        let expected = ["stdout one", "stderr neargate: 2 lines are missing here", "stdout four"];
        let expected = expected.map(|line| format!("{AT} {line}\n"));
        assert_eq!(text, format!("{}2026-11-22T10:0\n{}", expected[0], expected[1..].concat()));
    }
}
