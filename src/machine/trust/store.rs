//! The common part of all trust stores: the root, the machine, and the outcome.

use std::fmt;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::runner::{Command, Runner};
use crate::model::ProjectName;

/// The root to be trusted.
#[derive(Clone, Debug)]
pub struct Root {
    /// Becomes part of the name in every store.
    pub project: ProjectName,
    /// The certificate.
    pub pem: String,
    /// A file with the certificate: the programs want one.
    pub path: PathBuf,
    /// Its common name, by which macOS and Windows find all roots of a project.
    pub common_name: String,
    /// Its serial number in hexadecimal, by which Windows finds this one.
    pub serial_number: String,
}

impl Root {
    /// From the certificate and a file that holds it. `None` if it is not a certificate.
    pub fn new(project: &ProjectName, pem: &str, path: &Path) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let common_name = certificate.subject().iter_common_name().find_map(|name| name.as_str().ok())?.to_owned();
        let serial_number = certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { project: project.clone(), pem: pem.to_owned(), path: path.to_owned(), common_name, serial_number })
    }

    /// What people compare and want to know before they trust it.
    pub fn facts(&self) -> Option<Facts> {
        let der = CertificateDer::from_pem_slice(self.pem.as_bytes()).ok()?;
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let constraints = certificate.name_constraints().ok().flatten().map(|extension| extension.value.clone());
        let permitted = constraints.and_then(|constraints| constraints.permitted_subtrees).unwrap_or_default();
        let names = permitted.iter().filter_map(|subtree| match &subtree.base {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
        let expires = jiff::Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?;
        Some(Facts { fingerprint: pairs.join(":"), names: names.collect(), expires })
    }

    /// The name of the root in stores that have names, and of its file in those that have files. Unique per project.
    pub fn nickname(&self) -> String {
        format!("neargate-{}", self.project)
    }
}

/// The content of a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// SHA-256 of the certificate, as browsers and `openssl x509 -fingerprint` show it.
    pub fingerprint: String,
    /// The domains that it may issue certificates for, each with its subdomains.
    pub names: Vec<String>,
    /// When it ends.
    pub expires: jiff::Timestamp,
}

/// The parts of the machine that concern trust; tests point it somewhere else.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Decides which stores there can be.
    pub os: OperatingSystem,
    /// The user's home.
    pub home: PathBuf,
    /// What system paths begin with: `/`.
    pub root: PathBuf,
    /// Linux inside Windows: browsers may well be on the other side.
    pub wsl: bool,
}

/// Families of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatingSystem {
    /// Any distribution.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl Machine {
    /// This one. `None` if the environment names no home.
    pub fn this() -> Option<Self> {
        let os = if cfg!(target_os = "macos") {
            OperatingSystem::MacOs
        } else if cfg!(windows) {
            OperatingSystem::Windows
        } else {
            OperatingSystem::Linux
        };
        let home = PathBuf::from(std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" })?);
        Some(Self { os, home, root: PathBuf::from("/"), wsl: std::env::var_os("WSL_DISTRO_NAME").is_some() })
    }

    /// An absolute path of the system.
    pub(crate) fn system_path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// What became of one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreReport {
    /// Which one, for people: `system (Debian, Ubuntu)`, `Firefox (~/.mozilla/firefox/x.default)`.
    pub store: String,
    /// The file, or the name in the store, where it is kept.
    pub location: Option<String>,
    /// What was done or found.
    pub outcome: Outcome,
}

/// What was done or found in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The root was put in, or taken out.
    Done,
    /// Nothing to do: it is trusted (`trust`, `status`) or not there (`untrust`).
    Already,
    /// Only of `status`: the root is not in there.
    NotTrusted,
    /// Only of `status`: another root is in there under this project's name, from before it was remade.
    Outdated,
    /// There is no such store on this machine.
    NotThere,
    /// Only root may do this; these commands would.
    NeedsRoot(Vec<Command>),
    /// A program is missing.
    ToolMissing {
        /// The program.
        tool: &'static str,
        /// The package that has it, on this system.
        package: &'static str,
    },
    /// A program failed.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Already => f.write_str("nothing to do"),
            Self::NotTrusted => f.write_str("not trusted"),
            Self::Outdated => f.write_str("an earlier root of this project is trusted, not this one"),
            Self::NotThere => f.write_str("not there"),
            Self::NeedsRoot(commands) => {
                f.write_str("needs root; run: ")?;
                for (index, command) in commands.iter().enumerate() {
                    write!(f, "{}{command}", if index == 0 { "" } else { " && " })?;
                }
                Ok(())
            }
            Self::ToolMissing { tool, package } => write!(f, "`{tool}` is missing; install {package}"),
            Self::Failed(message) => f.write_str(message),
        }
    }
}

/// Whether text contains the certificate, however it is wrapped.
pub(crate) fn contains_certificate(text: &str, pem: &str) -> bool {
    let flat = |text: &str| text.split_whitespace().collect::<String>();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    !body.is_empty() && flat(text).contains(&body)
}

/// Runs it; the error is a sentence with the program's own last line.
pub(crate) fn run(runner: &impl Runner, command: &Command) -> Result<String, String> {
    match runner.run(command) {
        Ok(output) if output.success => Ok(output.stdout),
        Ok(output) => {
            let said = output.stderr.lines().chain(output.stdout.lines()).map(str::trim).rfind(|line| !line.is_empty());
            Err(format!("`{command}` failed: {}", said.unwrap_or("it does not say why")))
        }
        Err(error) => Err(format!("`{command}` cannot be run: {error}")),
    }
}

/// `~/…` for paths below the home.
pub(crate) fn under_home(path: &Path, machine: &Machine) -> String {
    path.strip_prefix(&machine.home).map_or_else(|_| path.display().to_string(), |rest| format!("~/{}", rest.display()))
}
