//! TLS on the listeners: the local authority, the certificates it issues, and what each listener offers.
//!
//! ```text
//!  authority   a CA of one project, limited by name constraints to the project's names; issues leaves
//!  folder      where the authority is kept (owner only), made once; in CI it lives for the run, its key never on disk
//!  ssl_policy  AWS's security policies as data: versions, ciphers, key exchanges, and what is out of reach here
//!  sni         the certificates of a listener, for handshakes to choose from
//!  targets     TLS towards targets, whose certificates nobody looks at
//!  store       one `rustls::ServerConfig` per HTTPS listener, published whole; renews before anything expires
//! ```
//!
//! Nothing here asks the time: it arrives as an argument, so that expiry can be tested. The exceptions are
//! [`store::CertStore::renew_in_time`], the task that runs the renewal, and handshakes, which are given a clock.

pub mod authority;
pub mod folder;
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
