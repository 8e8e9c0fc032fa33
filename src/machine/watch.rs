//! Collects changing files until a moment passes without changes.
//!
//! Folders that no rule covers are not watched if possible: the `node_modules` of a single front end could exceed Linux's
//! limit of watches per user.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::ecs::images::watching::Rule;

/// A moment without a change ends the gathering: an editor writes a file in several steps, a checkout many files.
const QUIET: Duration = Duration::from_millis(150);
/// What changes all the time is handed on all the same.
const LONGEST: Duration = Duration::from_secs(2);

/// Watches the files of rules until dropped.
pub struct Watcher {
    rules: Vec<Rule>,
    /// Files that no rule is about.
    files: BTreeSet<PathBuf>,
    watcher: RecommendedWatcher,
    events: mpsc::UnboundedReceiver<notify::Result<Event>>,
    changed: BTreeSet<PathBuf>,
    began: Option<Instant>,
}

impl Watcher {
    /// Begins; `files` are watched beside what the rules mind, also those that are not there yet. The error is for the
    /// user.
    pub fn start(rules: Vec<Rule>, files: BTreeSet<PathBuf>) -> Result<Self, String> {
        // Unbounded, because the system's own thread must not wait; what comes is merged at once.
        let (sender, events) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event| {
            // The receiver is gone: the watching has ended.
            let _ = sender.send(event);
        });
        let watcher = watcher.map_err(|error| format!("files cannot be watched: {error}"))?;
        let mut this = Self { rules, files, watcher, events, changed: BTreeSet::new(), began: None };
        let paths: BTreeSet<PathBuf> = this.rules.iter().map(|rule| rule.watch.path.clone()).collect();
        for path in paths {
            // A file is watched by its folder: editors replace it by another one.
            let root = if path.is_dir() { path } else { path.parent().unwrap_or(&path).to_owned() };
            this.add(&root, true)?;
        }
        let folders: BTreeSet<PathBuf> =
            this.files.iter().filter_map(|file| file.parent()).map(Path::to_owned).collect();
        for folder in folders.into_iter().filter(|folder| !this.is_minded(folder)).collect::<Vec<_>>() {
            this.watch(&folder, RecursiveMode::NonRecursive)?;
        }
        Ok(this)
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The next changes. Cancel-safe: what has been gathered stays.
    pub async fn changes(&mut self) -> Result<BTreeSet<PathBuf>, String> {
        loop {
            let quiet_at = self.began.map(|began| (Instant::now() + QUIET).min(began + LONGEST));
            let silence = async {
                match quiet_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(Ok(event)) => self.take(event)?,
                    Some(Err(error)) => return Err(format!("files can no longer be watched: {error}")),
                    None => return Err("files can no longer be watched".to_owned()),
                },
                () = silence => {
                    self.began = None;
                    return Ok(std::mem::take(&mut self.changed));
                }
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<(), String> {
        if matches!(event.kind, EventKind::Access(_)) {
            return Ok(());
        }
        for path in event.paths {
            if matches!(event.kind, EventKind::Create(_) | EventKind::Modify(notify::event::ModifyKind::Name(_)))
                && path.is_dir()
            {
                self.add(&path, false)?;
                // Nothing else tells of what was put into it before it was watched.
                self.rules.iter().flat_map(|rule| files(rule, &path)).for_each(|file| {
                    self.began.get_or_insert_with(Instant::now);
                    self.changed.insert(file);
                });
            }
            if self.files.contains(&path) || self.rules.iter().any(|rule| rule.minds(&path)) {
                self.began.get_or_insert_with(Instant::now);
                self.changed.insert(path);
            }
        }
        Ok(())
    }

    /// Watches a folder, and those below it that a rule minds. Where a system watches whole trees at no cost, the roots
    /// are enough.
    fn add(&mut self, folder: &Path, is_root: bool) -> Result<(), String> {
        if !cfg!(target_os = "linux") {
            return if is_root { self.watch(folder, RecursiveMode::Recursive) } else { Ok(()) };
        }
        if !is_root && !self.is_minded(folder) {
            return Ok(());
        }
        self.watch(folder, RecursiveMode::NonRecursive)?;
        // A folder that cannot be read, or is gone again, has nothing to tell.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.add(&entry.path(), false)?;
            }
        }
        Ok(())
    }

    fn is_minded(&self, folder: &Path) -> bool {
        self.rules.iter().any(|rule| folder.starts_with(&rule.watch.path) && !rule.leaves_out_folder(folder))
    }

    fn watch(&mut self, folder: &Path, mode: RecursiveMode) -> Result<(), String> {
        match self.watcher.watch(folder, mode) {
            Ok(()) => Ok(()),
            Err(error) => match error.kind {
                notify::ErrorKind::PathNotFound => Ok(()),
                notify::ErrorKind::Io(ref cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
                notify::ErrorKind::MaxFilesWatch => Err(format!(
                    "too many folders to watch; leave some out in .dockerignore, or allow more: sudo sysctl \
                     fs.inotify.max_user_watches=524288 (at {})",
                    folder.display()
                )),
                _ => Err(format!("{} cannot be watched: {error}", folder.display())),
            },
        }
    }
}

/// The files in a folder, or the file itself, that a rule minds.
pub fn files(rule: &Rule, path: &Path) -> Vec<PathBuf> {
    let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    if !is_folder {
        return if path.symlink_metadata().is_ok() && rule.minds(path) { vec![path.to_owned()] } else { Vec::new() };
    }
    if rule.leaves_out_folder(path) || !path.starts_with(&rule.watch.path) {
        return Vec::new();
    }
    // A folder that cannot be read, or is gone again, has nothing to tell.
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.flat_map(|entry| files(rule, &entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::images::dockerignore::Dockerignore;
    use crate::ecs::images::watching;

    /// The rules of a container that is built from this folder.
    fn rules(folder: &Path, ignore: &str) -> Vec<Rule> {
        watching::rule_of_a_build(folder, Dockerignore::parse(ignore).unwrap())
    }

    async fn next(watcher: &mut Watcher) -> BTreeSet<PathBuf> {
        tokio::time::timeout(Duration::from_secs(30), watcher.changes()).await.expect("no change is seen").unwrap()
    }

    #[tokio::test]
    async fn changes_are_gathered_and_what_no_rule_minds_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("node_modules")).unwrap();
        let outside = tempfile::tempdir().unwrap();
        let file = outside.path().canonicalize().unwrap().join("neargate.yaml");
        let mut watcher = Watcher::start(rules(&root, "node_modules\n"), BTreeSet::from([file.clone()])).unwrap();
        let write = |path: &str| std::fs::write(root.join(path), "text").unwrap();
        write("node_modules/i.js");
        write("a.js");
        write("b.js");
        let changed = next(&mut watcher).await;
        assert_eq!(changed, BTreeSet::from([root.join("a.js"), root.join("b.js")]));

        std::fs::create_dir(root.join("new")).unwrap();
        assert!(next(&mut watcher).await.contains(&root.join("new")));
        write("new/c.js");
        assert_eq!(next(&mut watcher).await, BTreeSet::from([root.join("new/c.js")]), "new folders are watched");

        std::fs::remove_file(root.join("a.js")).unwrap();
        assert_eq!(next(&mut watcher).await, BTreeSet::from([root.join("a.js")]));

        std::fs::write(file.with_file_name("other"), "text").unwrap();
        std::fs::write(&file, "text").unwrap();
        assert_eq!(next(&mut watcher).await, BTreeSet::from([file]), "files beside the rules, once they are there");

        std::fs::create_dir_all(outside.path().join("moved/deep/node_modules")).unwrap();
        for name in ["d.js", "deep/e.js", "deep/node_modules/f.js"] {
            std::fs::write(outside.path().join("moved").join(name), "text").unwrap();
        }
        std::fs::rename(outside.path().join("moved"), root.join("moved")).unwrap();
        let moved = next(&mut watcher).await;
        let inside = ["moved", "moved/d.js", "moved/deep/e.js", "moved/deep/node_modules/f.js"];
        assert_eq!(moved, inside.map(|name| root.join(name)).into(), "all that has come in at once");
    }
}
