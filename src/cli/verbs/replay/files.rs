//! The log files among what was named: files, and folders as they come from S3.

use std::io;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;

/// Access logs, and how many files are something else.
#[derive(Debug, Default)]
pub(super) struct LogFiles {
    /// In the order of their names.
    pub(super) logs: Vec<Log>,
    /// Connection logs, health check logs, test files.
    pub(super) skipped: usize,
}

/// A file of an access log.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// All of them; a folder stands for what is in it and below.
pub(super) fn find(named: &[PathBuf]) -> Result<LogFiles, Failure> {
    let mut found = LogFiles::default();
    for path in named {
        if path == Path::new("-") {
            found.logs.push(Log { path: path.clone(), bytes: 0 });
            continue;
        }
        add(path, true, &mut found).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    }
    found.logs.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn add(path: &Path, is_named: bool, found: &mut LogFiles) -> io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            add(&entry?.path(), false, found)?;
        }
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let other =
        name.starts_with("conn_log_") || name.starts_with("health_check_log_") || name == "ELBAccessLogTestFile";
    let is_log = name.ends_with(".log") || name.ends_with(".gz") || name.ends_with(".txt");
    if other || (!is_named && !is_log) {
        found.skipped += 1;
    } else {
        found.logs.push(Log { path: path.to_owned(), bytes: metadata.len() });
    }
    Ok(())
}
