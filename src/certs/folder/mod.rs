//! Stores an authority: `ca.pem` and `ca-key.pem` in a folder that only its owner can read.
//!
//! The authority is created once and then reused, because people trust it by hand. It is recreated only when it is no
//! longer usable, and the caller learns why, so that it can ask for `neargate trust` again. CI does not use this module:
//! [`super::authority::Authority::generate`] creates one for the run, and its key never touches a disk.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::authority::Authority;
use super::error::CertError;
use super::files::{io_error, private_file, write_atomically};
use super::rsa_key::RsaKey;
use crate::model::{DomainName, ProjectName};

/// Name of the certificate inside the folder.
pub const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca-key.pem";
const LOCK_FILE: &str = "ca.lock";
const RSA_KEY_FILE: &str = "leaf-rsa-key.pem";

/// An authority from its folder.
#[derive(Debug)]
pub struct Opened {
    /// Ready to issue.
    pub authority: Authority,
    /// Whether it is the one that was there.
    pub provenance: Provenance,
    /// What was put right on the way and should be told: permissions of the key, say.
    pub notes: Vec<String>,
}

/// Where an authority comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// The first of this project.
    Made,
    /// The existing one; clients that trusted it still do.
    Reused,
    /// A new one, because the existing one was unusable; no client trusts it.
    Remade {
        /// A sentence about the old one.
        because: String,
    },
}

/// Whether an authority's key may be written to disk: not in CI, where a later job on the same machine could find it.
/// `CI` is set to something truthy by every hosted runner.
pub fn is_kept(ci: Option<&str>) -> bool {
    matches!(ci, None | Some("" | "0" | "false"))
}

/// Opens the folder's authority, or makes one for these names. Two processes that do so at once get the same one.
pub fn open(
    folder: &Path,
    project: &ProjectName,
    owner: &str,
    names: &[DomainName],
    now: Timestamp,
) -> Result<Opened, CertError> {
    let mut notes = Vec::new();
    create_private_folder(folder, &mut notes)?;
    let lock_path = folder.join(LOCK_FILE);
    let lock = private_file(&lock_path, false).map_err(io_error("create", &lock_path))?;
    lock.lock().map_err(io_error("lock", &lock_path))?;

    let rsa_key = RsaKey::kept_in(folder.join(RSA_KEY_FILE));
    let provenance = match read(folder, &mut notes)? {
        Found::Authority(authority) => match authority.unfit_for(names, now) {
            None => {
                let authority = authority.with_rsa_key(rsa_key);
                return Ok(Opened { authority, provenance: Provenance::Reused, notes });
            }
            Some(why) => Provenance::Remade { because: format!("the previous one {why}") },
        },
        Found::Nothing => Provenance::Made,
        Found::Broken(because) => Provenance::Remade { because },
    };
    let authority = Authority::generate(project, owner, names, now)?.with_rsa_key(rsa_key);
    // The key first: a certificate without its key would be trusted by people and of no use.
    write_atomically(&folder.join(KEY_FILE), authority.key_pem().as_bytes())?;
    write_atomically(&folder.join(CERTIFICATE_FILE), authority.certificate_pem().as_bytes())?;
    Ok(Opened { authority, provenance, notes })
}

enum Found {
    Authority(Box<Authority>),
    Nothing,
    /// A sentence.
    Broken(String),
}

fn read(folder: &Path, notes: &mut Vec<String>) -> Result<Found, CertError> {
    let (certificate_path, key_path) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
    let (certificate, key) = (read_if_there(&certificate_path)?, read_if_there(&key_path)?);
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(Found::Nothing),
        (Some(_), None) => return Ok(Found::Broken(format!("{} is missing", key_path.display()))),
        (None, Some(_)) => return Ok(Found::Broken(format!("{} is missing", certificate_path.display()))),
        (Some(certificate), Some(key)) => (certificate, key),
    };
    close_to_others(&key_path, 0o600, notes)?;
    let Ok(certificate) = CertificateDer::from_pem_slice(certificate.as_bytes()) else {
        return Ok(Found::Broken(format!("{} contains no certificate", certificate_path.display())));
    };
    let Ok(key) = KeyPair::from_pem(&key) else {
        return Ok(Found::Broken(format!("{} contains no private key", key_path.display())));
    };
    Ok(match Authority::from_parts(certificate, key) {
        Ok(authority) => Found::Authority(Box::new(authority)),
        Err(problem) => Found::Broken(format!("{} {problem}", certificate_path.display())),
    })
}

fn read_if_there(path: &Path) -> Result<Option<String>, CertError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path)(error)),
    }
}

fn create_private_folder(folder: &Path, notes: &mut Vec<String>) -> Result<(), CertError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(io_error("create", folder))?;
    close_to_others(folder, 0o700, notes)
}

/// Removes permissions of group and others, and says so: anyone who could read the key could have copied it.
#[cfg(unix)]
fn close_to_others(path: &Path, mode: u32, notes: &mut Vec<String>) -> Result<(), CertError> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = fs::metadata(path).map_err(io_error("read", path))?.permissions().mode() & 0o777;
    if found & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io_error("change permissions of", path))?;
    notes.push(format!(
        "{} was open to other users of this machine ({found:04o}) and is now {mode:04o}; if you do not trust them, run \
         `neargate untrust`, delete the folder, and start again",
        path.display()
    ));
    Ok(())
}

/// Windows profiles are private to begin with.
#[cfg(not(unix))]
fn close_to_others(_path: &Path, _mode: u32, _notes: &mut Vec<String>) -> Result<(), CertError> {
    Ok(())
}

#[cfg(test)]
mod tests;
