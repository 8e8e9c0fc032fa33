//! The registry's files, as distribution lays them out (its `registry/storage/paths.go`):
//!
//! ```text
//!  docker/registry/v2/repositories/NAME/_manifests/tags/TAG/current/link    sha256:…
//!                                      /_manifests/revisions/sha256/HEX/link
//!                                      /_layers/sha256/HEX/link
//!                     blobs/sha256/HE/HEX/data
//! ```
//!
//! A link is written when a manifest is pushed, so its file's time is when that was. The registry keeps nothing of them in
//! memory: what is removed here is gone there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

/// A manifest of a repository.
#[derive(Clone, Debug)]
pub(in crate::aws) struct Image {
    /// `sha256:…`
    pub(in crate::aws) digest: String,
    /// In order.
    pub(in crate::aws) tags: Vec<String>,
    /// As it was pushed.
    pub(in crate::aws) manifest: String,
    pub(in crate::aws) media_type: String,
    /// `artifactMediaType`: what its configuration is, or what it says itself.
    pub(in crate::aws) artifact_type: Option<String>,
    /// Layers and configuration; of a list, nothing.
    pub(in crate::aws) size: u64,
    pub(in crate::aws) pushed: Timestamp,
}

/// What is to be removed.
#[derive(Clone, Debug)]
pub(in crate::aws) enum Removed {
    Tag(String),
    /// The image with all its tags.
    Digest(String),
}

/// The registry's folder.
#[derive(Debug)]
pub(in crate::aws) struct Storage(PathBuf);

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The hexadecimal digits of `sha256:…`, if it is one: it becomes part of a path.
fn hex(digest: &str) -> Option<&str> {
    let hex = digest.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).then_some(hex)
}

/// Whether it can be a tag (distribution's reference grammar): it becomes part of a path.
pub(in crate::aws) fn is_tag(tag: &str) -> bool {
    let is_word = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_';
    (1..=128).contains(&tag.len())
        && tag.starts_with(is_word)
        && tag.chars().all(|symbol| is_word(symbol) || ".-".contains(symbol))
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Nothing there is as good as removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}

impl Storage {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn v2(&self) -> PathBuf {
        self.0.join("docker/registry/v2")
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.v2().join("repositories").join(name)
    }

    fn tag(&self, repository: &str, tag: &str) -> PathBuf {
        self.repository(repository).join("_manifests/tags").join(tag)
    }

    fn revision(&self, repository: &str, hex: &str) -> PathBuf {
        self.repository(repository).join("_manifests/revisions/sha256").join(hex)
    }

    fn blob(&self, hex: &str) -> PathBuf {
        self.v2().join("blobs/sha256").join(&hex[..2]).join(hex).join("data")
    }

    /// The digest under a tag.
    pub(in crate::aws) fn tagged(&self, repository: &str, tag: &str) -> Option<String> {
        if !is_tag(tag) {
            return None;
        }
        let link = fs::read_to_string(self.tag(repository, tag).join("current/link")).ok()?;
        hex(&link).map(|_| link.clone())
    }

    /// All images of a repository, by digest.
    pub(in crate::aws) fn images(&self, repository: &str) -> Vec<Image> {
        let tags = names(&self.repository(repository).join("_manifests/tags"));
        let tags: Vec<(String, String)> =
            tags.into_iter().filter_map(|tag| Some((self.tagged(repository, &tag)?, tag))).collect();
        let image = |hex: String| {
            let link = self.revision(repository, &hex).join("link");
            let pushed = Timestamp::try_from(fs::metadata(link).ok()?.modified().ok()?).ok()?;
            let manifest = fs::read_to_string(self.blob(&hex)).ok()?;
            let digest = format!("sha256:{hex}");
            let tags = tags.iter().filter(|(known, _)| *known == digest).map(|(_, tag)| tag.clone()).collect();
            Some(described(digest, tags, manifest, pushed))
        };
        names(&self.repository(repository).join("_manifests/revisions/sha256")).into_iter().filter_map(image).collect()
    }

    /// How large a layer of a repository is, if it is there.
    pub(in crate::aws) fn layer(&self, repository: &str, digest: &str) -> Option<u64> {
        let hex = hex(digest)?;
        let link = self.repository(repository).join("_layers/sha256").join(hex).join("link");
        link.exists().then(|| fs::metadata(self.blob(hex)).ok())?.map(|data| data.len())
    }

    /// What a manifest names and the repository does not have.
    pub(in crate::aws) fn missing(&self, repository: &str, manifest: &Value) -> Vec<String> {
        let layers = manifest["layers"].as_array().into_iter().flatten().chain(manifest.get("config"));
        let layers = layers.filter_map(|layer| layer["digest"].as_str());
        let manifests = manifest["manifests"].as_array().into_iter().flatten();
        let manifests = manifests.filter_map(|listed| listed["digest"].as_str());
        let has = |digest: &str| hex(digest).is_some_and(|hex| self.revision(repository, hex).join("link").exists());
        let no_layers = layers.filter(|digest| self.layer(repository, digest).is_none());
        no_layers.chain(manifests.filter(|digest| !has(digest))).map(str::to_owned).collect()
    }

    /// The digest of a manifest.
    pub(in crate::aws) fn digest_of(manifest: &str) -> String {
        sha256(manifest.as_bytes())
    }

    /// PutImage: a manifest, whose layers are there, and a tag for it.
    pub(in crate::aws) fn put(&self, repository: &str, manifest: &str, tag: Option<&str>) -> io::Result<()> {
        let digest = Self::digest_of(manifest);
        let Some(hex) = hex(&digest) else { return Ok(()) };
        write(&self.blob(hex), manifest.as_bytes())?;
        let revision = self.revision(repository, hex).join("link");
        if !revision.exists() {
            write(&revision, digest.as_bytes())?;
        }
        let Some(tag) = tag.filter(|tag| is_tag(tag)) else { return Ok(()) };
        let folder = self.tag(repository, tag);
        write(&folder.join("index/sha256").join(hex).join("link"), digest.as_bytes())?;
        write(&folder.join("current/link"), digest.as_bytes())
    }

    /// An image whose last tag goes is gone (API reference, BatchDeleteImage).
    pub(in crate::aws) fn remove(&self, repository: &str, removed: &Removed) -> io::Result<()> {
        let images = self.images(repository);
        let (tags, digest) = match removed {
            Removed::Tag(tag) => {
                let image = images.iter().find(|image| image.tags.contains(tag));
                let last = image.filter(|image| image.tags.len() == 1);
                (vec![tag.clone()], last.map(|image| image.digest.clone()))
            }
            Removed::Digest(digest) => {
                let image = images.iter().find(|image| image.digest == *digest);
                (image.map(|image| image.tags.clone()).unwrap_or_default(), Some(digest.clone()))
            }
        };
        for tag in tags.iter().filter(|tag| is_tag(tag)) {
            gone(fs::remove_dir_all(self.tag(repository, tag)))?;
        }
        match digest.as_deref().and_then(hex) {
            Some(hex) => gone(fs::remove_dir_all(self.revision(repository, hex))),
            None => Ok(()),
        }
    }

    /// DeleteRepository. Repositories whose names begin with this one's stay.
    pub(in crate::aws) fn remove_repository(&self, repository: &str) -> io::Result<()> {
        for part in ["_manifests", "_layers", "_uploads"] {
            gone(fs::remove_dir_all(self.repository(repository).join(part)))?;
        }
        Ok(())
    }
}

fn described(digest: String, tags: Vec<String>, manifest: String, pushed: Timestamp) -> Image {
    let content: Value = serde_json::from_str(&manifest).unwrap_or_default();
    let of_kind = if content["manifests"].is_array() { OCI_INDEX } else { OCI_MANIFEST };
    let layers = content["layers"].as_array().into_iter().flatten().chain(content.get("config"));
    let artifact = content["artifactType"].as_str().or_else(|| content["config"]["mediaType"].as_str());
    Image {
        digest,
        tags,
        // OCI's manifests may leave it out.
        media_type: content["mediaType"].as_str().unwrap_or(of_kind).to_owned(),
        artifact_type: artifact.map(str::to_owned),
        size: layers.filter_map(|layer| layer["size"].as_u64()).sum(),
        pushed,
        manifest,
    }
}
