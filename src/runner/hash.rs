//! The function `hashFiles`.

use std::path::Path;

use crate::pipeline::glob::Patterns;

/// "This function calculates an individual SHA-256 hash for each matched file, and then uses those hashes to calculate a
/// final SHA-256 hash for the set of files."
pub(super) fn hash_files(workspace: &Path, patterns: &[String]) -> Result<String, String> {
    use aws_lc_rs::digest::{Context, SHA256, digest};
    let patterns = Patterns::new(patterns)?;
    let mut found = Vec::new();
    let mut folders = vec![workspace.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && let Some(relative) = path.strip_prefix(workspace).ok().and_then(Path::to_str)
                && patterns.has(relative)
            {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        return Ok(String::new());
    }
    found.sort();
    let mut all = Context::new(&SHA256);
    for path in found {
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        all.update(digest(&SHA256, &bytes).as_ref());
    }
    Ok(all.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}
