//! TLS on the listeners: the local authority, its certificates, and the TLS settings of each listener.
//!
//! ```text
//!  authority   a CA of one project, limited by name constraints to the project's names; issues leaves
//!  folder      stores the authority (owner only), created once; in CI it lives for the run, its key never on disk
//!  ssl_policy  AWS's security policies as data: versions, ciphers, key exchanges, and what neargate cannot offer
//!  sni         the certificates of a listener, for handshakes to choose from
//!  targets     TLS towards targets, whose certificates are not validated
//!  store       one `rustls::ServerConfig` per HTTPS listener, published whole; renews before anything expires
//! ```
//!
//! Time is an argument everywhere, so that expiry can be tested. The exceptions are
//! [`store::CertStore::renew_in_time`], the task that runs the renewal, and handshakes, which get a clock.

pub mod authority;
mod files;
pub mod folder;
mod rsa_key;
pub mod sni;
pub mod ssl_policy;
pub mod store;
pub mod targets;

pub mod error;
#[cfg(test)]
mod testing;

pub use authority::{Authority, Leaf};
pub use folder::{Opened, Provenance};
pub use store::{CertStore, TlsConfigs};
