//! Reads behaviour as data: `fixtures/<family>/*.yaml`, each file a list of cases. A file `not-yet.yaml` is only for
//! readers: it lists AWS behaviour that neargate cannot show.

use std::path::Path;

use serde::de::DeserializeOwned;

/// Runs `check` on every case of every file of a family. A family without files is a mistake.
pub(crate) fn each<T: DeserializeOwned>(family: &str, mut check: impl FnMut(T)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(family);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| path.file_name().is_some_and(|name| name != "not-yet.yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no cases", folder.display());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let cases: Vec<T> = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for case in cases {
            check(case);
        }
    }
}
