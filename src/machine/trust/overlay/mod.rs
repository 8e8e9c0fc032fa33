//! Copies of a machine's trust stores for one command: each unchanged except for our root. The machine itself does not
//! change: the copies are in the command's folder, and a mount namespace (on Linux) shows them to the command in place of
//! the originals.
//!
//! ```text
//!  bundles    /etc/ssl/certs/ca-certificates.crt and its kin           theirs and ours
//!  folders    /etc/ssl/certs, anchors of p11-kit, Firefox's policies    theirs, and one file more
//!  Java       cacerts of every JVM that is found                        theirs and ours, as JKS
//!  NSS        ~/.pki/nssdb, where Chromium looks                        theirs and ours, by certutil
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::runner::{Command, Runner};
use super::store::{Machine, Root, run};
use super::{bundles, environment, java, nss, openssl, system};

/// Something to be seen in place of something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// A file or a folder.
    pub source: PathBuf,
    /// What it covers; no link.
    pub target: PathBuf,
}

/// A folder is copied only up to this size: a bigger one is not a folder of roots.
const FOLDER_BYTES_MAX: u64 = 64 << 20;

/// Key stores of JVMs that distributions share among their JVMs.
const SHARED_KEY_STORES: &[&str] =
    &["/etc/ssl/certs/java/cacerts", "/etc/pki/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts"];

/// Folders of JVMs, below which each JVM has a folder: of the machine, and of the user.
const JVM_FOLDERS: &[&str] = &["/usr/lib/jvm", "/usr/java", "/opt/java", "/opt/jdk"];
const JVM_FOLDERS_OF_USER: &[&str] = &[".sdkman/candidates/java", ".jdks", ".asdf/installs/java"];

/// Where a JVM keeps its store, below its folder; the second is that of Java 8 with its development tools.
const KEY_STORES: [&str; 2] = ["lib/security/cacerts", "jre/lib/security/cacerts"];

/// Where roots are files of any name (p11-kit reads them itself).
const ANCHORS: &[&str] =
    &["/etc/pki/ca-trust/source/anchors", "/etc/ca-certificates/trust-source/anchors", "/usr/share/pki/trust/anchors"];

/// Where Firefox looks for policies: anybody's, and its own folder.
const FIREFOX_POLICIES: &[&str] =
    &["/etc/firefox/policies", "/usr/lib/firefox/distribution", "/usr/lib/firefox-esr/distribution"];

/// Files that are to be seen otherwise, or beside those there are, by path without links.
#[derive(Debug, Default)]
struct Changes(BTreeMap<PathBuf, Vec<u8>>);

/// What a command is to see, for as long as this lives.
#[derive(Debug, Default)]
pub struct Overlays {
    /// In the order in which they are to be laid.
    pub overlays: Vec<Overlay>,
    _mount_point: Option<MountPoint>,
}

/// Makes the copies in `scratch`, which exists, and says what they cover.
pub fn build(
    root: &Root,
    machine: &Machine,
    runner: &impl Runner,
    variable: &dyn Fn(&str) -> Option<String>,
    scratch: &Path,
) -> io::Result<Overlays> {
    let mut changes = Changes::default();
    changes.bundles(root, machine);
    changes.key_stores(root, machine, variable);
    let folders = changes.additions(root, machine);
    let mut overlays = Vec::new();
    for folder in folders {
        let source = scratch.join(overlays.len().to_string());
        match copy_folder(&folder, &source, &mut changes.0) {
            Ok(()) => overlays.push(Overlay { source, target: folder }),
            Err(error) => tracing::warn!(%error, "{} is seen as it is", folder.display()),
        }
    }
    // Of a folder that could not be copied.
    changes.0.retain(|target, _| target.exists());
    for (target, contents) in changes.0 {
        let source = scratch.join(overlays.len().to_string());
        fs::write(&source, contents)?;
        overlays.push(Overlay { source, target });
    }
    let database = chromium_database(root, machine, runner, &scratch.join("nssdb"));
    let mount_point = database.map(|(overlay, mount_point)| {
        overlays.push(overlay);
        mount_point
    });
    Ok(Overlays { overlays, _mount_point: mount_point })
}

/// What the JVM that is used trusts: the store that its options name, or that of its installation.
pub fn java_certificates(
    machine: &Machine,
    runner: &impl Runner,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Vec<Vec<u8>> {
    let named = environment::java_trust_stores(variable);
    let named = named.iter().find_map(|store| {
        let read = fs::read(&store.path).ok().and_then(|bytes| java::certificates(&bytes));
        // With a password it is Java's own tool that can read it.
        read.or_else(|| {
            let list = Command::new("keytool", ["-list", "-rfc", "-keystore"]).arg(&store.path);
            let list = store.password.iter().fold(list, |list, password| list.arg("-storepass").arg(password));
            run(runner, &list).ok().map(|pem| java::from_pem(&pem))
        })
    });
    named.unwrap_or_else(|| {
        let installed = used_jvm(variable).into_iter().flat_map(|home| KEY_STORES.map(|store| home.join(store)));
        let shared = SHARED_KEY_STORES.iter().map(|path| machine.system_path(path));
        let mut stores = installed.chain(shared).filter_map(|path| java::certificates(&fs::read(path).ok()?));
        stores.next().unwrap_or_default()
    })
}

/// The folder of the JVM that `java` is: `JAVA_HOME`, or the one on the path.
fn used_jvm(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let home = variable("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    home.or_else(|| {
        let path = variable("PATH")?;
        let java = std::env::split_paths(&path).find_map(|folder| folder.join("java").canonicalize().ok())?;
        Some(java.parent()?.parent()?.to_owned())
    })
}

impl Changes {
    fn bundles(&mut self, root: &Root, machine: &Machine) {
        for path in system::bundles(machine) {
            if let (Ok(path), Ok(text)) = (path.canonicalize(), fs::read_to_string(&path)) {
                self.0.insert(path, bundles::combined(Some(&text), &root.pem).into_bytes());
            }
        }
    }

    fn key_stores(&mut self, root: &Root, machine: &Machine, variable: &dyn Fn(&str) -> Option<String>) {
        let ours = java::from_pem(&root.pem);
        for path in key_stores(machine, variable) {
            // One with private keys in it, or a password, is left as it is: the variables do for its JVM.
            let theirs = fs::read(&path).ok().and_then(|bytes| java::certificates(&bytes));
            if let (Ok(path), Some(theirs)) = (path.canonicalize(), theirs) {
                self.0.entry(path).or_insert_with(|| java::key_store(&[theirs, ours.clone()].concat()));
            }
        }
    }

    /// Files that are to be there besides others, and the folders for which that takes a copy of the whole.
    fn additions(&mut self, root: &Root, machine: &Machine) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        let mut add = |folder: &str, name: &str, contents: &dyn Fn(&Path) -> Vec<u8>| {
            let Ok(folder) = machine.system_path(folder).canonicalize() else { return };
            let file = folder.join(name);
            self.0.insert(file.clone(), contents(&file));
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        };
        let pem = |_: &Path| root.pem.clone().into_bytes();
        let hash = java::from_pem(&root.pem).first().and_then(|der| openssl::subject_hash(der));
        if let Some(hash) = hash {
            // The number distinguishes roots of the same name; no other root has our name.
            add("/etc/ssl/certs", &format!("{hash}.0"), &pem);
        }
        for folder in ANCHORS {
            add(folder, &format!("{}.pem", root.nickname()), &pem);
        }
        for folder in FIREFOX_POLICIES {
            add(folder, "policies.json", &|file| {
                environment::firefox_policies(fs::read_to_string(file).ok().as_deref(), &root.path).into_bytes()
            });
        }
        folders
    }
}

/// Every key store of a JVM that there is.
fn key_stores(machine: &Machine, variable: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let shared = SHARED_KEY_STORES.iter().map(|path| machine.system_path(path));
    let folders = JVM_FOLDERS.iter().map(|path| machine.system_path(path));
    let folders = folders.chain(JVM_FOLDERS_OF_USER.iter().map(|path| machine.home.join(path)));
    let homes = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let homes = homes.map(|entry| entry.path()).chain(used_jvm(variable));
    let own = homes.flat_map(|home| KEY_STORES.map(|store| home.join(store)));
    shared.chain(own).filter(|path| path.is_file()).collect()
}

/// A folder as it is, links as links, but with the changes below it, which are taken out of the map: new files are
/// written, those that are there are written otherwise.
fn copy_folder(from: &Path, to: &Path, changes: &mut BTreeMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    let mut bytes = 0;
    copy(from, to, changes, &mut bytes)?;
    let left: Vec<PathBuf> = changes.keys().filter(|path| path.parent() == Some(from)).cloned().collect();
    for path in left {
        if let (Some(contents), Some(name)) = (changes.remove(&path), path.file_name()) {
            fs::write(to.join(name), contents)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, changes: &mut BTreeMap<PathBuf, Vec<u8>>, bytes: &mut u64) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))?;
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            // What only others may read is of no use to the command either.
            if fs::read_dir(&path).is_ok() {
                copy(&path, &copied, changes, bytes)?;
            }
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path)?, copied)?;
        } else if let Some(contents) = changes.remove(&path) {
            fs::write(copied, contents)?;
        } else if kind.is_file() {
            *bytes += entry.metadata()?.len();
            if *bytes > FOLDER_BYTES_MAX {
                return Err(io::Error::other(format!("{} is too big for a folder of roots", from.display())));
            }
            match fs::copy(&path, copied) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                result => drop(result?),
            }
        }
    }
    Ok(())
}

/// Chromium's database with our root in it. A mount needs a folder to stand on, so an empty one is made where there is
/// none, and goes again.
fn chromium_database(
    root: &Root,
    machine: &Machine,
    runner: &impl Runner,
    scratch: &Path,
) -> Option<(Overlay, MountPoint)> {
    if !runner.has("certutil") || !nss::wants_chromium_database(machine, runner) {
        return None;
    }
    let database = nss::chromium_database(machine);
    nss::copy_with(root, &database, scratch, runner).ok()?;
    let mount_point = MountPoint::hold(&database).ok()?;
    Some((Overlay { source: scratch.to_owned(), target: database.canonicalize().ok()? }, mount_point))
}

/// A folder that exists for as long as it is needed. Removing it under a mount in another namespace would take
/// that mount with it, hence the lock, which every holder shares.
#[derive(Debug)]
struct MountPoint {
    folder: PathBuf,
    lock: fs::File,
}

impl MountPoint {
    fn hold(folder: &Path) -> io::Result<Self> {
        loop {
            nss::create_private(folder)?;
            let lock = fs::File::open(folder)?;
            rustix::fs::flock(&lock, FlockOperation::LockShared)?;
            // Its last holder may have removed it between these lines.
            if fs::metadata(folder).is_ok_and(|now| lock.metadata().is_ok_and(|held| held.ino() == now.ino())) {
                return Ok(Self { folder: folder.to_owned(), lock });
            }
        }
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        if rustix::fs::flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // Both fail where something is in them, and that is what keeps them.
            if fs::remove_dir(&self.folder).is_ok() {
                let _ = self.folder.parent().map(fs::remove_dir);
            }
        }
    }
}

#[cfg(test)]
mod tests;
