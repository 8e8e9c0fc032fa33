//! The RSA key of leaf certificates. To find one takes a tenth of a second and more, as long as everything else that a start
//! does, so all leaves of a project share one, and it is kept beside the authority.

use std::path::PathBuf;
use std::sync::OnceLock;

use rcgen::{KeyPair, PKCS_RSA_SHA256};

use super::files::write_atomically;

/// Found when it is needed.
#[derive(Debug, Default)]
pub(super) struct RsaKey {
    /// Where it is kept, if it is.
    file: Option<PathBuf>,
    key: OnceLock<KeyPair>,
}

impl RsaKey {
    /// One that is kept in this file, which only its owner can read.
    pub(super) fn kept_in(file: PathBuf) -> Self {
        Self { file: Some(file), key: OnceLock::new() }
    }

    /// The key. One that cannot be kept serves as well.
    pub(super) fn get(&self) -> Result<&KeyPair, rcgen::Error> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let kept = self.file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let kept = kept.and_then(|pem| KeyPair::from_pem(&pem).ok());
        let key = match kept.filter(|key| key.is_compatible(&PKCS_RSA_SHA256)) {
            Some(key) => key,
            None => self.find()?,
        };
        Ok(self.key.get_or_init(|| key))
    }

    fn find(&self) -> Result<KeyPair, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        if let Some(file) = &self.file
            && let Err(error) = write_atomically(file, key.serialize_pem().as_bytes())
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the key of certificates is not kept");
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_is_the_same_key_and_a_broken_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leaf-rsa-key.pem");
        let first = RsaKey::kept_in(file.clone()).get().unwrap().serialize_pem();
        assert_eq!(RsaKey::kept_in(file.clone()).get().unwrap().serialize_pem(), first);
        std::fs::write(&file, "broken").unwrap();
        let second = RsaKey::kept_in(file.clone()).get().unwrap().serialize_pem();
        assert_ne!(second, first);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), second);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leaf-rsa-key.pem");
        RsaKey::kept_in(file.clone()).get().unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
