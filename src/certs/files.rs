//! Files of keys.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::error::CertError;

/// A file that only its owner can read, emptied if it is to be `fresh`.
pub(super) fn private_file(path: &Path, fresh: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(fresh);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// All of it or nothing, also when the disk is full or the power fails.
pub(super) fn write_atomically(path: &Path, contents: &[u8]) -> Result<(), CertError> {
    let unfinished = path.with_extension("pem.new");
    let written = private_file(&unfinished, true).and_then(|mut file| {
        file.write_all(contents)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&unfinished, path)).map_err(|error| {
        let _ = fs::remove_file(&unfinished);
        io_error("write", path)(error)
    })
}

pub(super) fn io_error(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> CertError {
    move |source| CertError::Io { doing, path: path.to_owned(), source }
}
