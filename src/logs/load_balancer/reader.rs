//! Reads the files for `neargate logs --access`, without a running process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;

use crate::alb::logs::key::LogKind;

/// What names of all log files of a load balancer have in them.
const INFIX: &str = "_elasticloadbalancing_";

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What the line says of when it happened.
    pub at: Timestamp,
    /// The whole line.
    pub text: String,
}

/// Reads the files of one log, each from where the last reading ended.
#[derive(Debug)]
pub struct RecordReader {
    folder: PathBuf,
    wanted: Wanted,
    /// By the name that a file has before it is compressed.
    read: BTreeMap<PathBuf, Position>,
}

#[derive(Debug, Default)]
struct Position {
    offset: u64,
    /// A line whose end is not written yet.
    rest: Vec<u8>,
    /// It was compressed, so nothing comes any more.
    finished: bool,
}

impl Position {
    /// Reads on, if there is something to read on from: a file may be replaced by its compressed form at any time, and
    /// is then read on the next occasion.
    fn read_on(&mut self, path: &Path, compressed: bool) -> io::Result<()> {
        if self.finished {
            return Ok(());
        }
        let Some(mut file) = if_there(File::open(path))? else { return Ok(()) };
        if compressed {
            let mut whole = MultiGzDecoder::new(file);
            io::copy(&mut whole.by_ref().take(self.offset), &mut io::sink())?;
            whole.read_to_end(&mut self.rest)?;
            self.finished = true;
        } else {
            file.seek(SeekFrom::Start(self.offset))?;
            self.offset += file.read_to_end(&mut self.rest)? as u64;
        }
        Ok(())
    }
}

impl RecordReader {
    /// Starts at the beginning of every file: of one load balancer, or of all.
    pub fn new(folder: impl Into<PathBuf>, kind: LogKind, load_balancer: Option<String>) -> Self {
        Self { folder: folder.into(), wanted: Wanted { kind, load_balancer }, read: BTreeMap::new() }
    }

    /// What was written since the last call, in the order of the lines' own times.
    pub fn read(&mut self) -> io::Result<Vec<Line>> {
        let mut paths = Vec::new();
        find(&self.folder, &self.wanted, &mut paths)?;
        // Compressed ones first: if both forms are there, the other is about to go.
        paths.sort_by_key(|path| path.extension().is_none_or(|extension| extension != "gz"));
        let mut lines = Vec::new();
        for path in paths {
            let compressed = path.extension().is_some_and(|extension| extension == "gz");
            let name = if compressed { path.with_extension("") } else { path.clone() };
            let position = self.read.entry(name).or_default();
            position.read_on(&path, compressed)?;
            let Some(end) = position.rest.iter().rposition(|byte| *byte == b'\n') else { continue };
            let complete: Vec<u8> = position.rest.drain(..=end).collect();
            let text = String::from_utf8_lossy(&complete);
            lines.extend(text.lines().map(|line| Line { at: time_of(self.wanted.kind, line), text: line.to_owned() }));
        }
        // Stable: what happened at one time stays in the order it was written.
        lines.sort_by_key(|line| line.at);
        Ok(lines)
    }
}

/// The first field that is a time: the first of connections, the second of the others.
fn time_of(kind: LogKind, line: &str) -> Timestamp {
    let field = if kind == LogKind::Connection { 0 } else { 1 };
    let text = line.split(' ').nth(field).unwrap_or_default();
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A stack that ends removes the files meanwhile: missing files are not errors.
fn find(folder: &Path, wanted: &Wanted, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let Some(entries) = if_there(std::fs::read_dir(folder))? else { return Ok(()) };
    for entry in entries {
        let Some(entry) = if_there(entry)? else { continue };
        let Some(file_type) = if_there(entry.file_type())? else { continue };
        if file_type.is_dir() {
            find(&entry.path(), wanted, found)?;
        } else if wanted.is_in(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
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

/// Which files are read.
#[derive(Debug)]
struct Wanted {
    kind: LogKind,
    load_balancer: Option<String>,
}

impl Wanted {
    /// Names begin with a word for the log, or, for access logs, with the account. In the middle is the load balancer.
    fn is_in(&self, name: &str) -> bool {
        let start =
            name.split(INFIX).next().unwrap_or_default().trim_end_matches(|letter: char| letter.is_ascii_digit());
        let ends_well = name.ends_with(".log") || name.ends_with(".log.gz");
        let is_of_it = self.load_balancer.as_ref().is_none_or(|balancer| name.contains(&format!("_app.{balancer}.")));
        name.contains(INFIX) && start == self.kind.file_prefix() && ends_well && is_of_it
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_says_which_log_it_is_of() {
        let name = "111122223333_elasticloadbalancing_us-east-1_app.a.1_20220215T2340Z_127.0.0.1_abcdefgh.log";
        let is_of = |kind, name: &str| Wanted { kind, load_balancer: None }.is_in(name);
        for kind in [LogKind::Access, LogKind::Connection, LogKind::HealthCheck] {
            assert_eq!(is_of(kind, name), kind == LogKind::Access);
            assert_eq!(is_of(kind, &format!("conn_log_{name}")), kind == LogKind::Connection);
            assert_eq!(is_of(kind, &format!("health_check_log_{name}")), kind == LogKind::HealthCheck);
        }
        assert!(is_of(LogKind::Access, &format!("{name}.gz")));
        assert!(!is_of(LogKind::Access, &format!("{name}.part")), "not complete yet");
        assert!(!is_of(LogKind::Access, "notes.txt"));
        let of = |balancer: &str| Wanted { kind: LogKind::Access, load_balancer: Some(balancer.to_owned()) };
        assert!(of("a").is_in(name) && !of("b").is_in(name));
    }
}
