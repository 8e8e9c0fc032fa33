//! Bundles with the roots that a program trusted before, plus ours, so that nothing that worked stops working.

use std::collections::BTreeSet;
use std::path::Path;

/// Reads files, and tests pretend to: `None` for what is not there, cannot be read or is no text.
pub type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// The machine's roots and ours, for variables that replace the former. `None` for the machine's roots (macOS and
/// Windows keep them elsewhere) leaves ours alone, which is then said by the caller.
pub fn combined(system: Option<&str>, root_pem: &str) -> String {
    let mut bundle = system.unwrap_or_default().trim_end().to_owned();
    if !bundle.is_empty() {
        bundle.push_str("\n\n");
    }
    bundle.push_str("# the local authority of this neargate project\n");
    bundle.push_str(root_pem.trim_end());
    bundle.push('\n');
    bundle
}

/// The roots of a file, or of a folder of them, as `REQUESTS_CA_BUNDLE` may name one.
pub fn roots_of(path: &Path) -> Option<String> {
    if !path.is_dir() {
        return std::fs::read_to_string(path).ok();
    }
    // One root has two names in a folder of OpenSSL's, its own and its hash.
    let files: BTreeSet<_> =
        std::fs::read_dir(path).ok()?.flatten().flat_map(|entry| entry.path().canonicalize()).collect();
    let files = files.iter().filter(|file| file.is_file());
    let texts = files.filter_map(|file| std::fs::read_to_string(file).ok());
    let roots: Vec<String> = texts.filter(|text| text.contains("-----BEGIN CERTIFICATE-----")).collect();
    (!roots.is_empty()).then(|| roots.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_holds_the_machines_roots_and_ours() {
        let ours = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n";
        let note = "# the local authority of this neargate project\n";
        assert_eq!(combined(Some("theirs\n"), ours), format!("theirs\n\n{note}{ours}"));
        assert_eq!(combined(None, ours), format!("{note}{ours}"));
    }

    #[test]
    fn a_folder_is_the_roots_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        assert_eq!(roots_of(folder.path()), None);
        write("b.pem", "-----BEGIN CERTIFICATE-----\nb");
        write("a.pem", "-----BEGIN CERTIFICATE-----\na");
        write("README", "nothing");
        std::os::unix::fs::symlink("a.pem", folder.path().join("1234abcd.0")).expect("linked");
        let both = "-----BEGIN CERTIFICATE-----\na\n-----BEGIN CERTIFICATE-----\nb";
        assert_eq!(roots_of(folder.path()).as_deref(), Some(both));
        assert_eq!(roots_of(&folder.path().join("b.pem")).as_deref(), Some("-----BEGIN CERTIFICATE-----\nb"));
    }
}
