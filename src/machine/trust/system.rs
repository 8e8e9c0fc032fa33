//! The operating system's trust store, used by curl, git, most languages and, on macOS and Windows, the browsers.
//!
//! On Linux a root is a file in a folder that the distribution defines, and a program rebuilds the bundle from it; the
//! bundle decides whether a root is trusted, because a file has no effect without a rebuild. On macOS and Windows the
//! user's own store is used, which needs no administrator (the system asks for confirmation). From WSL, the Windows store
//! is reachable, and the browsers that open the stack's pages usually run on Windows.

use std::path::PathBuf;

use super::runner::{Command, Runner};
use super::store::{Machine, OperatingSystem, Outcome, Root, StoreReport, contains_certificate, run};

/// A family of distributions.
struct Family {
    name: &'static str,
    /// Roots of the administrator's go here, one file each.
    folder: &'static str,
    extension: &'static str,
    /// Rebuilds the bundle.
    rebuild: &'static [&'static str],
    /// Rebuilds it after a removal.
    rebuild_fresh: &'static [&'static str],
    package: &'static str,
}

/// The first whose folder exists is this machine's.
const FAMILIES: &[Family] = &[
    Family {
        name: "Fedora, RHEL",
        folder: "/etc/pki/ca-trust/source/anchors",
        extension: "pem",
        rebuild: &["update-ca-trust", "extract"],
        rebuild_fresh: &["update-ca-trust", "extract"],
        package: "ca-certificates",
    },
    Family {
        name: "Debian, Ubuntu, Alpine",
        folder: "/usr/local/share/ca-certificates",
        extension: "crt",
        rebuild: &["update-ca-certificates"],
        rebuild_fresh: &["update-ca-certificates", "--fresh"],
        package: "ca-certificates",
    },
    Family {
        name: "Arch",
        folder: "/etc/ca-certificates/trust-source/anchors",
        extension: "crt",
        rebuild: &["trust", "extract-compat"],
        rebuild_fresh: &["trust", "extract-compat"],
        package: "ca-certificates-utils",
    },
    Family {
        name: "openSUSE",
        folder: "/usr/share/pki/trust/anchors",
        extension: "pem",
        rebuild: &["update-ca-certificates"],
        rebuild_fresh: &["update-ca-certificates", "--fresh"],
        package: "ca-certificates",
    },
];

/// Bundles that Linux distributions build, the first that exists is this machine's. Also what `SSL_CERT_FILE` stands in
/// for, see [`super::environment`].
const BUNDLES: &[&str] = &[
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Under these names too programs look for a bundle; as a rule they are links to one of the above.
const OTHER_BUNDLES: &[&str] =
    &["/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cert.pem", "/etc/pki/tls/cacert.pem", "/usr/lib/ssl/cert.pem"];

/// The bundle of roots this machine trusts, if it has one as a file.
pub fn bundle(machine: &Machine) -> Option<PathBuf> {
    BUNDLES.iter().map(|path| machine.system_path(path)).find(|path| path.is_file())
}

/// Every bundle of this machine, under each of its names.
pub(super) fn bundles(machine: &Machine) -> Vec<PathBuf> {
    let paths = BUNDLES.iter().chain(OTHER_BUNDLES).map(|path| machine.system_path(path));
    paths.filter(|path| path.is_file()).collect()
}

pub(super) fn trust(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(root, machine, runner, |store| match store.status(root, machine, runner) {
        Outcome::NotTrusted | Outcome::Outdated => store.carry_out(&store.additions(root, machine, runner), runner),
        outcome => outcome,
    })
}

pub(super) fn untrust(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(root, machine, runner, |store| match store.status(root, machine, runner) {
        Outcome::NotTrusted => Outcome::Already,
        Outcome::Already | Outcome::Outdated => store.carry_out(&store.removals(root, machine), runner),
        outcome => outcome,
    })
}

pub(super) fn status(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(root, machine, runner, |store| store.status(root, machine, runner))
}

enum Store {
    Linux(&'static Family),
    MacKeychain,
    Windows,
    /// The Windows store, from the Linux side.
    WindowsFromWsl,
    /// No family's folder exists.
    Unknown,
}

fn each(root: &Root, machine: &Machine, runner: &impl Runner, act: impl Fn(&Store) -> Outcome) -> Vec<StoreReport> {
    let mut stores = vec![match machine.os {
        OperatingSystem::MacOs => Store::MacKeychain,
        OperatingSystem::Windows => Store::Windows,
        OperatingSystem::Linux => FAMILIES
            .iter()
            .find(|family| machine.system_path(family.folder).is_dir())
            .map_or(Store::Unknown, Store::Linux),
    }];
    if machine.wsl && runner.has("certutil.exe") {
        stores.push(Store::WindowsFromWsl);
    }
    let report = |store: &Store| StoreReport {
        store: store.name(),
        location: store.location(root, machine),
        outcome: act(store),
    };
    stores.iter().map(report).collect()
}

impl Store {
    fn name(&self) -> String {
        match self {
            Self::Linux(family) => format!("system ({})", family.name),
            Self::MacKeychain => "system (login keychain)".into(),
            Self::Windows => "system (Windows, current user)".into(),
            Self::WindowsFromWsl => "Windows (from WSL, current user)".into(),
            Self::Unknown => "system".into(),
        }
    }

    fn status(&self, root: &Root, machine: &Machine, runner: &impl Runner) -> Outcome {
        let listing = match self {
            Self::Unknown => return Outcome::NotThere,
            Self::Linux(family) => {
                if !family.rebuild.first().is_some_and(|tool| runner.has(tool)) {
                    let tool = family.rebuild.first().copied().unwrap_or_default();
                    return Outcome::ToolMissing { tool, package: family.package };
                }
                let bundle = bundle(machine).and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
                let ours = self.file(root, machine).is_some_and(|file| file.exists());
                return match (contains_certificate(&bundle, &root.pem), ours) {
                    (true, _) => Outcome::Already,
                    (false, true) => Outcome::Outdated,
                    (false, false) => Outcome::NotTrusted,
                };
            }
            Self::MacKeychain => {
                let find = Command::new("security", ["find-certificate", "-a", "-p", "-c", root.common_name.as_str()]);
                run(runner, &find.arg(login_keychain(machine)))
            }
            // By serial number, which an earlier root of the same name does not share.
            Self::Windows | Self::WindowsFromWsl => {
                let arguments = ["-user", "-store", "Root", root.serial_number.as_str()];
                return match run(runner, &Command::new(self.certutil(), arguments)) {
                    Ok(_) => Outcome::Already,
                    Err(_) => Outcome::NotTrusted,
                };
            }
        };
        // A keychain without such a certificate makes `security` fail.
        match listing.unwrap_or_default() {
            text if contains_certificate(&text, &root.pem) => Outcome::Already,
            text if text.contains("BEGIN CERTIFICATE") => Outcome::Outdated,
            _ => Outcome::NotTrusted,
        }
    }

    /// Windows' own program; on Linux the name without `.exe` is that of the NSS tool.
    fn certutil(&self) -> &'static str {
        if matches!(self, Self::WindowsFromWsl) { "certutil.exe" } else { "certutil" }
    }

    /// Where the root is kept, for people.
    fn location(&self, root: &Root, machine: &Machine) -> Option<String> {
        match self {
            Self::Linux(_) => self.file(root, machine).map(|file| file.display().to_string()),
            Self::MacKeychain => Some(login_keychain(machine).display().to_string()),
            Self::Windows | Self::WindowsFromWsl => Some(format!("Root, {}", root.common_name)),
            Self::Unknown => None,
        }
    }

    /// Where a Linux distribution wants the root.
    fn file(&self, root: &Root, machine: &Machine) -> Option<PathBuf> {
        match self {
            Self::Linux(family) => {
                let name = format!("{}.{}", root.nickname(), family.extension);
                Some(machine.system_path(family.folder).join(name))
            }
            _ => None,
        }
    }

    fn additions(&self, root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<Command> {
        match (self, self.file(root, machine)) {
            (Self::Linux(family), Some(file)) => {
                let copy = Command::new("install", ["-m", "0644"]).arg(&root.path).arg(file);
                vec![copy, command(family.rebuild)]
            }
            (Self::MacKeychain, _) => {
                let add = Command::new("security", ["add-trusted-cert", "-r", "trustRoot", "-p", "ssl", "-k"]);
                vec![add.arg(login_keychain(machine)).arg(&root.path)]
            }
            (Self::Windows, _) => {
                vec![Command::new(self.certutil(), ["-user", "-addstore", "Root"]).arg(&root.path)]
            }
            (Self::WindowsFromWsl, _) => {
                vec![Command::new(self.certutil(), ["-user", "-addstore", "Root"]).arg(windows_path(root, runner))]
            }
            _ => Vec::new(),
        }
    }

    fn removals(&self, root: &Root, machine: &Machine) -> Vec<Command> {
        match (self, self.file(root, machine)) {
            (Self::Linux(family), Some(file)) => {
                vec![Command::new("rm", ["-f"]).arg(file), command(family.rebuild_fresh)]
            }
            (Self::MacKeychain, _) => {
                let delete = Command::new("security", ["delete-certificate", "-t", "-c", root.common_name.as_str()]);
                vec![delete.arg(login_keychain(machine))]
            }
            (Self::Windows | Self::WindowsFromWsl, _) => {
                vec![Command::new(self.certutil(), ["-user", "-delstore", "Root", root.common_name.as_str()])]
            }
            _ => Vec::new(),
        }
    }

    /// Only the stores of Linux distributions belong to root.
    fn carry_out(&self, commands: &[Command], runner: &impl Runner) -> Outcome {
        if matches!(self, Self::Linux(_)) && !runner.is_root() {
            return Outcome::NeedsRoot(commands.iter().map(Command::with_sudo).collect());
        }
        match commands.iter().try_for_each(|command| run(runner, command).map(drop)) {
            Ok(()) => Outcome::Done,
            Err(message) => Outcome::Failed(message),
        }
    }
}

fn command(words: &[&str]) -> Command {
    Command::new(words.first().copied().unwrap_or_default(), words.iter().skip(1).copied())
}

fn login_keychain(machine: &Machine) -> PathBuf {
    machine.home.join("Library/Keychains/login.keychain-db")
}

/// The path as a Windows program understands it.
fn windows_path(root: &Root, runner: &impl Runner) -> String {
    let translated = run(runner, &Command::new("wslpath", ["-w"]).arg(&root.path));
    translated.map_or_else(|_| root.path.display().to_string(), |path| path.trim().to_owned())
}
