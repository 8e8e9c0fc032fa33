//! The build context: the files of a folder as a tar, created while it is sent.
//!
//! Owners are omitted and names sorted, as in docker's client, so that the engine's build cache recognises the same files
//! from any sender. The Dockerfile and `.dockerignore` are always sent, because the builder reads them.

use std::fs::Metadata;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::ecs::images::dockerignore::{Dockerignore, PatternError};
use crate::machine::files;
use crate::model::service::Build;

const IGNORE_FILE: &str = ".dockerignore";
/// The name under which a Dockerfile from outside the context is sent.
const OUTSIDE_NAME: &str = ".neargate.dockerfile";
const CHUNK: usize = 128 * 1024;
/// How far reading may run ahead of sending.
const CHUNKS: usize = 16;

/// A context, checked and ready to be sent.
#[derive(Debug)]
pub(crate) struct Context {
    root: PathBuf,
    ignore: Dockerignore,
    /// The text of the ignore file that is sent.
    ignore_text: Option<String>,
    /// The Dockerfile's name in the context.
    pub(crate) dockerfile: String,
    /// Its text.
    pub(crate) dockerfile_text: String,
    is_outside: bool,
}

/// Why a context cannot be sent, for the user.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The context is missing, or a file.
    #[error("the build context {} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// The Dockerfile is missing or unreadable.
    #[error("the Dockerfile {} cannot be read: {source} (its path is relative to the build context)", .path.display())]
    Dockerfile {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The ignore file has a pattern that is none.
    #[error(transparent)]
    Ignore(#[from] PatternError),
}

impl Context {
    /// Reads everything that must be known before sending. The error is a message for the user.
    pub(crate) fn open(build: &Build) -> Result<Self, ContextError> {
        let root = build.context.clone();
        if !root.is_dir() {
            return Err(ContextError::NotAFolder(root));
        }
        let path = root.join(&build.dockerfile);
        let dockerfile_text =
            files::read_text(&path).map_err(|source| ContextError::Dockerfile { path: path.clone(), source })?;
        let inside = relative(&root, &path);
        // BuildKit's rule, which the pipeline's build follows: a file beside the Dockerfile comes first.
        let mut beside = path.clone().into_os_string();
        beside.push(IGNORE_FILE);
        let own = files::read_text(beside.as_ref()).ok();
        let ignore_text = own.or_else(|| files::read_text(&root.join(IGNORE_FILE)).ok());
        let ignore = Dockerignore::parse(ignore_text.as_deref().unwrap_or_default())?;
        let is_outside = inside.is_none();
        // Neither of the two may end up in the image by `COPY . .`; the builder leaves out what the sent file names.
        let ignore_text = if is_outside {
            let mut text = ignore_text.unwrap_or_else(|| format!("{IGNORE_FILE}\n"));
            text.push_str(&format!("\n{OUTSIDE_NAME}\n"));
            Some(text)
        } else {
            ignore_text
        };
        let dockerfile = inside.unwrap_or_else(|| OUTSIDE_NAME.to_owned());
        Ok(Self { root, ignore, ignore_text, dockerfile, dockerfile_text, is_outside })
    }

    /// The files that are excluded.
    pub(crate) fn ignore(&self) -> &Dockerignore {
        &self.ignore
    }

    /// Produces the tar in pieces. Dropping the receiver ends the reading; `sent` counts bytes.
    pub(crate) fn send(self: Arc<Self>, sent: Arc<AtomicU64>) -> mpsc::Receiver<io::Result<Bytes>> {
        let (sender, receiver) = mpsc::channel(CHUNKS);
        tokio::task::spawn_blocking(move || {
            let failed = {
                let pieces = Pieces { sender: sender.clone(), pending: Vec::with_capacity(CHUNK), sent };
                self.write(pieces).err()
            };
            if let Some(error) = failed
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                let _ = sender.blocking_send(Err(error));
            }
        });
        receiver
    }

    fn write(&self, out: impl Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(out);
        archive.follow_symlinks(false);
        self.add_folder(&mut archive, &self.root, "")?;
        if let Some(text) = &self.ignore_text {
            add_text(&mut archive, IGNORE_FILE, text)?;
        }
        if self.is_outside {
            add_text(&mut archive, OUTSIDE_NAME, &self.dockerfile_text)?;
        }
        archive.into_inner()?.flush()
    }

    fn add_folder(&self, archive: &mut tar::Builder<impl Write>, folder: &Path, prefix: &str) -> io::Result<()> {
        let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let file_name = entry.file_name();
            let Some(name) = file_name.to_str() else {
                return Err(io::Error::other(format!("{} is not valid UTF-8", entry.path().display())));
            };
            let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let metadata = entry.metadata()?;
            let stays = self.ignore.excludes(&name) && name != self.dockerfile;
            if metadata.is_dir() {
                if !stays {
                    add(archive, &name, &metadata, tar::EntryType::Directory, None)?;
                }
                let leads_to_dockerfile = self.dockerfile.starts_with(&format!("{name}/"));
                if !stays || self.ignore.has_exceptions() || leads_to_dockerfile {
                    self.add_folder(archive, &entry.path(), &name)?;
                }
            } else if stays || name == IGNORE_FILE {
                // The ignore file is sent at the end, with what was added to it.
            } else if metadata.is_symlink() {
                let target = std::fs::read_link(entry.path())?;
                add(archive, &name, &metadata, tar::EntryType::Symlink, Some(&target))?;
            } else if metadata.is_file() {
                add_file(archive, &name, &metadata, &entry.path())?;
            }
        }
        Ok(())
    }
}

/// The path relative to the root, with slashes; `None` if it is outside.
fn relative(root: &Path, path: &Path) -> Option<String> {
    let (root, path) = (root.canonicalize().ok()?, path.canonicalize().ok()?);
    let parts = path.strip_prefix(root).ok()?.components().map(|component| match component {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

fn header(metadata: &Metadata, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_metadata_in_mode(metadata, tar::HeaderMode::Complete);
    header.set_entry_type(kind);
    // Without the bits that say what kind of file it is.
    header.set_mode(header.mode().unwrap_or(0o644) & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

fn add(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    metadata: &Metadata,
    kind: tar::EntryType,
    target: Option<&Path>,
) -> io::Result<()> {
    let mut header = header(metadata, kind);
    match target {
        Some(target) => archive.append_link(&mut header, name, target),
        None => archive.append_data(&mut header, format!("{name}/"), io::empty()),
    }
}

fn add_file(archive: &mut tar::Builder<impl Write>, name: &str, metadata: &Metadata, path: &Path) -> io::Result<()> {
    let mut header = header(metadata, tar::EntryType::Regular);
    header.set_size(metadata.len());
    // A file that grows or shrinks meanwhile would break the archive: it is sent as long as it was.
    let file = std::fs::File::open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let content = file.chain(io::repeat(0)).take(metadata.len());
    archive.append_data(&mut header, name, content)
}

fn add_text(archive: &mut tar::Builder<impl Write>, name: &str, text: &str) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(text.len() as u64);
    archive.append_data(&mut header, name, text.as_bytes())
}

/// Collects the archive's output into pieces of a useful size.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    pending: Vec<u8>,
    sent: Arc<AtomicU64>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::replace(&mut self.pending, Vec::with_capacity(CHUNK)));
        self.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn build(folder: &Path, dockerfile: &str) -> Build {
        Build { context: folder.to_owned(), dockerfile: dockerfile.to_owned(), args: BTreeMap::new(), target: None }
    }

    fn file(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn sent(build: &Build) -> BTreeMap<String, String> {
        let mut bytes = Vec::new();
        Context::open(build).unwrap().write(&mut bytes).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!((entry.header().uid().unwrap(), entry.header().gid().unwrap()), (0, 0));
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let mut text = String::new();
            if let Some(target) = entry.link_name().unwrap() {
                text = format!("-> {}", target.display());
            }
            entry.read_to_string(&mut text).unwrap();
            files.insert(name, text);
        }
        files
    }

    fn names(build: &Build) -> Vec<String> {
        sent(build).into_keys().collect()
    }

    #[test]
    fn ignored_files_stay_but_the_dockerfile_goes() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        file(root, "web/Dockerfile", "FROM a");
        file(root, "web/src/a.ts", "a");
        file(root, "web/node_modules/x/i.js", "");
        file(root, "docs/a.md", "");
        file(root, "docs/keep.md", "");
        file(root, ".dockerignore", "**/node_modules\ndocs\n!docs/keep.md\nweb/Dockerfile\n.dockerignore");
        assert_eq!(
            names(&build(root, "web/Dockerfile")),
            [".dockerignore", "docs/keep.md", "web/", "web/Dockerfile", "web/src/", "web/src/a.ts"]
        );
        file(root, "web/Dockerfile.dockerignore", "*\n!docs");
        assert_eq!(
            names(&build(root, "web/Dockerfile")),
            [".dockerignore", "docs/", "docs/a.md", "docs/keep.md", "web/Dockerfile"],
            "a file beside the Dockerfile comes first"
        );
    }

    #[test]
    fn a_dockerfile_outside_the_context_is_sent_and_kept_out_of_the_image() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "Dockerfile", "FROM a");
        file(folder.path(), "web/a.txt", "a");
        let build = build(&folder.path().join("web"), "../Dockerfile");
        assert_eq!(Context::open(&build).unwrap().dockerfile, OUTSIDE_NAME);
        let sent = sent(&build);
        assert_eq!(sent[OUTSIDE_NAME], "FROM a");
        assert!(sent[IGNORE_FILE].lines().any(|line| line == OUTSIDE_NAME));
        assert!(sent[IGNORE_FILE].lines().any(|line| line == IGNORE_FILE));
    }

    #[test]
    #[cfg(unix)]
    fn links_stay_links_and_long_names_stay_whole() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "Dockerfile", "FROM a");
        let long = format!("{}/{}.txt", "d".repeat(90), "f".repeat(120));
        file(folder.path(), &long, "text");
        std::os::unix::fs::symlink("/no/such/place", folder.path().join("link")).unwrap();
        let sent = sent(&build(folder.path(), "Dockerfile"));
        assert_eq!(sent["link"], "-> /no/such/place");
        assert_eq!(sent[&long], "text");
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Context::open(&build(folder.path(), "Dockerfile")).unwrap_err().to_string();
        assert!(error.contains("the Dockerfile") && error.contains("cannot be read"), "{error}");
        let error = Context::open(&build(&folder.path().join("no"), "Dockerfile")).unwrap_err().to_string();
        assert!(error.ends_with("is not a folder"), "{error}");
    }

    #[tokio::test]
    async fn nobody_reads_on_when_nobody_listens() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "Dockerfile", "FROM a");
        std::fs::write(folder.path().join("big"), vec![1; CHUNK * CHUNKS * 4]).unwrap();
        let context = Arc::new(Context::open(&build(folder.path(), "Dockerfile")).unwrap());
        let sent = Arc::new(AtomicU64::new(0));
        let mut receiver = Arc::clone(&context).send(Arc::clone(&sent));
        assert!(receiver.recv().await.unwrap().is_ok());
        drop(receiver);
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while Arc::strong_count(&context) > 1 {
            assert!(tokio::time::Instant::now() < deadline, "the reading goes on");
            tokio::task::yield_now().await;
        }
        assert!(sent.load(Ordering::Relaxed) < (CHUNK * CHUNKS * 2) as u64);
    }
}
