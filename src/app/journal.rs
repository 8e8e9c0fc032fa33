//! The journal on disk: changes that commands made to the file's declarations, intact after a crash at any moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::control::desired::edit::Edit;
use crate::control::desired::journal;

/// The content of a journal, read once at the start. Without changes there is no journal.
pub(super) fn read(path: &Path) -> io::Result<Vec<Edit>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map(|bytes| journal::read(&bytes)),
    }
}

/// A journal open for writing.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Created when there is something to write.
    file: Option<File>,
    /// What its lines lead to.
    written: Vec<Edit>,
}

impl Journal {
    /// A journal with just these edits, in place of the one that was there: what lines before have taken back, or a
    /// crash has torn, is gone from it.
    pub(super) fn begin(path: PathBuf, edits: Vec<Edit>) -> io::Result<Self> {
        if edits.is_empty() {
            fs::remove_file(&path).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
            return Ok(Self { path, file: None, written: edits });
        }
        let beside = path.with_extension("new");
        let mut file = open(&beside, true)?;
        append(&mut file, &edits)?;
        fs::rename(&beside, &path)?;
        sync_folder(&path)?;
        Ok(Self { path, file: Some(file), written: edits })
    }

    /// Appends what leads to these edits. They survive the process, and a power cut, when this returns.
    pub(super) fn keep(&mut self, edits: Vec<Edit>) -> io::Result<()> {
        let new = journal::appended(&self.written, &edits);
        if new.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = open(&self.path, false)?;
                sync_folder(&self.path)?;
                none.insert(file)
            }
        };
        append(file, &new)?;
        self.written = edits;
        Ok(())
    }
}

fn open(path: &Path, anew: bool) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).append(!anew).truncate(anew).mode(0o600).open(path)
}

fn append(file: &mut File, edits: &[Edit]) -> io::Result<()> {
    let lines: String = edits.iter().map(journal::line).collect();
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

/// A new name lasts when its folder is on the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::desired::edit::Departure;

    fn count(service: &str, to: u32) -> Edit {
        Edit::UpdateService { service: service.into(), desired_count: Some(Departure { to, from: 1 }) }
    }

    #[test]
    fn what_was_kept_is_there_after_a_crash_in_the_next_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut journal = Journal::begin(path.clone(), Vec::new()).expect("a journal");
        assert!(!path.exists(), "nothing was changed");
        journal.keep(vec![count("a", 2)]).expect("kept");
        journal.keep(vec![count("b", 5)]).expect("kept");
        drop(journal);

        let torn = [fs::read(&path).expect("text"), b"5a0f3b21 {\"action\":\"Upd".to_vec()].concat();
        fs::write(&path, torn).expect("written");
        let edits = read(&path).expect("read");
        let taken_back = Edit::UpdateService { service: "a".into(), desired_count: None };
        assert_eq!(edits, [count("a", 2), taken_back, count("b", 5)]);

        let mut journal = Journal::begin(path.clone(), vec![count("b", 5)]).expect("compacted");
        journal.keep(vec![count("b", 5), count("c", 3)]).expect("kept");
        assert_eq!(read(&path).expect("read"), [count("b", 5), count("c", 3)], "the torn line is gone");
    }
}
