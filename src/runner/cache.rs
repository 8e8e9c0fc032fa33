//! Actions, in a folder: `<folder>/<owner>/<repository>/<version>/`. What is missing is fetched once, by git.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::machine::files;
use crate::pipeline::action::{self, Action, Runs};
use crate::pipeline::reference::Reference;
use crate::pipeline::workflow::model::{Action as Does, Step};

/// The folder, and what may be done to fill it.
#[derive(Clone, Debug)]
pub struct Cache {
    /// The folder.
    pub folder: PathBuf,
    /// Whether git may be asked.
    pub offline: bool,
}

/// An action that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// As it is used.
    pub action: String,
    /// The command that fetches it.
    pub command: String,
    /// What git said.
    pub why: String,
}

impl Cache {
    /// Fetches every action that the steps use and that is not there, also those that composite actions use.
    pub async fn fill(&self, steps: &[Step], told: &mut dyn FnMut(String)) -> Vec<Missing> {
        let mut missing: Vec<Missing> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut open: Vec<String> = steps.iter().filter_map(uses).collect();
        while let Some(uses) = open.pop() {
            if !seen.insert(uses.clone()) {
                continue;
            }
            let Ok(reference) = Reference::parse(&uses) else { continue };
            let Reference::Repository { repository, version, .. } = &reference else { continue };
            if reference.stand_in().is_some() {
                continue;
            }
            let folder = self.folder_of(repository, version);
            if !folder.is_dir() {
                let fetched = if self.offline {
                    Err("not fetched (--offline)".to_owned())
                } else {
                    told(format!("fetching {repository}@{version}"));
                    fetch(repository, version, &folder).await
                };
                if let Err(why) = fetched {
                    let command = format!(
                        "git clone --depth 1 --branch {version} https://github.com/{repository} {}",
                        folder.display()
                    );
                    missing.push(Missing { action: uses, command, why });
                    continue;
                }
            }
            if let Ok((_, Action { runs: Runs::Composite(steps), .. })) = self.find(&reference, Path::new("")) {
                open.extend(steps.iter().filter_map(self::uses));
            }
        }
        missing.sort_by(|a, b| a.action.cmp(&b.action));
        missing
    }

    fn folder_of(&self, repository: &str, version: &str) -> PathBuf {
        self.folder.join(repository).join(version.replace('/', "+"))
    }

    /// The folder of an action, and what its action.yml says.
    pub(super) fn find(&self, reference: &Reference, workspace: &Path) -> Result<(PathBuf, Action), String> {
        let folder = match reference {
            Reference::Local(path) => workspace.join(path),
            Reference::Repository { repository, path, version } => self.folder_of(repository, version).join(path),
            Reference::Image(image) => return Err(format!("docker://{image}: actions in containers are not run")),
        };
        for name in ["action.yml", "action.yaml"] {
            let path = folder.join(name);
            match files::read_text(&path) {
                Ok(text) => {
                    let shown = path.display().to_string();
                    let action = action::read(&shown, &text).map_err(|mistakes| mistakes.to_string())?;
                    return Ok((folder, action));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Err(format!(
            "Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '{}'. Did you forget to run actions/checkout \
             before running your local action?",
            folder.display()
        ))
    }
}

fn uses(step: &Step) -> Option<String> {
    match &step.action {
        Does::Uses { action, .. } => Some(action.text.clone()),
        Does::Run { .. } => None,
    }
}

/// Into a folder beside it first, so that what is in the cache is whole.
async fn fetch(repository: &str, version: &str, folder: &Path) -> Result<(), String> {
    let half = folder.with_extension(format!("fetching-{}", std::process::id()));
    let parent = folder.parent().ok_or("it has no folder")?;
    std::fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    let url = format!("https://github.com/{repository}");
    let here = half.display().to_string();
    let is_commit = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fetched = if is_commit {
        async {
            git(&["init", "-q", "--", &here]).await?;
            git(&["-C", &here, "fetch", "-q", "--depth", "1", "--", &url, version]).await?;
            git(&["-C", &here, "checkout", "-q", "FETCH_HEAD"]).await
        }
        .await
    } else {
        git(&["clone", "-q", "--depth", "1", "--branch", version, "--", &url, &here]).await
    };
    let moved = fetched.and_then(|()| std::fs::rename(&half, folder).map_err(|error| error.to_string()));
    if moved.is_err() {
        let _ = std::fs::remove_dir_all(&half);
    }
    moved
}

async fn git(words: &[&str]) -> Result<(), String> {
    let mut command = Command::new("git");
    command.args(words).env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| format!("git: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().last().unwrap_or("git failed").to_owned())
}
