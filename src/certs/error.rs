//! Errors with certificates and their files.

use std::io;
use std::path::PathBuf;

/// Why a listener cannot have its certificate. None of them shows a key.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file or folder of the authority, or of the user.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `read`, `write`, `create`, …
        doing: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The library refused to make a certificate: a name it cannot encode, say.
    #[error("cannot issue a certificate for {names}")]
    Issue {
        /// The names it was for.
        names: String,
        /// What the library said.
        #[source]
        source: rcgen::Error,
    },
    /// The authority's name constraints do not permit the name; browsers would refuse the certificate.
    #[error("the local authority may not issue certificates for `{name}`: it is limited to {permitted}")]
    NotPermitted {
        /// The name asked for.
        name: String,
        /// What it is limited to.
        permitted: String,
    },
    /// A PEM file does not hold what it should.
    #[error("{} {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, as the end of a sentence: `contains no certificate`.
        problem: String,
    },
    /// No such security policy.
    #[error("no security policy is called `{name}`; the nearest is `{nearest}`")]
    UnknownPolicy {
        /// As given.
        name: String,
        /// The nearest that exists.
        nearest: &'static str,
    },
    /// Nothing of the policy can be offered here.
    #[error("security policy `{name}` has no protocol version and cipher that neargate can offer")]
    EmptyPolicy {
        /// As given.
        name: String,
    },
    /// An HTTPS listener has exactly one default certificate (ELBv2 API, CreateListener).
    #[error("HTTPS listener {port} has no certificate")]
    NoCertificate {
        /// Of the listener.
        port: u16,
    },
    /// The TLS library cannot speak to targets.
    #[error("TLS towards targets cannot be set up")]
    TargetTls(#[source] rustls::Error),
    /// The TLS library refused the combination.
    #[error("TLS of listener {port} cannot be set up")]
    Tls {
        /// Of the listener.
        port: u16,
        /// What the library said.
        #[source]
        source: rustls::Error,
    },
}
