//! Tests trust on fake machines (folders with a recording runner), and on real NSS databases if the tools are installed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use tempfile::TempDir;

use super::runner::Output;
use super::store::{OperatingSystem, Outcome, run};
use super::*;
use crate::model::ProjectName;

#[test]
fn without_root_the_system_store_reports_the_commands() {
    let world = World::debian();
    let report = &system::trust(&world.root, &world.machine, &world.runner)[0];
    assert_eq!(report.store, "system (Debian, Ubuntu, Alpine)");
    let home = world.folder.path().display().to_string();
    let expected = "needs root; run: sudo install -m 0644 HOME/ca.pem HOME/usr/local/share/ca-certificates/neargate-chatkit.crt \
                    && sudo update-ca-certificates";
    assert_eq!(report.outcome.to_string().replace(&home, "HOME"), expected);
    assert!(world.runner.ran().is_empty(), "nothing is run");
}

#[test]
fn with_root_the_system_store_is_changed_once_and_restored_exactly() {
    let mut world = World::debian();
    world.runner.root = true;
    let outcome = |reports: Vec<StoreReport>| reports[0].outcome.clone();
    let trust = |world: &World| outcome(system::trust(&world.root, &world.machine, &world.runner));
    let untrust = |world: &World| outcome(system::untrust(&world.root, &world.machine, &world.runner));

    assert_eq!(untrust(&world), Outcome::Already);
    assert_eq!(trust(&world), Outcome::Done);
    let ran = world.runner.ran();
    assert_eq!(ran[1], "update-ca-certificates");
    // What the programs would have done.
    let file = world.folder.path().join("usr/local/share/ca-certificates/neargate-chatkit.crt");
    fs::write(&file, &world.root.pem).expect("written");
    world.write("etc/ssl/certs/ca-certificates.crt", &format!("others\n{}", world.root.pem));
    assert_eq!(trust(&world), Outcome::Already);
    assert_eq!(world.runner.ran().len(), 2, "nothing more is run");

    assert_eq!(untrust(&world), Outcome::Done);
    assert_eq!(world.runner.ran()[2], format!("rm -f {}", file.display()));
    assert_eq!(world.runner.ran()[3], "update-ca-certificates --fresh");
}

#[test]
fn an_earlier_root_of_the_project_is_replaced() {
    let mut world = World::debian();
    world.write("usr/local/share/ca-certificates/neargate-chatkit.crt", "an earlier one");
    assert_eq!(system::status(&world.root, &world.machine, &world.runner)[0].outcome, Outcome::Outdated);
    world.runner.root = true;
    assert_eq!(system::trust(&world.root, &world.machine, &world.runner)[0].outcome, Outcome::Done);
}

#[test]
fn each_family_of_systems_has_its_own_way() {
    let families = [
        ("etc/pki/ca-trust/source/anchors", "update-ca-trust", "neargate-chatkit.pem", "update-ca-trust extract"),
        ("usr/local/share/ca-certificates", "update-ca-certificates", "neargate-chatkit.crt", "update-ca-certificates"),
        ("etc/ca-certificates/trust-source/anchors", "trust", "neargate-chatkit.crt", "trust extract-compat"),
        ("usr/share/pki/trust/anchors", "update-ca-certificates", "neargate-chatkit.pem", "update-ca-certificates"),
    ];
    for (folder, tool, file, rebuild) in families {
        let mut world = World::empty(OperatingSystem::Linux);
        fs::create_dir_all(world.folder.path().join(folder)).expect("a folder");
        world.runner.programs.insert(tool);
        world.runner.root = true;
        assert_eq!(system::trust(&world.root, &world.machine, &world.runner)[0].outcome, Outcome::Done, "{folder}");
        let ran = world.runner.ran();
        assert!(ran[0].ends_with(&format!("{folder}/{file}")), "{ran:?}");
        assert_eq!(ran[1], rebuild);
    }

    let world = World::empty(OperatingSystem::Linux);
    assert_eq!(system::trust(&world.root, &world.machine, &world.runner)[0].outcome, Outcome::NotThere);
}

#[test]
fn macos_and_windows_use_the_users_own_store() {
    let mut world = World::empty(OperatingSystem::MacOs);
    assert_eq!(trust(&world.root, &world.machine, &world.runner)[0].outcome, Outcome::Done);
    let added = world.runner.ran().pop().expect("a command");
    assert!(added.starts_with("security add-trusted-cert -r trustRoot -p ssl -k "), "{added}");

    world.machine.os = OperatingSystem::Windows;
    world.runner.fails = vec!["-store"];
    assert_eq!(trust(&world.root, &world.machine, &world.runner)[0].outcome, Outcome::Done);
    assert!(world.runner.ran().pop().expect("a command").starts_with("certutil -user -addstore Root "));
    world.runner.fails.clear();
    assert_eq!(untrust(&world.root, &world.machine, &world.runner)[0].outcome, Outcome::Done);
    let removed = world.runner.ran().pop().expect("a command");
    assert_eq!(removed, "certutil -user -delstore Root 'neargate local CA (chatkit, alice@laptop)'");
}

#[test]
fn from_wsl_the_windows_store_is_changed_too() {
    let mut world = World::debian();
    world.machine.wsl = true;
    world.runner.programs.insert("certutil.exe");
    world.runner.fails = vec!["-store"];
    let reports = system::trust(&world.root, &world.machine, &world.runner);
    assert_eq!(reports[1].store, "Windows (from WSL, current user)");
    assert_eq!(reports[1].outcome, Outcome::Done);
    assert!(world.runner.ran().iter().any(|command| command.starts_with("wslpath -w ")));
}

#[test]
fn a_missing_tool_is_named_with_its_package() {
    let mut world = World::empty(OperatingSystem::Linux);
    fs::create_dir_all(world.folder.path().join("usr/local/share/ca-certificates")).expect("a folder");
    world.write(".mozilla/firefox/x.default/cert9.db", "");
    let reports = trust(&world.root, &world.machine, &world.runner);
    let texts: Vec<_> = reports.iter().map(|report| format!("{}: {}", report.store, report.outcome)).collect();
    assert_eq!(
        texts,
        [
            "system (Debian, Ubuntu, Alpine): `update-ca-certificates` is missing; install ca-certificates",
            "browsers (NSS): `certutil` is missing; install libnss3-tools",
        ]
    );
    world.write("etc/os-release", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n");
    let outcome = nss::trust(&world.root, &world.machine, &world.runner).remove(0).outcome;
    assert_eq!(outcome, Outcome::ToolMissing { tool: "certutil", package: "nss-tools" });
    world.machine.os = OperatingSystem::Windows;
    assert!(nss::trust(&world.root, &world.machine, &world.runner).is_empty());
}

#[test]
fn a_program_that_fails_is_reported_with_what_it_said() {
    let mut world = World::debian();
    world.runner.root = true;
    world.runner.fails = vec!["update-ca-certificates"];
    let outcome = system::trust(&world.root, &world.machine, &world.runner).remove(0).outcome;
    assert_eq!(outcome, Outcome::Failed("`update-ca-certificates` failed: no space left on device".into()));
}

#[test]
fn commands_can_be_pasted_into_a_shell() {
    let command = Command::new("certutil", ["-n", "it's mine", "", "plain"]);
    assert_eq!(command.to_string(), r"certutil -n 'it'\''s mine' '' plain");
}

/// The whole way with the real `certutil`: a Chromium that was never started, a Firefox profile, a snap one.
#[test]
fn real_nss_databases_are_changed_and_restored() {
    if !SystemRunner.has("certutil") {
        tracing::warn!("certutil is not installed (libnss3-tools): real NSS databases are not tested");
        return;
    }
    let world = World::empty(OperatingSystem::Linux);
    fs::create_dir_all(world.folder.path().join(".cache/ms-playwright")).expect("a folder");
    for profile in [".mozilla/firefox/x.default", "snap/firefox/common/.mozilla/firefox/y.default"] {
        let folder = world.folder.path().join(profile);
        fs::create_dir_all(&folder).expect("a folder");
        let create =
            Command::new("certutil", ["-N", "--empty-password", "-d"]).arg(format!("sql:{}", folder.display()));
        run(&SystemRunner, &create).expect("a database");
    }
    let names = ["~/.pki/nssdb", "~/.mozilla/firefox/x.default", "~/snap/firefox/common/.mozilla/firefox/y.default"];
    let check = |reports: Vec<StoreReport>, outcome: Outcome| {
        assert_eq!(reports.len(), 3, "{reports:?}");
        for (report, name) in reports.iter().zip(names) {
            assert!(report.store.contains(name), "{report:?}");
            assert_eq!(report.outcome, outcome, "{name}");
        }
    };
    let (root, machine) = (&world.root, &world.machine);
    check(nss::status(root, machine, &SystemRunner), Outcome::NotTrusted);
    check(nss::trust(root, machine, &SystemRunner), Outcome::Done);
    check(nss::trust(root, machine, &SystemRunner), Outcome::Already);
    check(nss::status(root, machine, &SystemRunner), Outcome::Already);

    let remade = World::root_in(world.folder.path());
    check(nss::status(&remade, machine, &SystemRunner), Outcome::Outdated);
    check(nss::trust(&remade, machine, &SystemRunner), Outcome::Done);
    check(nss::status(&remade, machine, &SystemRunner), Outcome::Already);

    check(nss::untrust(&remade, machine, &SystemRunner), Outcome::Done);
    check(nss::untrust(&remade, machine, &SystemRunner), Outcome::Already);
    check(nss::status(&remade, machine, &SystemRunner), Outcome::NotTrusted);
}

/// A machine in a folder.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) machine: Machine,
    pub(super) root: Root,
    pub(super) runner: FakeRunner,
}

impl World {
    pub(super) fn empty(os: OperatingSystem) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = Machine { os, home: folder.path().into(), root: folder.path().into(), wsl: false };
        let root = Self::root_in(folder.path());
        Self { folder, machine, root, runner: FakeRunner::default() }
    }

    pub(super) fn debian() -> Self {
        let mut world = Self::empty(OperatingSystem::Linux);
        fs::create_dir_all(world.folder.path().join("usr/local/share/ca-certificates")).expect("a folder");
        world.runner.programs.insert("update-ca-certificates");
        world
    }

    /// A new root each time, as after `ca.pem` was recreated.
    pub(super) fn root_in(folder: &Path) -> Root {
        let mut params = rcgen::CertificateParams::default();
        let common_name = "neargate local CA (chatkit, alice@laptop)";
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate");
        let path = folder.join("ca.pem");
        fs::write(&path, certificate.pem()).expect("written");
        let root = Root::new(&ProjectName::new("chatkit"), &certificate.pem(), &path).expect("a root");
        assert_eq!(root.common_name, common_name);
        root
    }

    pub(super) fn write(&self, path: &str, contents: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, contents).expect("written");
    }
}

/// Records what it is told to run. All of it succeeds, except commands that contain one of `fails`.
#[derive(Default)]
pub(super) struct FakeRunner {
    pub(super) root: bool,
    pub(super) programs: BTreeSet<&'static str>,
    fails: Vec<&'static str>,
    ran: RefCell<Vec<String>>,
}

impl FakeRunner {
    pub(super) fn ran(&self) -> Vec<String> {
        self.ran.borrow().clone()
    }
}

impl Runner for FakeRunner {
    fn run(&self, command: &Command) -> io::Result<Output> {
        let text = command.to_string();
        let fails = self.fails.iter().any(|part| text.split(' ').any(|word| word == *part));
        self.ran.borrow_mut().push(text);
        let stderr = if fails { "no space left on device\n".into() } else { String::new() };
        Ok(Output { success: !fails, stdout: String::new(), stderr })
    }

    fn has(&self, program: &str) -> bool {
        self.programs.contains(program)
    }

    fn is_root(&self) -> bool {
        self.root
    }
}
