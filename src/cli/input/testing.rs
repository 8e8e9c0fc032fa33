//! For tests of what the command line means: a topology from text.

use crate::cli::input::file::Files;
use crate::config::{Style, Tasks};
use crate::model::Topology;

/// What the file says; it may refer to nothing else.
pub(crate) fn topology(text: &str) -> Topology {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("neargate.yaml");
    std::fs::write(&file, text).unwrap();
    let files = Files { main: file, ..Default::default() };
    let read = crate::cli::input::project::read(&files, &|_| None, Tasks::DoNotRun).unwrap();
    read.unwrap_or_else(|(mistakes, _)| panic!("{}", mistakes.render(Style::Plain))).loaded.topology
}
