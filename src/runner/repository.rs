//! The local repository: the facts of a run, and the working tree in a copy.
//!
//! A copy, because steps change what they check out (`sed` on a task definition, `npm ci`), and because a fresh checkout
//! has no ignored files: what works only with them fails on GitHub, and here. It is a clone that shares its objects, with
//! the changes that are not committed yet on top, since those are what a person wants to try.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::pipeline::github::Facts;

/// A repository on this machine.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its top.
    pub top: PathBuf,
}

impl Repository {
    /// The one that a folder is in.
    pub fn of(folder: &Path) -> Result<Self, String> {
        let top = git(folder, &["rev-parse", "--show-toplevel"]).map_err(|why| {
            format!("{}: not in a git repository, from which a run has its facts ({why})", folder.display())
        })?;
        Ok(Self { top: PathBuf::from(top) })
    }

    /// The commit, the branch, the repository's name.
    pub fn facts(&self, event_name: &str) -> Result<Facts, String> {
        let ask = |words: &[&str]| git(&self.top, words).ok().filter(|answer| !answer.is_empty());
        let sha = ask(&["rev-parse", "--verify", "HEAD"])
            .ok_or_else(|| format!("{}: the repository has no commit yet", self.top.display()))?;
        let tag = || ask(&["describe", "--tags", "--exact-match"]).map(|tag| format!("refs/tags/{tag}"));
        let reference =
            ask(&["symbolic-ref", "-q", "HEAD"]).or_else(tag).unwrap_or_else(|| "refs/heads/main".to_owned());
        let remote = ask(&["remote", "get-url", "origin"]).as_deref().and_then(name_of);
        let folder = self.top.file_name().map_or("repository".into(), |name| name.to_string_lossy().into_owned());
        let repository = remote.unwrap_or_else(|| format!("local/{folder}"));
        let owner = repository.split('/').next().unwrap_or_default().to_owned();
        Ok(Facts {
            actor: ask(&["config", "github.user"]).unwrap_or(owner),
            repository,
            sha,
            reference,
            event_name: event_name.to_owned(),
            run_id: std::process::id().to_string(),
            os: if cfg!(target_os = "macos") { "macOS" } else { "Linux" }.to_owned(),
            arch: if cfg!(target_arch = "aarch64") { "ARM64" } else { "X64" }.to_owned(),
            ..Facts::default()
        })
    }

    /// Puts the working tree at `to`: at a commit, or as it is.
    pub(super) fn check_out(&self, to: &Path, commit: Option<&str>, url: &str) -> Result<(), String> {
        let (here, there) = (self.top.display().to_string(), to.display().to_string());
        git(&self.top, &["clone", "-q", "--shared", "--no-checkout", "--", &here, &there])?;
        let head = git(&self.top, &["rev-parse", "--verify", "HEAD"])?;
        git(to, &["checkout", "-q", "--detach", commit.unwrap_or(&head)])?;
        git(to, &["remote", "set-url", "origin", url])?;
        if commit.is_none() {
            for path in self.changed()? {
                self.bring(&path, to).map_err(|error| format!("{path}: {error}"))?;
            }
        }
        Ok(())
    }

    /// Whether a name of a branch, a tag or a commit is another commit than the one that is checked out.
    pub(super) fn other_commit(&self, name: &str) -> Result<Option<String>, String> {
        let resolve = |name: &str| git(&self.top, &["rev-parse", "--verify", "-q", &format!("{name}^{{commit}}")]);
        let commit = resolve(name).or_else(|_| resolve(&format!("origin/{name}")));
        let commit = commit.map_err(|_| format!("A branch or tag with the name '{name}' could not be found"))?;
        Ok((commit != resolve("HEAD")?).then_some(commit))
    }

    /// Paths that differ from the commit, and those that are new; not those that are ignored.
    fn changed(&self) -> Result<Vec<String>, String> {
        let words = ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"];
        let status = run(&self.top, &words)?;
        Ok(status.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned).collect())
    }

    fn bring(&self, path: &str, to: &Path) -> std::io::Result<()> {
        let (from, to) = (self.top.join(path), to.join(path));
        let gone = |result: std::io::Result<()>| match result {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let Ok(metadata) = from.symlink_metadata() else { return gone(std::fs::remove_file(&to)) };
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if metadata.is_symlink() {
            gone(std::fs::remove_file(&to))?;
            return std::os::unix::fs::symlink(std::fs::read_link(&from)?, &to);
        }
        // A folder is a repository within this one: its files are not ours.
        if metadata.is_file() {
            std::fs::copy(&from, &to)?;
        }
        Ok(())
    }
}

/// `owner/name` of a remote at GitHub, by HTTPS or SSH.
fn name_of(url: &str) -> Option<String> {
    let path = url.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.rsplit(['/', ':']);
    let (name, owner) = (parts.next()?, parts.next()?);
    (!name.is_empty() && !owner.is_empty() && !owner.contains('@')).then(|| format!("{owner}/{name}"))
}

/// The first line of git's answer.
fn git(folder: &Path, words: &[&str]) -> Result<String, String> {
    run(folder, words).map(|answer| answer.trim().to_owned())
}

fn run(folder: &Path, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    let output = command.arg("-C").arg(folder).args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("git: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_has_an_owner_and_a_name() {
        for url in ["https://github.com/team/app.git", "git@github.com:team/app.git", "ssh://git@github.com/team/app/"]
        {
            assert_eq!(name_of(url).as_deref(), Some("team/app"), "{url}");
        }
        assert_eq!(name_of("app"), None);
    }

    #[test]
    fn a_copy_has_the_changes_and_not_what_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        std::fs::create_dir(&top).unwrap();
        let write = |name: &str, text: &str| std::fs::write(top.join(name), text).unwrap();
        let ask = |words: &[&str]| git(&top, words).unwrap();
        ask(&["init", "-q", "-b", "trunk"]);
        write(".gitignore", "ignored\n");
        write("changed", "old");
        write("removed", "old");
        ask(&["add", "."]);
        ask(&["-c", "user.name=n", "-c", "user.email=e@example.com", "commit", "-q", "-m", "first"]);
        write("changed", "new");
        write("added", "new");
        write("ignored", "secret");
        std::fs::remove_file(top.join("removed")).unwrap();

        let repository = Repository::of(&top).unwrap();
        let facts = repository.facts("push").unwrap();
        assert_eq!((facts.reference.as_str(), facts.sha.len()), ("refs/heads/trunk", 40));
        let to = folder.path().join("copy");
        repository.check_out(&to, None, "https://github.com/a/b").unwrap();
        assert_eq!(std::fs::read_to_string(to.join("changed")).unwrap(), "new");
        assert_eq!(std::fs::read_to_string(to.join("added")).unwrap(), "new");
        assert!(!to.join("removed").exists() && !to.join("ignored").exists());
        assert_eq!(git(&to, &["rev-parse", "HEAD"]).unwrap(), facts.sha);

        let old = folder.path().join("old");
        assert_eq!(repository.other_commit("trunk"), Ok(None));
        repository.check_out(&old, Some(&facts.sha), "https://github.com/a/b").unwrap();
        assert_eq!(std::fs::read_to_string(old.join("changed")).unwrap(), "old");
    }
}
