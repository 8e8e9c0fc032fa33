//! Reads and merges the files.

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

/// How many files stay open between two readings.
const KEPT_OPEN: usize = 256;

/// Reads all files below a folder, each from where the last reading ended. A stack that ends removes them meanwhile:
/// open files are read to their end, and missing files are not errors.
#[derive(Debug)]
pub struct LogReader {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Position>,
}

#[derive(Debug, Default)]
struct Position {
    file: Option<File>,
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
        for path in paths {
            self.files.entry(path).or_default();
        }
        let mut open = self.files.values().filter(|position| position.file.is_some()).count();
        let mut entries = Vec::new();
        for (path, position) in &mut self.files {
            let was_open = position.file.is_some();
            let Some(file) = position.read(path, &mut entries)? else { continue };
            if was_open || open < KEPT_OPEN {
                position.file = Some(file);
                open += usize::from(!was_open);
            }
        }
        // Stable: lines of one stream with one timestamp stay in the order they were written.
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }
}

impl Position {
    /// Reads on; `None` if the file is gone.
    fn read(&mut self, path: &Path, entries: &mut Vec<Entry>) -> io::Result<Option<File>> {
        let opened = match self.file.take() {
            Some(file) => Some(file),
            None => if_there(File::open(path))?,
        };
        let Some(mut file) = opened else { return Ok(None) };
        file.seek(SeekFrom::Start(self.offset))?;
        let read = file.read_to_end(&mut self.rest)?;
        self.offset += read as u64;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Some(file)) };
        let complete: Vec<u8> = self.rest.drain(..=end).collect();
        let (container, task) = stream_of(path);
        for line in String::from_utf8_lossy(&complete).lines() {
            if let Some(entry) = parse(line, &container, &task) {
                entries.push(entry);
            }
        }
        Ok(Some(file))
    }
}

/// Everything in one file that is complete; nothing if it is gone.
pub fn lines(path: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    // What cannot be read is as good as gone.
    let _ = Position::default().read(path, &mut entries);
    entries
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
    let Some(entries) = if_there(std::fs::read_dir(folder))? else { return Ok(()) };
    for entry in entries {
        let Some(entry) = if_there(entry)? else { continue };
        match if_there(entry.file_type())? {
            Some(kind) if kind.is_dir() => find_files(&entry.path(), found)?,
            Some(_) => found.push(entry.path()),
            None => {}
        }
    }
    Ok(())
}

/// `None` for a missing file.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn streams_are_merged_by_time_and_only_new_whole_lines_come_out() {
        let folder = tempfile::tempdir().unwrap();
        let web = crate::logs::containers::files::file_of(folder.path(), "/ecs/app", "ecs/web/t1");
        let api = crate::logs::containers::files::file_of(folder.path(), "/ecs/app", "ecs/api/t1");
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

    #[test]
    fn what_was_written_last_comes_out_although_the_files_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        let web = crate::logs::containers::files::file_of(&logs, "/ecs/app", "ecs/web/t1");
        std::fs::create_dir_all(web.parent().unwrap()).unwrap();
        std::fs::write(&web, "2026-01-01T00:00:01Z stdout one\n").unwrap();
        let mut reader = LogReader::new(&logs);
        assert_eq!(reader.read().unwrap().len(), 1);
        std::fs::OpenOptions::new()
            .append(true)
            .open(&web)
            .unwrap()
            .write_all(b"2026-01-01T00:00:02Z stdout bye\n")
            .unwrap();
        std::fs::remove_dir_all(&logs).unwrap();
        assert_eq!(reader.read().unwrap()[0].text, "bye");
        assert!(reader.read().unwrap().is_empty());
    }

    #[test]
    fn files_that_come_and_go_at_any_moment_are_no_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        std::thread::scope(|scope| {
            let changing = scope.spawn(|| {
                for round in 0..300 {
                    let path =
                        crate::logs::containers::files::file_of(&logs, "/ecs/app", &format!("ecs/web/t{}", round % 3));
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(&path, "2026-01-01T00:00:01Z stdout one\n").unwrap();
                    std::fs::remove_dir_all(&logs).unwrap();
                }
            });
            while !changing.is_finished() {
                LogReader::new(&logs).read().unwrap();
            }
        });
    }
}
