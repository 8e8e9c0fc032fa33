//! A running stack's trust files: its authority, the machine's roots plus the authority, and the certificates in use.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::certs::{Authority, CertStore};
use crate::machine::folders::Folders;
use crate::machine::trust;
use crate::machine::trust::bundles;

/// What curl, Node, Python and the like are pointed at.
pub(super) fn write(folders: &Folders, authority: &Authority) -> io::Result<()> {
    let root = authority.certificate_pem();
    let system = trust::store::Machine::this().and_then(|machine| trust::system::bundle(&machine));
    let system = system.and_then(|path| std::fs::read_to_string(path).ok());
    replace(&folders.ca_certificate_in_use(), root)?;
    replace(&folders.ca_bundle(), &bundles::combined(system.as_deref(), root))
}

/// What Chromium is told to overlook: nothing but these certificates.
pub(super) fn write_leaf_keys(folders: &Folders, certificates: &CertStore) -> io::Result<()> {
    let keys = certificates.public_key_hashes();
    replace(&folders.leaf_keys(), &keys.iter().map(|key| format!("{key}\n")).collect::<String>())
}

/// Certificates are renewed, and users' own are read again, while the stack runs.
pub(super) async fn keep_leaf_keys(folders: Folders, certificates: Arc<CertStore>) {
    let mut changes = certificates.subscribe();
    while changes.changed().await.is_ok() {
        if let Err(error) = write_leaf_keys(&folders, &certificates) {
            tracing::warn!(%error, "{} is out of date", folders.leaf_keys().display());
        }
    }
}

/// Other commands read these files at any moment, and must find the old or the new content, never half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Two may be at it at once: who applies a file, and who follows the certificates.
    let new = path.with_extension(format!("{}.new", NEXT.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&new, text)?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_while_it_is_written_finds_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let texts = ["a".repeat(100_000), "b".repeat(100_000)];
        replace(&path, &texts[0]).unwrap();
        std::thread::scope(|scope| {
            let writers = [0, 1].map(|which: usize| {
                let (path, text) = (&path, &texts[which]);
                scope.spawn(move || (0..200).for_each(|_| replace(path, text).unwrap()))
            });
            while writers.iter().any(|writer| !writer.is_finished()) {
                assert!(texts.contains(&std::fs::read_to_string(&path).unwrap()), "half of it");
            }
        });
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
