//! Finds the file for a folder, and the name of its project.

use std::path::{Path, PathBuf};

use super::lower::names;
use super::text::parse;
use super::text::source::Sources;
use neargate_model::ProjectName;

/// The file that applies to a folder: `neargate.yaml` or `.yml` in it or in one of its parents.
pub fn find(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .flat_map(|folder| ["neargate.yaml", "neargate.yml"].map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// The file to merge over a file that was found rather than named: `neargate.override.yaml` next to it, as in Compose.
pub fn find_override(file: &Path) -> Option<PathBuf> {
    override_files(file).into_iter().find(|candidate| candidate.is_file())
}

/// The names to look for, in this order.
pub fn override_files(file: &Path) -> [PathBuf; 2] {
    ["neargate.override.yaml", "neargate.override.yml"].map(|name| file.with_file_name(name))
}

/// The `name` in a file, whatever mistakes the rest of it has, or the folder's name if there is none. For commands that
/// only need to identify the project. `None` if the file is not YAML, or its name is not valid.
///
/// With several files, the last name wins, as when they are merged.
pub fn name_of(folder: &Path, files: &[(PathBuf, String)]) -> Option<ProjectName> {
    let mut sources = Sources::default();
    let mut found = None;
    for (path, text) in files {
        let file = sources.add(path, text);
        let root = parse::parse(&sources, file).ok()?;
        found = root.get("name").map(|name| name.text().map(str::to_owned)).or(found);
    }
    match found {
        Some(name) => project_name(&name?).ok(),
        None => Some(names::project_name_from(&folder.file_name()?.to_string_lossy())),
    }
}

/// A project's name, if the text is a valid one.
pub fn project_name(text: &str) -> Result<ProjectName, String> {
    let clean = names::project_name_from(text);
    if clean.as_str() == text && text.len() <= 63 {
        return Ok(clean);
    }
    Err(format!(
        "`{text}` cannot name a project: it names Docker objects, so it has lower-case letters, digits, `-` and `_`, at \
         most 63"
    ))
}
