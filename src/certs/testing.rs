//! Real TLS handshakes in memory, for the tests of this module.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::authority::Authority;
use crate::model::{DomainName, ProjectName};

pub(super) fn names(names: &[&str]) -> Vec<DomainName> {
    names.iter().map(DomainName::new).collect()
}

/// An authority for these names, made now: TLS libraries look at the real clock.
pub(super) fn authority(permitted: &[&str]) -> Authority {
    Authority::generate(&project(), "alice@laptop", &names(permitted), Timestamp::now()).expect("an authority")
}

pub(super) fn project() -> ProjectName {
    ProjectName::new("chatkit")
}

/// A client that trusts this root and nothing else.
pub(super) fn client(root: &CertificateDer<'static>) -> ClientConfig {
    client_of(aws_lc_rs::default_provider(), root, rustls::ALL_VERSIONS)
}

pub(super) fn client_of(
    provider: CryptoProvider,
    root: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Both sides after the handshake, or the first error of either.
pub(super) fn handshake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).expect("a server name");
    let mut client = ClientConnection::new(client.clone(), name)?;
    let mut server = ServerConnection::new(server.clone())?;
    loop {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("memory");
        server.read_tls(&mut wire.as_slice()).expect("memory");
        server.process_new_packets()?;
        let mut back = Vec::new();
        server.write_tls(&mut back).expect("memory");
        client.read_tls(&mut back.as_slice()).expect("memory");
        client.process_new_packets()?;
        if wire.is_empty() && back.is_empty() {
            return Ok((client, server));
        }
    }
}
