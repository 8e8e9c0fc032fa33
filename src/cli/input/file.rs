//! Finding and reading the user's project: the only place that joins `config` to the file system and the
//! environment.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::certs;
use crate::certs::error::CertError;
use crate::cli::verbs::init;
use crate::config::{self, Diagnostics, Loaded, Location, Source, Tasks, UnusableFile};
use crate::import::lower::{Choice, Imported};
use crate::import::sources::{self, Options, SourceFile};
use crate::import::{self, NotImported};
use crate::machine::files;
use crate::model::ProjectName;

/// A file that was read.
#[derive(Clone, Debug)]
pub(crate) struct LoadedFile {
    /// What it says.
    pub(crate) loaded: Loaded,
    /// What to say first if there is no file: what was taken in its place.
    pub(crate) derived: Vec<String>,
    /// The files that were asked for, whether there or not.
    pub(crate) read: BTreeSet<PathBuf>,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// No file was named, and none was found.
    #[error("no neargate.yaml in this folder or its parents ({})\n`neargate init` writes one", .folder.display())]
    NotFound {
        /// Where the search began.
        folder: PathBuf,
    },
    /// There is no file, and nothing that `init` could make one from.
    #[error("no neargate.yaml in this folder or its parents ({}), and nothing to infer one from\n{why}", .folder.display())]
    Nothing {
        /// What was looked at.
        folder: PathBuf,
        /// What was looked for.
        why: String,
    },
    /// A file that was named is not there.
    #[error("{}: no such file", .file.display())]
    NoSuchFile {
        /// Which.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a source of an import that cannot be imported.
    #[error("{why}")]
    NotImported {
        /// What `import` says of it.
        why: String,
    },
    /// It was read, and has mistakes.
    #[error("{} has mistakes", .file.display())]
    Invalid {
        /// Which.
        file: PathBuf,
        /// All of them.
        diagnostics: Diagnostics,
        /// As in [`LoadedFile`].
        derived: Vec<String>,
    },
}

/// The files of a project, absolute.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Files {
    /// The one that relative paths are relative to.
    pub(crate) main: PathBuf,
    /// The files merged over it, in this order.
    pub(crate) overrides: Vec<PathBuf>,
    /// `--env-file`; without one `.env` beside the main file is read.
    pub(crate) env_files: Vec<PathBuf>,
    /// Whether an empty account stands for a main file that is not there, as with `up --aws`.
    pub(crate) is_account: bool,
}

impl Files {
    /// What `--file` and `--env-file` name; without the former the file that governs `folder` (absolute: the working
    /// directory), with `neargate.override.yaml` beside it; if there is none, the path of the one that `init` would write.
    pub(crate) fn find(named: &[PathBuf], env_files: &[PathBuf], folder: &Path) -> Result<Self, FileError> {
        let env_files = env_files.iter().map(|file| folder.join(file)).collect();
        let named: Vec<PathBuf> = named.iter().map(|file| folder.join(file)).collect();
        match named.split_first() {
            Some((main, overrides)) => match named.iter().find(|file| !file.is_file()) {
                // A path that is not a file is reported when it is read.
                Some(missing) if !missing.exists() => Err(FileError::NoSuchFile { file: relative(missing, folder) }),
                _ => Ok(Self { main: main.clone(), overrides: overrides.to_vec(), env_files, is_account: false }),
            },
            None => {
                let home = std::env::home_dir();
                let main = config::find(folder).or_else(|| init::file_of(folder, home.as_deref()));
                let main = main.ok_or_else(|| FileError::NotFound { folder: folder.to_owned() })?;
                let overrides = config::find_override(&main).into_iter().collect();
                Ok(Self { overrides, main, env_files, is_account: false })
            }
        }
    }

    /// The project's name as the files give it, whatever mistakes the rest of them has.
    pub(crate) fn project_name(
        &self,
        folder: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<ProjectName>, FileError> {
        let main = read_main(self, folder, env)?;
        let all: Vec<(PathBuf, String)> =
            std::iter::once((main.path, main.text)).chain(read_all(&self.overrides, folder)?).collect();
        Ok(config::name_of(self.folder(), &all))
    }

    fn folder(&self) -> &Path {
        self.main.parent().unwrap_or(Path::new("/"))
    }
}

/// The main file, or what stands for it.
struct Main {
    /// As messages show it.
    path: PathBuf,
    text: String,
    derived: Vec<String>,
    /// If it was imported: the task definitions, and the places behind the lines.
    imported: Option<Imported>,
}

/// The variable that names the environment to take, where a repository has several; what `--environment` says.
pub(crate) const ENVIRONMENT: &str = "NEARGATE_ENVIRONMENT";

/// A stack of which clients make what they need.
const EMPTY_ACCOUNT: &str = "load_balancers: {}\n";

/// Reads the main file; if it is not there, what `init` would write in its folder for the environment that is named.
fn read_main(files: &Files, folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Main, FileError> {
    let file = &files.main;
    let path = relative(file, folder);
    if let Some(imported) = import_main(files, folder)? {
        let (text, derived) = (imported.yaml.clone(), Vec::new());
        return Ok(Main { path, text, derived, imported: Some(imported) });
    }
    let imported = None;
    match files::read_text(file) {
        Ok(text) => Ok(Main { path, text, derived: Vec::new(), imported }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && files.is_account => {
            let told = format!("no {}: an empty account, for clients of AWS's APIs to fill", path.display());
            Ok(Main { path, text: EMPTY_ACCOUNT.to_owned(), derived: vec![told], imported })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = file.parent().unwrap_or(Path::new("/"));
            match init::derive(folder, env(ENVIRONMENT).as_deref()) {
                Ok(derived) => Ok(Main { path, text: derived.text, derived: derived.summary, imported }),
                Err(why) => Err(FileError::Nothing { folder: folder.to_owned(), why }),
            }
        }
        Err(source) => Err(FileError::Unreadable { file: path, source }),
    }
}

/// Whether a file is what `neargate import` reads, rather than a file of ours.
fn is_source(file: &Path) -> bool {
    let ours = file.extension().is_none_or(|extension| extension == "yaml" || extension == "yml");
    !ours && std::fs::read(file).is_ok_and(|bytes| sources::recognise("", &bytes).is_ok())
}

/// What `import` would write, if the main file is a source; with it, the other files that are.
fn import_main(files: &Files, folder: &Path) -> Result<Option<Imported>, FileError> {
    if !is_source(&files.main) {
        return Ok(None);
    }
    let mut all = Vec::new();
    for file in std::iter::once(&files.main).chain(files.overrides.iter().filter(|file| is_source(file))) {
        let path = relative(file, folder);
        match std::fs::read(file) {
            Ok(bytes) => all.push(SourceFile { path: path.display().to_string(), bytes }),
            Err(source) => return Err(FileError::Unreadable { file: path, source }),
        }
    }
    let imported = import::import(&all, &Options::default(), &Choice::default());
    let imported = imported.map_err(|why| FileError::NotImported { why: not_imported(&why) })?;
    if imported.report.refused() > 0 {
        let why = format!("{}write a file with `neargate import`, which can decide it", imported.report.human());
        return Err(FileError::NotImported { why });
    }
    Ok(Some(imported))
}

/// Why nothing could be imported, one line for each file.
pub(crate) fn not_imported(why: &NotImported) -> String {
    match why {
        NotImported::Nothing(why) => why.clone(),
        NotImported::Refused(refusals) => {
            let lines =
                refusals.iter().map(|refusal| format!("{}: {}\nhelp: {}", refusal.file, refusal.what, refusal.help));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// Each with the path that messages show.
fn read_all(files: &[PathBuf], folder: &Path) -> Result<Vec<(PathBuf, String)>, FileError> {
    let read = |file: &PathBuf| {
        let shown = relative(file, folder);
        match files::read_text(file) {
            Ok(text) => Ok((shown, text)),
            Err(source) => Err(FileError::Unreadable { file: shown, source }),
        }
    };
    files.iter().filter(|file| !is_source(file)).map(read).collect()
}

/// Reads the files of a project. `folder` is the working directory, absolute.
pub(crate) fn load(
    files: &Files,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    tasks: Tasks,
) -> Result<LoadedFile, FileError> {
    load_with(files, &[], folder, env, tasks)
}

/// The same, with more text merged over the files: each with the path that messages show.
pub(crate) fn load_with(
    files: &Files,
    more: &[(PathBuf, String)],
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    tasks: Tasks,
) -> Result<LoadedFile, FileError> {
    let Main { path, text, derived, imported } = read_main(files, folder, env)?;
    let overrides = [&read_all(&files.overrides, folder)?, more].concat();
    let env_files = read_all(&files.env_files, folder)?;
    let own = [&files.main].into_iter().chain(&files.overrides).chain(&files.env_files);
    let read: RefCell<BTreeSet<PathBuf>> = RefCell::new(own.cloned().collect());
    let read_file = |path: &Path| {
        let made = imported.iter().flat_map(|imported| &imported.files);
        if let Some((_, text)) = made.into_iter().find(|(name, _)| *path == files.folder().join(name)) {
            return Ok(text.clone());
        }
        read.borrow_mut().insert(path.to_owned());
        files::read_text(path)
    };
    let unusable_certificate = |certificate: &Path, private_key: &Path| {
        read.borrow_mut().extend([certificate.to_owned(), private_key.to_owned()]);
        unusable_certificate(certificate, private_key)
    };
    let loaded = config::load(Source {
        path: &path,
        folder: files.folder(),
        text: &text,
        overrides: &overrides,
        env_files: (!env_files.is_empty()).then_some(&env_files),
        read_file: &read_file,
        unusable_certificate: &unusable_certificate,
        env,
        tasks,
    });
    match loaded {
        Ok(loaded) => Ok(LoadedFile { loaded, derived, read: read.into_inner() }),
        Err(diagnostics) => {
            // The lines are those of a file that exists only in memory: say where they come from.
            let note = |at: &Location| {
                let place = imported.as_ref().filter(|_| at.path == path)?.place(at.line)?;
                Some(format!("from {place}"))
            };
            let diagnostics = diagnostics.noted(&note);
            Err(FileError::Invalid { file: files.main.clone(), diagnostics, derived })
        }
    }
}

/// The mistake in a certificate or its key; unreadable files have already been reported.
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

    /// Compose's order: the process's variables, then the last `--env-file`, then those before it; `.env` only without.
    #[test]
    fn env_files_take_the_place_of_the_one_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = "domain: \"${A}.${B}.${C:-c}.test\"\nload_balancer: { listeners: [ { port: 80, protocol: HTTP, \
                    default_action: { fixed_response: { status_code: \"200\" } } } ] }\n";
        for (name, text) in
            [("neargate.yaml", file), (".env", "A=a0\nB=b0\nC=c0\n"), ("one", "A=a1\nB=b1\n"), ("two", "B=${A}2\n")]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let domain = |env_files: &[&str], env: &dyn Fn(&str) -> Option<String>| {
            let env_files: Vec<PathBuf> = env_files.iter().map(PathBuf::from).collect();
            let files = Files::find(&[], &env_files, folder.path()).unwrap();
            let loaded = load(&files, folder.path(), env, Tasks::Run).unwrap().loaded;
            loaded.topology.domains[0].as_str().to_owned()
        };
        assert_eq!(domain(&[], &|_| None), "a0.b0.c0.test");
        assert_eq!(domain(&["one"], &|_| None), "a1.b1.c.test");
        assert_eq!(domain(&["one", "two"], &|_| None), "a1.a12.c.test");
        assert_eq!(domain(&["one", "two"], &|name| (name == "B").then(|| "env".to_owned())), "a1.env.c.test");
        let files = Files::find(&[], &["no-such".into()], folder.path()).unwrap();
        let error = load(&files, folder.path(), &|_| None, Tasks::Run).unwrap_err();
        assert_eq!(error.to_string(), "cannot read no-such");
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
        let files = Files::find(&[], &[], folder.path()).unwrap();
        match load(&files, folder.path(), &|_| None, Tasks::Run) {
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
        assert!(text.contains("it contains something other than a certificate"), "{text}");
    }
}
