//! The files of a running stack that say whom to trust: its authority, the machine's roots with it, and the certificates
//! that are shown.

use std::io;
use std::sync::Arc;

use crate::certs::{Authority, CertStore};
use crate::machine::folders::Folders;
use crate::machine::trust;
use crate::machine::trust::bundles;

/// What curl, Node, Python and the like are pointed at.
pub(super) fn write(folders: &Folders, authority: &Authority) -> io::Result<()> {
    let root = authority.certificate_pem();
    let system = trust::store::Machine::this().and_then(|machine| trust::system::bundle(&machine));
    let system = system.and_then(|path| std::fs::read_to_string(path).ok());
    std::fs::write(folders.ca_certificate_in_use(), root)?;
    std::fs::write(folders.ca_bundle(), bundles::combined(system.as_deref(), root))
}

/// What Chromium is told to overlook: nothing but these certificates.
pub(super) fn write_leaf_keys(folders: &Folders, certificates: &CertStore) -> io::Result<()> {
    let keys = certificates.public_key_hashes();
    std::fs::write(folders.leaf_keys(), keys.iter().map(|key| format!("{key}\n")).collect::<String>())
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
