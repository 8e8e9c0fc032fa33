//! A mount namespace for one command: only this command sees replacements for some files. Nothing on the file system
//! changes, and the namespace disappears with the last process inside.
//!
//! Root may do this directly; other users need a user namespace around it, in which they keep their user ID. Linux only,
//! and only where the system allows it: see [`refusal`].
//!
//! A single thread cannot move into a namespace without the rest of its process, so the program runs itself again
//! (`neargate __enter`), moves, and becomes the command: see [`enter`].

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which file replaces which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// A file or a folder.
    pub source: PathBuf,
    /// Another of the same kind.
    pub target: PathBuf,
}

/// Why there can be no namespace here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence.
    pub reason: String,
    /// A command that changes it, where one is known.
    pub fix: Option<&'static str>,
}

/// Kernel settings that forbid user namespaces, the value that does, and what allows them: Ubuntu's, Debian's, everybody's.
const SETTINGS: &[(&str, &str, &str)] = &[
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=10000"),
];

/// What the system's answer to an attempt means; `said` is the answer.
pub fn refusal(said: &str, setting: impl Fn(&str) -> Option<String>) -> Refusal {
    let set = SETTINGS.iter().find(|(path, forbids, _)| setting(path).is_some_and(|value| value.trim() == *forbids));
    Refusal { reason: format!("this system does not allow namespaces ({said})"), fix: set.map(|(_, _, fix)| *fix) }
}

#[cfg(target_os = "linux")]
pub use linux::enter;

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, io};

    use nix::sched::CloneFlags;
    use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
    use rustix::process::{getegid, geteuid};

    use crate::machine::namespace::Mount;

    /// Moves this process, which must have only one thread, into its own namespace, where the mounts apply.
    /// Returns the mounts that failed: the others are useful without them.
    pub fn enter(mounts: &[Mount]) -> io::Result<Vec<String>> {
        leave()?;
        // Mounts by others are visible in here; mounts made here are invisible outside.
        mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
        let failed = mounts.iter().filter_map(|Mount { source, target }| {
            let error = mount_bind(source.as_path(), target.as_path()).err()?;
            Some(format!("{}: {error}", target.display()))
        });
        Ok(failed.collect())
    }

    fn leave() -> io::Result<()> {
        let (user, group) = (geteuid(), getegid());
        // With a user namespace root would lose the right to become others; a container's root may need it, though.
        if user.is_root() && nix::sched::unshare(CloneFlags::CLONE_NEWNS).is_ok() {
            return Ok(());
        }
        nix::sched::unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        // Without this, the kernel does not allow mapping groups.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1", user = user.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1", group = group.as_raw()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_setting_that_forbids_it() {
        let ubuntu = |path: &str| path.contains("apparmor").then(|| "1\n".to_owned());
        let refused = refusal("Permission denied", ubuntu);
        assert_eq!(refused.reason, "this system does not allow namespaces (Permission denied)");
        assert_eq!(refused.fix, Some("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
        assert_eq!(refusal("Operation not permitted", |_| None).fix, None, "a container's seccomp rules, say");
        assert_eq!(refusal("no", |_| Some("1".into())).fix, refused.fix);
    }
}
