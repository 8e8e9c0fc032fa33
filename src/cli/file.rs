//! Finding and reading the user's project: the only place that joins `config` to the file system and the
//! environment.

use std::io;
use std::path::{Path, PathBuf};

use crate::certs::{self, CertError};
use crate::config::{self, Diagnostics, Loaded, Source, Tasks, UnusableFile};
use crate::files;

/// A file that was read.
#[derive(Clone, Debug)]
pub(crate) struct LoadedFile {
    /// What it says.
    pub(crate) loaded: Loaded,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// No file was named, and none was found.
    #[error("no neargate.yaml here or in a folder above ({})\n`neargate init` writes one", .folder.display())]
    NotFound {
        /// Where the search began.
        folder: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was read, and has mistakes.
    #[error("{} has mistakes", .file.display())]
    Invalid {
        /// Which.
        file: PathBuf,
        /// All of them.
        diagnostics: Diagnostics,
    },
}

/// Reads `file`, or the one that governs `folder` (absolute: the working directory).
pub(crate) fn load(
    file: Option<&Path>,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    tasks: Tasks,
) -> Result<LoadedFile, FileError> {
    let file = match file {
        Some(file) => folder.join(file),
        None => config::find(folder).ok_or_else(|| FileError::NotFound { folder: folder.to_owned() })?,
    };
    let text = files::read_text(&file).map_err(|source| FileError::Unreadable { file: file.clone(), source })?;
    let parent = file.parent().unwrap_or(folder);
    let loaded = config::load(Source {
        path: &relative(&file, folder),
        folder: parent,
        text: &text,
        read_file: &files::read_text,
        unusable_certificate: &unusable_certificate,
        env,
        tasks,
    });
    match loaded {
        Ok(loaded) => Ok(LoadedFile { loaded }),
        Err(diagnostics) => Err(FileError::Invalid { file, diagnostics }),
    }
}

/// What is wrong with a certificate or its key; a file that cannot be read has been told by then.
fn unusable_certificate(certificate: &Path, private_key: &Path) -> Option<UnusableFile> {
    match certs::store::check_files(certificate, private_key, jiff::Timestamp::now()) {
        Err(CertError::Unusable { path, problem }) => Some(UnusableFile { path, problem }),
        _ => None,
    }
}

/// The path as one would type it from the folder.
pub(crate) fn relative(path: &Path, folder: &Path) -> PathBuf {
    for (up, ancestor) in folder.ancestors().enumerate().take(4) {
        if let Ok(rest) = path.strip_prefix(ancestor) {
            return std::iter::repeat_n(Path::new(".."), up).collect::<PathBuf>().join(rest);
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_one_would_type_them() {
        let shown = |path: &str| relative(Path::new(path), Path::new("/a/b/c")).display().to_string();
        assert_eq!(shown("/a/b/c/neargate.yaml"), "neargate.yaml");
        assert_eq!(shown("/a/b/neargate.yaml"), "../neargate.yaml");
    }

    const FILE: &str = "\
domain: app.example.com
target_groups: { tg: { port: 80, targets: [ { address: 127.0.0.1 } ] } }
load_balancer:
  listeners:
    - port: 443
      protocol: HTTPS
      certificate: { certificate_body: cert.pem, private_key: key.pem }
      default_action: { forward: tg }
";

    /// The mistakes that are found with this certificate and key beside the file.
    fn mistakes(certificate: &str, key: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("neargate.yaml", FILE), ("cert.pem", certificate), ("key.pem", key)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        match load(None, folder.path(), &|_| None, Tasks::Run) {
            Ok(_) => String::new(),
            Err(FileError::Invalid { diagnostics, .. }) => diagnostics.render(crate::config::Style::Plain),
            Err(error) => panic!("{error}"),
        }
    }

    fn certificate(key: &rcgen::KeyPair, until: i32) -> String {
        let mut params = rcgen::CertificateParams::new(["app.example.com".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params.self_signed(key).unwrap().pem()
    }

    #[test]
    fn own_certificates_are_looked_at_before_anything_runs() {
        let (key, other) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
        let valid = certificate(&key, 4000);
        assert_eq!(mistakes(&valid, &key.serialize_pem()), "");
        for (certificate, key, place, problem) in [
            (&valid, &other, "cannot use `key.pem`", "it is not the key of cert.pem"),
            (&certificate(&key, 2020), &key, "cannot use `cert.pem`", "it expired on 2020-01-01"),
        ] {
            let text = mistakes(certificate, &key.serialize_pem());
            assert!(text.contains(place) && text.contains(problem) && text.contains("1 mistake found"), "{text}");
        }
        let text = mistakes("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key.serialize_pem());
        assert!(text.contains("it holds something that is not a certificate"), "{text}");
    }
}
