//! The input of a file: its text, and access to the files that it mentions.

use std::io;
use std::path::{Path, PathBuf};

/// What [`load`](super::load::load) reads: one file, and how to reach what it mentions.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The file as messages should show it, e.g. `neargate.yaml`.
    pub path: &'a Path,
    /// The folder it is in, absolute: what relative paths inside it are relative to.
    pub folder: &'a Path,
    /// What it says.
    pub text: &'a str,
    /// Files that are laid over it, in this order: as messages should show them, and what they say.
    pub overrides: &'a [(PathBuf, String)],
    /// Files with variables, later ones first to be asked, likewise; `None` is `.env` beside the file, if it is there.
    pub env_files: Option<&'a [(PathBuf, String)]>,
    /// Reads another file. A missing one is [`io::ErrorKind::NotFound`].
    pub read_file: &'a dyn Fn(&Path) -> io::Result<String>,
    /// What makes a certificate and its key, in this order, unusable as of now. Both files are there.
    pub unusable_certificate: &'a dyn Fn(&Path, &Path) -> Option<UnusableFile>,
    /// An environment variable of the process; it wins over `.env`.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Whether services and secrets may refer to variables that are not set.
    pub tasks: Tasks,
}

/// A certificate or a key that a listener could not use.
#[derive(Clone, Debug)]
pub struct UnusableFile {
    /// Which of the two.
    pub path: PathBuf,
    /// The end of a sentence: `contains no certificate`.
    pub problem: String,
}

/// What the file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tasks {
    /// To run it: every variable is needed.
    Run,
    /// For the load balancer's names and ports: what only tasks use may be missing. `sudo` hands no variables on.
    DoNotRun,
    /// For checking it without the secrets: unset variables become placeholders.
    Lint,
}
