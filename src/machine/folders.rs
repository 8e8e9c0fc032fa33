//! The folders on this machine, and the lock that makes one process the owner of a project.
//!
//! ```text
//!  $XDG_STATE_HOME/neargate/<project>/     gone after `down`
//!    journal        what commands changed of what the file says; stays where `down --keep` is said
//!    runs-from      the path of the file that the stack runs from
//!    lock           held by the process that runs the stack; the kernel lets go of it even after kill -9
//!    control.sock   how other commands talk to that process (0600)
//!    neargate.log   its own diagnostics when it runs in the background
//!    logs/          output of containers, by log group and stream
//!    s3/            the load balancer's own logs, by bucket and key
//!    registry/      images that were pushed to the account's registry; stays with the journal
//!    registry.sock  how its process is reached (in a folder that is the owner's alone)
//!    ca.pem         the certificate of the authority in use
//!    ca-bundle.pem  the system's roots and ours, for tools that know only one file
//!    door/          the socket through which sockets in the tasks' network are handed out; see `runtime::docker`
//!    leaf-keys      hashes of the keys of the certificates in use, one a line, for Chromium
//!    guests         held, shared, by each `neargate run` that uses the stack of another process
//!    run-<pid>/     what the command of one `neargate run` sees and trusts
//!  $XDG_DATA_HOME/neargate/<project>/      stays: people have put it into their trust stores
//!    ca.pem  ca-key.pem
//!  $XDG_DATA_HOME/neargate/actions/        actions that `neargate pipeline` has fetched, of all projects
//! ```
//!
//! `NEARGATE_STATE_DIR` and `NEARGATE_DATA_DIR` replace the two `…/neargate` folders.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::model::ProjectName;

/// How often the lock is tried for while others remove its folder.
const LOCK_ATTEMPTS: usize = 100;

/// The folders of one project.
#[derive(Clone, Debug)]
pub struct Folders {
    state: PathBuf,
    data: PathBuf,
}

/// Proof that this process owns the project, without which the state folder is not removed; let go of when dropped, or
/// when the process dies.
#[derive(Debug)]
pub struct ProjectLock {
    _file: File,
}

/// What of the state folder stays when its stack is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing: the folder is removed.
    Nothing,
    /// The journal, for the next `up`, and the images that repositories in it have.
    Journal,
}

/// Proof that the stack of another process is not taken down by the `run` that owns it; or, held by that `run`, that no
/// other uses it any more and none will.
#[derive(Debug)]
pub struct GuestLock {
    _file: File,
}

/// Whether two files are in one folder, whatever way their paths take to it. Of a folder that is gone there is no telling.
pub fn in_one_folder(file: &Path, other: &Path) -> bool {
    let folder = |file: &Path| file.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder(file), folder(other)) {
        (Some(folder), Some(other)) => folder == other,
        _ => true,
    }
}

/// The folder that one of the variables names, or that is usual below the home.
fn base(own: &str, xdg: &str, below_home: &str, env: &dyn Fn(&str) -> Option<String>) -> io::Result<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(own) {
        return Ok(folder);
    }
    if let Some(folder) = set(xdg).filter(|folder| folder.is_absolute()) {
        return Ok(folder.join("neargate"));
    }
    let home = set("HOME")
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("neither {own} nor {xdg} nor HOME is set")))?;
    Ok(home.join(below_home).join("neargate"))
}

/// Actions of GitHub workflows, fetched once for all projects.
pub fn actions_folder(env: impl Fn(&str) -> Option<String>) -> io::Result<PathBuf> {
    Ok(base("NEARGATE_DATA_DIR", "XDG_DATA_HOME", ".local/share", &env)?.join("actions"))
}

impl Folders {
    /// The folders of a project, as the environment says. Nothing is created yet.
    pub fn new(project: &ProjectName, env: impl Fn(&str) -> Option<String>) -> io::Result<Self> {
        Ok(Self {
            state: base("NEARGATE_STATE_DIR", "XDG_STATE_HOME", ".local/state", &env)?.join(project.as_str()),
            data: base("NEARGATE_DATA_DIR", "XDG_DATA_HOME", ".local/share", &env)?.join(project.as_str()),
        })
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The folder of the authority.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What commands changed of what the file says.
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.state.join("control.sock")
    }

    /// The background process's own diagnostics.
    pub fn process_log(&self) -> PathBuf {
        self.state.join("neargate.log")
    }

    /// Output of containers.
    pub fn container_logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// The load balancer's own logs.
    pub fn load_balancer_logs(&self) -> PathBuf {
        self.state.join("s3")
    }

    /// The certificate of the local authority.
    pub fn ca_certificate(&self) -> PathBuf {
        self.data.join("ca.pem")
    }

    /// The certificate (never the key) of the authority in use, kept or made for this run only; gone after `down`.
    pub fn ca_certificate_in_use(&self) -> PathBuf {
        self.state.join("ca.pem")
    }

    /// The system's roots and ours.
    pub fn ca_bundle(&self) -> PathBuf {
        self.state.join("ca-bundle.pem")
    }

    /// The socket of the door.
    pub fn door(&self) -> PathBuf {
        self.state.join("door")
    }

    /// Hashes of the public keys of the certificates in use, one a line.
    pub fn leaf_keys(&self) -> PathBuf {
        self.state.join("leaf-keys")
    }

    /// The address of AWS's APIs, while they are served.
    pub fn aws_endpoint(&self) -> PathBuf {
        self.state.join("aws-endpoint")
    }

    /// The images of the account's registry.
    pub fn registry(&self) -> PathBuf {
        self.state.join("registry")
    }

    /// What the command of the `run` with this process id sees and trusts.
    pub fn run(&self, process: u32) -> PathBuf {
        self.state.join(format!("run-{process}"))
    }

    /// Makes the state folder, for the owner only.
    pub fn create_state(&self) -> io::Result<()> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.state);
        made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.state.display())))
    }

    /// Takes the project for this process; `None` if a living process has it.
    pub fn lock(&self) -> io::Result<Option<ProjectLock>> {
        let path = self.lock_file();
        for _ in 0..LOCK_ATTEMPTS {
            match self.try_lock(&path) {
                // A stack that ends takes its folder with it: between two calls, or with the file that we hold.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // A folder that is there when we make it, and gone when we look whether it is one.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !self.state.is_file() => {}
                other => return other,
            }
        }
        Err(io::Error::new(io::ErrorKind::NotFound, format!("{} keeps being removed", path.display())))
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<ProjectLock>> {
        self.create_state()?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let (ours, named) = (file.metadata()?, fs::metadata(path)?);
        if (ours.dev(), ours.ino()) == (named.dev(), named.ino()) {
            // For people whose commands find the socket gone: see `holder`. A full disk must not keep a lock from being one.
            let _ = file.set_len(0).and_then(|()| (&file).write_all(std::process::id().to_string().as_bytes()));
            Ok(Some(ProjectLock { _file: file }))
        } else {
            // The next process would lock the file that has the name now.
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// Whether no living process has the project. Creates nothing, so that looking leaves nothing behind.
    pub fn lock_is_free(&self) -> io::Result<bool> {
        let file = match File::open(self.lock_file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            other => other?,
        };
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The living process that has the project, as it wrote into the lock.
    pub fn holder(&self) -> io::Result<Option<u32>> {
        if self.lock_is_free()? {
            return Ok(None);
        }
        Ok(fs::read_to_string(self.lock_file())?.trim().parse().ok())
    }

    /// Uses the stack of another process, which lasts as long as the returned value if it is that of a `run`; `None` if it
    /// is about to end.
    pub fn be_guest(&self) -> io::Result<Option<GuestLock>> {
        self.lock_guests(rustix::fs::FlockOperation::NonBlockingLockShared)
    }

    /// Prevents further use of the stack; `None` while it is in use. Only for the owner of the project.
    pub fn close_to_guests(&self) -> io::Result<Option<GuestLock>> {
        self.lock_guests(rustix::fs::FlockOperation::NonBlockingLockExclusive)
    }

    fn lock_guests(&self, how: rustix::fs::FlockOperation) -> io::Result<Option<GuestLock>> {
        let path = self.state.join("guests");
        // A stack that has ended has taken its folder with it, and is not brought back by those who come too late.
        let file = match OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        match rustix::fs::flock(&file, how) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            other => other?,
        }
        let named = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let ours = file.metadata()?;
        Ok(((ours.dev(), ours.ino()) == (named.dev(), named.ino())).then_some(GuestLock { _file: file }))
    }

    fn lock_file(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Says which file the stack runs from, for those who ask [`Self::runs_from`]. For the owner of the project only.
    pub fn set_runs_from(&self, neargate_file: &Path) -> io::Result<()> {
        fs::write(self.state.join("runs-from"), neargate_file.as_os_str().as_bytes())
    }

    /// The file from which a living process runs the project; `None` if none does.
    pub fn runs_from(&self) -> io::Result<Option<PathBuf>> {
        if self.lock_is_free()? {
            return Ok(None);
        }
        match fs::read(self.state.join("runs-from")) {
            Ok(bytes) => Ok(Some(PathBuf::from(OsString::from_vec(bytes)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the state folder of a process that is dead; that of a living one is its own.
    pub fn remove_state_of_dead(&self, kept: Kept) -> io::Result<()> {
        if self.state.exists()
            && let Some(lock) = self.lock()?
        {
            self.remove_state(lock, kept)?;
        }
        Ok(())
    }

    /// Removes the state folder and what is in it, but for what is kept; lets go of the lock when it is gone.
    pub fn remove_state(&self, _lock: ProjectLock, kept: Kept) -> io::Result<()> {
        if kept == Kept::Journal && self.journal().exists() {
            return self.remove_all_but_the_journal();
        }
        match fs::remove_dir_all(&self.state) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                // The folder above goes too when this was the last project; if it is not empty it stays.
                let _ = self.state.parent().map(fs::remove_dir);
                Ok(())
            }
        }
    }

    fn remove_all_but_the_journal(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.state)? {
            let path = entry?.path();
            let removed = match path.is_dir() && !path.is_symlink() {
                _ if path == self.journal() || path == self.registry() => continue,
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(pairs: &[(&str, &str)]) -> io::Result<Folders> {
        Folders::new(&ProjectName::new("chatkit"), |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn own_variables_win_over_xdg_and_home() {
        let all = [("NEARGATE_STATE_DIR", "/s"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(folders(&all).unwrap().state(), Path::new("/s/chatkit"));
        assert_eq!(folders(&all[1..]).unwrap().state(), Path::new("/x/neargate/chatkit"));
        assert_eq!(folders(&all[2..]).unwrap().state(), Path::new("/h/.local/state/neargate/chatkit"));
        assert!(folders(&[]).is_err());
    }

    #[test]
    fn a_checkout_is_its_folder_by_whatever_path() {
        let base = tempfile::tempdir().unwrap();
        let path = |text: &str| base.path().join(text);
        fs::create_dir_all(path("one")).unwrap();
        fs::create_dir_all(path("other")).unwrap();
        std::os::unix::fs::symlink(path("one"), path("link")).unwrap();
        assert!(in_one_folder(&path("one/neargate.yaml"), &path("link/neargate.ci.yaml")));
        assert!(!in_one_folder(&path("one/neargate.yaml"), &path("other/neargate.yaml")));
        assert!(
            in_one_folder(&path("moved-away/neargate.yaml"), &path("one/neargate.yaml")),
            "it may have been renamed"
        );
    }

    #[test]
    fn a_project_has_one_owner_at_a_time() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().to_str().unwrap();
        let folders = folders(&[("NEARGATE_STATE_DIR", path), ("HOME", path)]).unwrap();
        let first = folders.lock().unwrap();
        assert!(first.is_some());
        assert!(folders.lock().unwrap().is_none());
        assert_eq!(folders.holder().unwrap(), Some(std::process::id()));
        assert_eq!(folders.runs_from().unwrap(), None, "it has not said so yet");
        folders.set_runs_from(Path::new("/checkout/neargate.yaml")).unwrap();
        assert_eq!(folders.runs_from().unwrap().as_deref(), Some(Path::new("/checkout/neargate.yaml")));
        folders.remove_state_of_dead(Kept::Nothing).unwrap();
        assert!(folders.state().exists(), "the folder of a living process is its own");
        drop(first);
        assert_eq!((folders.holder().unwrap(), folders.runs_from().unwrap()), (None, None));
        assert!(folders.lock().unwrap().is_some());
        folders.remove_state(folders.lock().unwrap().unwrap(), Kept::Nothing).unwrap();
        assert!(!folders.state().exists());
    }

    #[test]
    fn looking_whether_the_lock_is_free_creates_nothing() {
        let base = tempfile::tempdir().unwrap();
        let folders = folders(&[("NEARGATE_STATE_DIR", base.path().to_str().unwrap()), ("HOME", "/h")]).unwrap();
        assert!(folders.lock_is_free().unwrap());
        assert!(!folders.state().exists());
        folders.create_state().unwrap();
        assert!(folders.lock_is_free().unwrap());
        assert_eq!(fs::read_dir(folders.state()).unwrap().count(), 0);
        let lock = folders.lock().unwrap();
        assert!(!folders.lock_is_free().unwrap());
        drop(lock);
        assert!(folders.lock_is_free().unwrap());
    }

    #[test]
    fn a_folder_that_is_removed_at_any_moment_disturbs_nobody() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("neargate");
        let folders = folders(&[("NEARGATE_STATE_DIR", path.to_str().unwrap()), ("HOME", "/h")]).unwrap();
        let remove = || match folders.remove_state_of_dead(Kept::Nothing) {
            // A file that appears while the folder is removed may keep it; that is all that may happen.
            Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => panic!("{error}"),
            _ => {}
        };
        std::thread::scope(|scope| {
            let removing = scope.spawn(|| (0..500).for_each(|_| remove()));
            while !removing.is_finished() {
                folders.lock_is_free().unwrap();
                folders.lock().unwrap();
            }
        });
    }
}
