//! Expected output as files next to the cases. `UPDATE_EXPECTED=1 cargo test` rewrites them; review the change as a
//! diff.

use std::path::{Path, PathBuf};

/// The `fixtures` folder.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Every file below a folder of `fixtures` with this ending, sorted. There must be at least one.
pub(crate) fn cases(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = fixtures().join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no .{ending} in {}", folder.display());
    paths
}

/// The contents of a file of cases.
pub(crate) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares texts with files, and collects the differences so that one run shows all.
#[derive(Default)]
pub(crate) struct Differences(Vec<String>);

impl Differences {
    /// Compares, or writes the file when `UPDATE_EXPECTED` is set.
    pub(crate) fn check(&mut self, path: &Path, actual: &str) {
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(path, actual).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            return;
        }
        let expected = std::fs::read_to_string(path).unwrap_or_default();
        if expected != actual {
            self.0.push(format!("== {}\n-- expected\n{expected}\n-- actual\n{actual}", path.display()));
        }
    }

    /// Fails if anything differed.
    pub(crate) fn finish(self) {
        assert!(
            self.0.is_empty(),
            "{} differ; if the new text is right, run the test with UPDATE_EXPECTED=1\n\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}
