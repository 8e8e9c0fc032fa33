//! Finding and reading the user's project: the only place that joins `config` to the file system and the
//! environment.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{self, Diagnostics, Loaded, Source, Tasks};

/// A file that was read.
#[derive(Clone, Debug)]
pub(crate) struct LoadedFile {
    /// What it says.
    pub(crate) loaded: Loaded,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// No file was named, and none was found.
    #[error("no neargate.yaml here or in a folder above ({})\n`neargate init` writes one", .folder.display())]
    NotFound {
        /// Where the search began.
        folder: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was read, and has mistakes.
    #[error("{} has mistakes", .file.display())]
    Invalid {
        /// Which.
        file: PathBuf,
        /// All of them.
        diagnostics: Diagnostics,
    },
}

/// Reads `file`, or the one that governs `folder` (absolute: the working directory).
pub(crate) fn load(
    file: Option<&Path>,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    tasks: Tasks,
) -> Result<LoadedFile, FileError> {
    let file = match file {
        Some(file) => folder.join(file),
        None => config::find(folder).ok_or_else(|| FileError::NotFound { folder: folder.to_owned() })?,
    };
    let text = std::fs::read_to_string(&file).map_err(|source| FileError::Unreadable { file: file.clone(), source })?;
    let parent = file.parent().unwrap_or(folder);
    let loaded = config::load(Source {
        path: &relative(&file, folder),
        folder: parent,
        text: &text,
        read_file: &|path| std::fs::read_to_string(path),
        env,
        tasks,
    });
    match loaded {
        Ok(loaded) => Ok(LoadedFile { loaded }),
        Err(diagnostics) => Err(FileError::Invalid { file, diagnostics }),
    }
}

/// The path as one would type it from the folder.
pub(crate) fn relative(path: &Path, folder: &Path) -> PathBuf {
    for (up, ancestor) in folder.ancestors().enumerate().take(4) {
        if let Ok(rest) = path.strip_prefix(ancestor) {
            return std::iter::repeat_n(Path::new(".."), up).collect::<PathBuf>().join(rest);
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_one_would_type_them() {
        let shown = |path: &str| relative(Path::new(path), Path::new("/a/b/c")).display().to_string();
        assert_eq!(shown("/a/b/c/neargate.yaml"), "neargate.yaml");
        assert_eq!(shown("/a/b/neargate.yaml"), "../neargate.yaml");
    }
}
