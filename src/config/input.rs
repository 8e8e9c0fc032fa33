//! The input of a file: its text, and access to the files that it mentions.

use std::io;
use std::path::{Path, PathBuf};

/// The input of [`load`](super::load::load): one file, and access to the files that it mentions.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The file as messages should show it, e.g. `neargate.yaml`.
    pub path: &'a Path,
    /// The absolute path of its folder, which relative paths in the file are relative to.
    pub folder: &'a Path,
    /// Its text.
    pub text: &'a str,
    /// Files to merge over it, in this order: the path to show in messages, and the text.
    pub overrides: &'a [(PathBuf, String)],
    /// Files with variables, in the same form; later ones win. `None` means `.env` next to the file, if it exists.
    pub env_files: Option<&'a [(PathBuf, String)]>,
    /// Reads another file; [`io::ErrorKind::NotFound`] if it is missing.
    pub read_file: &'a dyn Fn(&Path) -> io::Result<String>,
    /// Checks a certificate and its key (in this order; both files exist) and says why one of them cannot be used now.
    pub unusable_certificate: &'a dyn Fn(&Path, &Path) -> Option<UnusableFile>,
    /// An environment variable of the process; it wins over `.env`.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Whether services and secrets may refer to variables that are not set.
    pub tasks: Tasks,
}

/// A certificate or a key that a listener could not use.
#[derive(Clone, Debug)]
pub struct UnusableFile {
    /// The file, one of the two.
    pub path: PathBuf,
    /// The problem, as the end of a sentence: `contains no certificate`.
    pub problem: String,
}

/// The purpose of reading the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tasks {
    /// To run it: every variable must be set.
    Run,
    /// For the load balancer's names and ports: variables that only tasks use may be missing, because `sudo` does not
    /// pass them on.
    DoNotRun,
    /// To check it without the secrets: unset variables become placeholders.
    Lint,
}
