//! Certificates of listeners that others than the file create: the local authority issues what they have, and may issue for
//! every name that one of them has.

use std::sync::Arc;

use jiff::Timestamp;

use super::authority::{self, issued};
use super::error::chain;
use super::trust_files;
use crate::certs::CertStore;
use crate::certs::error::CertError;
use crate::control::ControlHandle;
use crate::machine::folders::Folders;
use crate::model::{DomainName, Topology};

/// Issues what is wanted, for as long as it is polled. The authority may issue for the names in `more` already.
pub(super) async fn follow(
    control: ControlHandle,
    certificates: Arc<CertStore>,
    folders: Folders,
    mut more: Vec<DomainName>,
) {
    let mut snapshots = control.snapshots();
    let mut followed: Option<Arc<Topology>> = None;
    loop {
        let topology = Arc::clone(&snapshots.borrow_and_update().topology);
        if !followed.as_ref().is_some_and(|followed| Arc::ptr_eq(followed, &topology)) {
            if let Err(error) = take(&topology, &certificates, &folders, &mut more) {
                tracing::warn!("a listener has no certificate: {}", chain(&error));
            }
            followed = Some(topology);
        }
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

fn take(
    topology: &Topology,
    certificates: &CertStore,
    folders: &Folders,
    more: &mut Vec<DomainName>,
) -> Result<(), CertError> {
    let unknown: Vec<DomainName> =
        issued(topology).filter(|name| !topology.domains.contains(name) && !more.contains(name)).cloned().collect();
    if !unknown.is_empty() {
        more.extend(unknown);
        let mut topology = topology.clone();
        topology.domains.extend_from_slice(more);
        let mut notes = Vec::new();
        let authority = authority::open(&topology, folders, &mut notes)?;
        if let Err(error) = trust_files::write(folders, &authority) {
            tracing::warn!(%error, "the local authority's certificate cannot be written");
        }
        notes.iter().for_each(|note| tracing::warn!("{note}"));
        certificates.replace_authority(Arc::new(authority));
    }
    certificates.update(topology.load_balancers.values(), Timestamp::now())
}
