//! Reads and merges the files again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// One line, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When the engine got it.
    pub at: jiff::Timestamp,
    /// The container's name: the last part but one of the stream.
    pub container: String,
    /// The task's id: the last part of the stream.
    pub task: String,
    /// Standard error rather than standard output.
    pub stderr: bool,
    /// The line.
    pub text: String,
}

/// Reads all files below a folder, each from where the last reading ended.
#[derive(Debug)]
pub struct LogReader {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Position>,
}

#[derive(Debug, Default)]
struct Position {
    offset: u64,
    /// A line whose end is not written yet.
    rest: Vec<u8>,
}

impl LogReader {
    /// Starts at the beginning of every file.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), files: BTreeMap::new() }
    }

    /// What was written since the last call, in the order of its timestamps.
    pub fn read(&mut self) -> io::Result<Vec<Entry>> {
        let mut paths = Vec::new();
        find_files(&self.folder, &mut paths)?;
        let mut entries = Vec::new();
        for path in paths {
            let position = self.files.entry(path.clone()).or_default();
            position.read(&path, &mut entries)?;
        }
        // Stable: lines of one stream with one timestamp stay in the order they were written.
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }
}

impl Position {
    fn read(&mut self, path: &Path, entries: &mut Vec<Entry>) -> io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let read = file.read_to_end(&mut self.rest)?;
        self.offset += read as u64;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let complete: Vec<u8> = self.rest.drain(..=end).collect();
        let (container, task) = stream_of(path);
        for line in String::from_utf8_lossy(&complete).lines() {
            if let Some(entry) = parse(line, &container, &task) {
                entries.push(entry);
            }
        }
        Ok(())
    }
}

fn stream_of(path: &Path) -> (String, String) {
    let name = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    (name(path.parent().and_then(Path::file_name)), name(path.file_stem()))
}

fn parse(line: &str, container: &str, task: &str) -> Option<Entry> {
    let (at, rest) = line.split_once(' ')?;
    let (stream, text) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(Entry {
        at: at.parse().ok()?,
        container: container.to_owned(),
        task: task.to_owned(),
        stderr: stream == "stderr",
        text: text.to_owned(),
    })
}

fn find_files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            find_files(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn streams_are_merged_by_time_and_only_new_whole_lines_come_out() {
        let folder = tempfile::tempdir().unwrap();
        let web = crate::logs::file_of(folder.path(), "/ecs/app", "ecs/web/t1");
        let api = crate::logs::file_of(folder.path(), "/ecs/app", "ecs/api/t1");
        for path in [&web, &api] {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        std::fs::write(&web, "2026-01-01T00:00:01Z stdout one\n2026-01-01T00:00:03Z stdout th").unwrap();
        std::fs::write(&api, "2026-01-01T00:00:02Z stderr two\n").unwrap();

        let mut reader = LogReader::new(folder.path());
        let texts = |entries: Vec<Entry>| -> Vec<String> {
            entries.into_iter().map(|entry| format!("{} {}", entry.container, entry.text)).collect()
        };
        assert_eq!(texts(reader.read().unwrap()), ["web one", "api two"]);
        std::fs::OpenOptions::new().append(true).open(&web).unwrap().write_all(b"ree\n").unwrap();
        assert_eq!(texts(reader.read().unwrap()), ["web three"]);
        assert!(reader.read().unwrap().is_empty());
    }
}
