//! The local authority of a project: kept on this machine, or made for one run.

use jiff::Timestamp;

use crate::certs::error::CertError;
use crate::certs::{self, Authority, folder};
use crate::machine::folders::Folders;
use crate::model::listener::{Certificate, ListenerProtocol};
use crate::model::{DomainName, Topology};

/// Whether an authority is made for this run and not kept.
pub(super) fn is_for_this_run() -> bool {
    !folder::is_kept(std::env::var("CI").ok().as_deref())
}

/// The authority of the project: made once and kept, or made for this run in CI.
pub(super) fn open(topology: &Topology, folders: &Folders, notes: &mut Vec<String>) -> Result<Authority, CertError> {
    let owner = certs::authority::owner();
    let now = Timestamp::now();
    if is_for_this_run() {
        return Authority::generate(&topology.name, &owner, &names(topology), now);
    }
    let opened = folder::open(folders.data(), &topology.name, &owner, &names(topology), now)?;
    notes.extend(opened.notes);
    if let folder::Provenance::Remade { because } = opened.provenance {
        notes.push(format!("the local authority was recreated because {because}; run `neargate trust` again"));
    }
    Ok(opened.authority)
}

/// Makes and keeps the project's authority without starting anything, so that people can trust it first.
pub fn make_authority(topology: &Topology, folders: &Folders) -> Result<(), CertError> {
    let owner = certs::authority::owner();
    folder::open(folders.data(), &topology.name, &owner, &names(topology), Timestamp::now()).map(|_| ())
}

/// What the authority may issue for: the stack's names, and those of certificates that listeners list beside them.
pub(super) fn names(topology: &Topology) -> Vec<DomainName> {
    let mut names = topology.domains.clone();
    for name in issued(topology) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The names of every certificate that is issued for a listener.
pub(super) fn issued(topology: &Topology) -> impl Iterator<Item = &DomainName> {
    let settings = topology.listeners().filter_map(|(_, listener)| match &listener.protocol {
        ListenerProtocol::Http => None,
        ListenerProtocol::Https(settings) => Some(settings),
    });
    settings.flat_map(|settings| &settings.certificates).flat_map(|certificate| match certificate {
        Certificate::Issued(issued) => issued.names.as_slice(),
        Certificate::Files { .. } => &[],
    })
}
