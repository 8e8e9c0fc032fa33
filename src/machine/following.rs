//! Tells when files below a folder have grown, so that whoever follows them need not look ten times a second.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// What is written within this time is read together. Also how often files are looked at that cannot be watched.
const GATHERING: Duration = Duration::from_millis(100);
/// Files are looked at this often even if nothing tells of them: some file systems have nothing to tell.
const LONGEST: Duration = Duration::from_secs(2);

/// A folder, which may come later.
pub struct Following {
    folder: PathBuf,
    grown: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
}

impl Following {
    /// Begins, if the folder is there.
    pub fn of(folder: impl Into<PathBuf>) -> Self {
        let mut this = Self { folder: folder.into(), grown: Arc::default(), watcher: None };
        this.watch();
        this
    }

    /// Waits until it is worth while to read on. Cancelled, it may forget what it saw: read on then too.
    pub async fn grown(&mut self) {
        if self.watcher.is_some() {
            let _ = tokio::time::timeout(LONGEST, self.grown.notified()).await;
        } else {
            self.watch();
        }
        tokio::time::sleep(GATHERING).await;
    }

    /// Where this fails, the files are looked at all the time.
    fn watch(&mut self) {
        self.watcher = watcher(&self.folder, Arc::clone(&self.grown)).ok();
    }
}

fn watcher(folder: &Path, grown: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if !matches!(event, Ok(Event { kind: EventKind::Access(_), .. })) {
            grown.notify_one();
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[tokio::test]
    async fn a_file_of_a_new_folder_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        let mut following = Following::of(&logs);
        assert!(following.watcher.is_none(), "not there yet");
        std::fs::create_dir_all(logs.join("web")).unwrap();
        following.grown().await;
        assert!(following.watcher.is_some());

        let mut file = std::fs::File::create(logs.join("web/1.log")).unwrap();
        file.write_all(b"a line\n").unwrap();
        // Without the time limit of `grown`.
        following.grown.notified().await;
    }
}
