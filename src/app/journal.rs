//! The journal on disk: changes by anyone but the file, intact after a crash at any moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::control::ControlHandle;
use crate::control::desired::edit::Edit;
use crate::control::desired::journal::{self, Base, Entry};
use crate::control::desired::state::Desired;

/// The content of a journal, read once at the start. Without changes there is no journal.
pub(super) fn read(path: &Path) -> io::Result<Vec<Entry>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map(|bytes| journal::read(&bytes)),
    }
}

/// Writes what is wanted into the journal. It is read when it is its turn, so that nothing older is written after it.
pub(super) async fn keep(control: ControlHandle, journal: Arc<Mutex<Journal>>) -> io::Result<()> {
    let kept = move || {
        let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.keep(&control.desired())
    };
    tokio::task::spawn_blocking(kept).await.map_err(io::Error::other).flatten()
}

/// A journal open for writing.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Created when there is something to write.
    written: Option<Written>,
}

#[derive(Debug)]
struct Written {
    file: File,
    base: Arc<Base>,
    edits: usize,
}

impl Journal {
    /// A journal that leads to this state, in place of the one that was there: what a crash has torn is gone from it.
    pub(super) fn begin(path: PathBuf, desired: &Desired) -> io::Result<Self> {
        let mut journal = Self { path, written: None };
        match desired.history() {
            Some((base, edits)) => journal.replace(base, edits)?,
            None => journal.remove()?,
        }
        Ok(journal)
    }

    /// Writes what leads to this state. It survives the process, and a power cut, when this returns.
    pub(super) fn keep(&mut self, desired: &Desired) -> io::Result<()> {
        let Some((base, edits)) = desired.history() else { return self.remove() };
        match &mut self.written {
            Some(written) if Arc::ptr_eq(&written.base, base) => {
                append(
                    &mut written.file,
                    edits.iter().skip(written.edits).map(|edit| journal::edit_line(edit)).collect(),
                )?;
                written.edits = edits.len();
                Ok(())
            }
            _ => self.replace(base, edits),
        }
    }

    fn replace(&mut self, base: &Arc<Base>, edits: &[Arc<Edit>]) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
        let edit_lines = edits.iter().map(|edit| journal::edit_line(edit));
        append(&mut file, [journal::base_line(base)].into_iter().chain(edit_lines).collect())?;
        fs::rename(&beside, &self.path)?;
        sync_folder(&self.path)?;
        self.written = Some(Written { file, base: Arc::clone(base), edits: edits.len() });
        Ok(())
    }

    fn remove(&mut self) -> io::Result<()> {
        self.written = None;
        match fs::remove_file(&self.path) {
            Ok(()) => sync_folder(&self.path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn append(file: &mut File, lines: String) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
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
    use crate::config::{Source, Tasks, load};
    use crate::model::SecurityGroupName;

    const FILE: &str = "name: p\ndomain: app.example.com\nload_balancer: { listeners: [ { port: 80, protocol: HTTP, \
         default_action: { fixed_response: { content_type: text/plain, status_code: 200 } } } ] }\n";

    fn file() -> Desired {
        let source = Source {
            path: Path::new("neargate.yaml"),
            folder: Path::new("/p"),
            text: FILE,
            overrides: &[],
            env_files: Some(&[]),
            read_file: &|_| Err(io::ErrorKind::NotFound.into()),
            unusable_certificate: &|_, _| None,
            env: &|_| None,
            tasks: Tasks::Run,
        };
        Desired::from(Arc::new(load(source).expect("a good file").topology))
    }

    fn with(mut desired: Desired, group: &str) -> Desired {
        let security_group = SecurityGroupName::new(group);
        desired.edit(Edit::CreateSecurityGroup { security_group }).expect("a new name");
        desired
    }

    fn without(mut desired: Desired, group: &str) -> Desired {
        let security_group = SecurityGroupName::new(group);
        desired.edit(Edit::DeleteSecurityGroup { security_group }).expect("nothing is in it");
        desired
    }

    #[test]
    fn what_was_kept_is_there_after_a_crash_in_the_next_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let file = file();
        let restored = || Desired::restored(Arc::clone(file.declared()), &read(&path).expect("read")).expect("fits");

        let mut journal = Journal::begin(path.clone(), &file).expect("a journal");
        assert!(!path.exists(), "nothing was changed");
        let changed = with(file.clone(), "a");
        journal.keep(&changed).expect("kept");
        let first = fs::read(&path).expect("text");
        let changed = with(changed, "b");
        journal.keep(&changed).expect("kept");
        let second = fs::read(&path).expect("text");
        assert!(second.starts_with(&first) && second.len() > first.len(), "one more line, and the others untouched");
        drop(journal);

        fs::write(&path, [&second, &b"5a0f3b21 {\"action\":\"Upd"[..]].concat()).expect("written");
        assert_eq!(restored().topology(), changed.topology());
        let mut journal = Journal::begin(path.clone(), &restored()).expect("compacted");
        let changed = with(restored(), "c");
        journal.keep(&changed).expect("kept");
        assert_eq!(restored().topology(), changed.topology(), "the torn line is gone");

        let back = ["a", "b", "c"].into_iter().fold(changed, without);
        journal.keep(&back).expect("kept");
        assert!(!path.exists(), "what the file says needs no journal");
    }
}
