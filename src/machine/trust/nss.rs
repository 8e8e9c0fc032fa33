//! The databases of browsers with their own trust store: Chromium and its relatives on Linux, Firefox with all its
//! profiles, both also in their snap and Flatpak homes. `certutil` from the NSS tools edits them.
//!
//! If Chromium is installed but has never been started, its database does not exist; it is created, because this is normal
//! on a CI machine. Databases with a master password cannot be changed without it, and nothing here asks for one: the
//! report quotes `certutil`.

use std::fs;
use std::path::{Path, PathBuf};

use super::runner::{Command, Runner};
use super::store::{Machine, OperatingSystem, Outcome, Root, StoreReport, contains_certificate, run, under_home};

/// Databases of Chromium's family, below the home. The first is the one that is made if there is none.
const CHROMIUM_DATABASES: &[&str] = &[
    ".pki/nssdb",
    ".local/share/pki/nssdb",
    "snap/chromium/current/.pki/nssdb",
    ".var/app/org.chromium.Chromium/.pki/nssdb",
    ".var/app/com.google.Chrome/.pki/nssdb",
    ".var/app/com.brave.Browser/.pki/nssdb",
    ".var/app/com.microsoft.Edge/.pki/nssdb",
];

/// Folders of Firefox profiles, below the home.
const FIREFOX_PROFILES: &[&str] = &[
    ".mozilla/firefox",
    ".config/mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    ".librewolf",
    "Library/Application Support/Firefox/Profiles",
];

/// Any of these means that a database of Chromium's is worth making.
const CHROMIUM_PROGRAMS: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "brave-browser",
    "microsoft-edge",
    "chrome-headless-shell",
];

/// What Playwright and Puppeteer download, below the home.
const DOWNLOADED_CHROMIUMS: &[&str] = &[".cache/ms-playwright", ".cache/puppeteer"];

/// What a database consists of.
const DATABASE_FILES: &[&str] = &["cert9.db", "key4.db", "pkcs11.txt"];

/// A database that stays after this many removals of one name is not ours to fight with.
const REMOVALS_MAX: usize = 10;

/// One database.
struct Database {
    folder: PathBuf,
    /// Whose it is.
    browser: &'static str,
    exists: bool,
}

pub(super) fn trust(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(root, machine, runner, true, |database| match state(database, root, runner) {
        Outcome::NotTrusted => report(add(database, root, runner)),
        Outcome::Outdated => report(remove(database, root, runner).and_then(|()| add(database, root, runner))),
        outcome => outcome,
    })
}

pub(super) fn untrust(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(root, machine, runner, false, |database| match state(database, root, runner) {
        Outcome::NotTrusted => Outcome::Already,
        Outcome::Already | Outcome::Outdated => report(remove(database, root, runner)),
        outcome => outcome,
    })
}

pub(super) fn status(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    each(root, machine, runner, true, |database| state(database, root, runner))
}

fn each(
    root: &Root,
    machine: &Machine,
    runner: &impl Runner,
    missing_too: bool,
    act: impl Fn(&Database) -> Outcome,
) -> Vec<StoreReport> {
    // Firefox on Windows reads the Windows store by itself.
    if machine.os == OperatingSystem::Windows {
        return Vec::new();
    }
    let mut databases = databases(machine, runner);
    databases.retain(|database| missing_too || database.exists);
    if databases.is_empty() {
        return Vec::new();
    }
    if !runner.has("certutil") {
        let outcome = Outcome::ToolMissing { tool: "certutil", package: package(machine) };
        return vec![StoreReport { store: "browsers (NSS)".into(), location: None, outcome }];
    }
    let reports = databases.iter().map(|database| StoreReport {
        store: format!("{} ({})", database.browser, under_home(&database.folder, machine)),
        location: Some(root.nickname()),
        outcome: act(database),
    });
    reports.collect()
}

fn databases(machine: &Machine, runner: &impl Runner) -> Vec<Database> {
    let is_database = |folder: &Path| folder.join("cert9.db").is_file();
    let mut found = Vec::new();
    if machine.os == OperatingSystem::Linux {
        let folders = CHROMIUM_DATABASES.iter().map(|path| machine.home.join(path));
        found.extend(folders.filter(|folder| is_database(folder)).map(|folder| Database {
            folder,
            browser: "Chromium, Chrome",
            exists: true,
        }));
        if found.is_empty() && has_chromium(machine, runner) {
            let folder = chromium_database(machine);
            found.push(Database { folder, browser: "Chromium, Chrome", exists: false });
        }
    }
    for profiles in FIREFOX_PROFILES {
        let entries = fs::read_dir(machine.home.join(profiles)).into_iter().flatten().flatten();
        let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|folder| is_database(folder)).collect();
        folders.sort();
        found.extend(folders.into_iter().map(|folder| Database { folder, browser: "Firefox", exists: true }));
    }
    found
}

fn has_chromium(machine: &Machine, runner: &impl Runner) -> bool {
    CHROMIUM_PROGRAMS.iter().any(|program| runner.has(program))
        || DOWNLOADED_CHROMIUMS.iter().any(|folder| machine.home.join(folder).is_dir())
}

/// The database that Chromium looks into first.
pub(super) fn chromium_database(machine: &Machine) -> PathBuf {
    machine.home.join(CHROMIUM_DATABASES[0])
}

/// Whether there is a Chromium, or its database without it, as of one that lies elsewhere.
pub(super) fn wants_chromium_database(machine: &Machine, runner: &impl Runner) -> bool {
    chromium_database(machine).join("cert9.db").is_file() || has_chromium(machine, runner)
}

/// A copy of a database, or a new one if there is none, with the root in it.
pub(super) fn copy_with(root: &Root, from: &Path, to: &Path, runner: &impl Runner) -> Result<(), String> {
    let copied = create_private(to).and_then(|()| {
        let mut files = DATABASE_FILES.iter().filter(|name| from.join(name).is_file());
        files.try_for_each(|name| fs::copy(from.join(name), to.join(name)).map(drop))
    });
    copied.map_err(|error| format!("cannot copy {}: {error}", from.display()))?;
    let database =
        Database { folder: to.to_owned(), browser: "Chromium, Chrome", exists: to.join("cert9.db").is_file() };
    add(&database, root, runner)
}

fn state(database: &Database, root: &Root, runner: &impl Runner) -> Outcome {
    if !database.exists {
        return Outcome::NotTrusted;
    }
    let list = database.certutil(["-L"]).arg("-n").arg(root.nickname()).arg("-a");
    match runner.run(&list) {
        Err(error) => Outcome::Failed(format!("`{list}` cannot be run: {error}")),
        Ok(output) if !output.success => Outcome::NotTrusted,
        Ok(output) if !contains_certificate(&output.stdout, &root.pem) => Outcome::Outdated,
        // There, and good for servers? Somebody may have taken the trust away by hand.
        Ok(_) => match runner.run(&database.certutil(["-V", "-u", "L"]).arg("-n").arg(root.nickname())) {
            Ok(output) if output.success => Outcome::Already,
            _ => Outcome::Outdated,
        },
    }
}

fn add(database: &Database, root: &Root, runner: &impl Runner) -> Result<(), String> {
    if !database.exists {
        create_private(&database.folder)
            .map_err(|error| format!("cannot create {}: {error}", database.folder.display()))?;
        run(runner, &database.certutil(["-N", "--empty-password"]))?;
    }
    // Trusted to issue certificates of servers (C), and nothing else.
    let add = database.certutil(["-A", "-t", "C,,"]).arg("-n").arg(root.nickname()).arg("-i").arg(&root.path);
    run(runner, &add).map(drop)
}

/// An earlier root may be in there under the same name, beside or instead of this one.
fn remove(database: &Database, root: &Root, runner: &impl Runner) -> Result<(), String> {
    for _ in 0..REMOVALS_MAX {
        run(runner, &database.certutil(["-D"]).arg("-n").arg(root.nickname()))?;
        if state(database, root, runner) == Outcome::NotTrusted {
            return Ok(());
        }
    }
    Err(format!("{} still lists {}", database.folder.display(), root.nickname()))
}

impl Database {
    fn certutil<const N: usize>(&self, arguments: [&str; N]) -> Command {
        Command::new("certutil", arguments).arg("-d").arg(format!("sql:{}", self.folder.display()))
    }
}

fn report(result: Result<(), String>) -> Outcome {
    result.map_or_else(Outcome::Failed, |()| Outcome::Done)
}

pub(super) fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What has `certutil`, by the distribution.
fn package(machine: &Machine) -> &'static str {
    let release = fs::read_to_string(machine.system_path("/etc/os-release")).unwrap_or_default();
    let is = |family: &str| {
        let ids = release.lines().filter(|line| line.starts_with("ID=") || line.starts_with("ID_LIKE="));
        ids.flat_map(|line| line.split(['=', '"', ' '])).any(|word| word == family)
    };
    match machine.os {
        OperatingSystem::MacOs => "nss (brew install nss)",
        _ if is("fedora") || is("rhel") => "nss-tools",
        _ if is("arch") => "nss",
        _ if is("suse") || is("opensuse") => "mozilla-nss-tools",
        _ => "libnss3-tools",
    }
}
