//! Every crate has a reason, none is banned, and crates that must have a single version do. `deny.toml` says the same
//! to cargo-deny, which also knows advisories; this test needs only the lock file.

use std::collections::{BTreeMap, BTreeSet};

use super::source::module_of_crate;
use super::{fail_on, layers, sources, text, top};

/// Crates that must not come back, not even as dependencies of others, and their replacements.
const BANNED: &[(&str, &str)] = &[
    ("serde_yaml", "archived; `config` reads YAML by granit-parser, tests by serde-saphyr"),
    ("serde_yml", "unsound and archived; `config` reads YAML by granit-parser, tests by serde-saphyr"),
    ("serde_yaml_ng", "no spans; `config` reads YAML by granit-parser, tests by serde-saphyr"),
    ("rustls-pemfile", "archived; rustls-pki-types reads PEM"),
    ("openssl", "needs the system's libraries; TLS is rustls's"),
    ("openssl-sys", "needs the system's libraries; TLS is rustls's"),
    ("native-tls", "needs the system's libraries; TLS is rustls's"),
    ("chrono", "time is jiff's"),
    ("atty", "unmaintained; std has IsTerminal"),
    ("ansi_term", "unmaintained; colours are anstyle's"),
    ("structopt", "clap took it in"),
    ("async-std", "discontinued; the runtime is tokio"),
];

/// Crates whose types meet at seams: two versions would not fit together, or would run two of something.
const ONE_VERSION: &[&str] = &[
    "bytes",
    "h2",
    "http",
    "http-body",
    "hyper",
    "jiff",
    "rustls",
    "serde",
    "serde_json",
    "tokio",
    "tokio-rustls",
    "tracing",
];

/// A dependency as a manifest lists it.
struct Dependency {
    name: String,
    /// The section that contains it, e.g. `[dev-dependencies]`.
    section: String,
    /// Whether a comment precedes it.
    has_comment: bool,
    /// Version and reason are at the top, in `[workspace.dependencies]`.
    is_inherited: bool,
}

/// The folders that are crates, such as `src/alb`. Separate programs (`benches`, `fuzz`) do not count.
pub(super) fn crates() -> Vec<String> {
    let manifest = text("Cargo.toml");
    let members = manifest.split("\nmembers = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let folders = members.split('"').skip(1).step_by(2);
    folders.filter(|folder| top().join(folder).join("lib.rs").exists()).map(str::to_owned).collect()
}

/// The folder of each package whose code is in [`sources`], with a trailing slash; the first is the top.
fn packages() -> Vec<String> {
    std::iter::once(String::new()).chain(crates().into_iter().map(|folder| format!("{folder}/"))).collect()
}

/// `name = …` and `name.workspace = …` lines of the dependency sections.
fn declared(manifest: &str) -> Vec<Dependency> {
    let manifest = text(manifest);
    let mut section = "";
    let mut has_comment = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && let Some((name, value)) = line.split_once(" = ").filter(|(name, _)| !name.contains([' ', '#']))
        {
            let is_inherited = name.ends_with(".workspace") || value.contains("workspace = true");
            let name = name.trim_end_matches(".workspace").to_owned();
            found.push(Dependency { name, section: section.to_owned(), has_comment, is_inherited });
        }
        has_comment = line.starts_with("# ");
    }
    found
}

/// The name used in code.
fn in_code(dependency: &Dependency) -> String {
    dependency.name.replace('-', "_")
}

/// The packages of this workspace that each package depends on, by the names used in code.
pub(super) fn crate_names() -> BTreeSet<String> {
    packages()
        .iter()
        .flat_map(|folder| declared(&format!("{folder}Cargo.toml")))
        .map(|dependency| in_code(&dependency))
        .filter(|name| module_of_crate(name).is_none())
        .collect()
}

/// Name and version of each package of the lock file.
fn locked() -> BTreeMap<String, Vec<String>> {
    let lock = text("Cargo.lock");
    let value = |line: Option<&str>, key: &str| Some(line?.strip_prefix(key)?.trim_matches(['=', ' ', '"']).to_owned());
    let mut packages = BTreeMap::<String, Vec<String>>::new();
    for package in lock.split("[[package]]").skip(1) {
        let mut lines = package.trim_start().lines();
        if let (Some(name), Some(version)) = (value(lines.next(), "name"), value(lines.next(), "version")) {
            packages.entry(name).or_default().push(version);
        }
    }
    packages
}

#[test]
fn every_dependency_says_what_it_is_for_and_is_used() {
    let packages = packages();
    let mut mistakes = Vec::new();
    let mut inherited = BTreeSet::new();
    for folder in &packages {
        let manifest = format!("{folder}Cargo.toml");
        // The code of a package, without that of crates in subfolders.
        let package_of = |path: &str| packages.iter().rfind(|folder| path.starts_with(folder.as_str()));
        let code = sources().iter().filter(|source| package_of(&source.path) == Some(folder));
        let listed = declared(&manifest);
        let (shared, own): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|dependency| dependency.section == "[workspace.dependencies]");
        mistakes.extend(layers::unused(&manifest, code, &own.iter().map(in_code).collect()));
        let mut seen = BTreeSet::new();
        for Dependency { name, has_comment, is_inherited, .. } in shared.iter().chain(&own) {
            if *is_inherited {
                inherited.insert(name.clone());
            // A second mention adds features for tests; the reason is at the first.
            } else if seen.insert(name) && !has_comment {
                mistakes.push(format!("{manifest}: say in a comment above `{name}` what it is for"));
            }
        }
        if let Some(module) = folder.strip_prefix("src/").map(|name| name.trim_end_matches('/')) {
            let of_program: BTreeSet<String> =
                own.iter().filter(|dependency| dependency.section == "[dependencies]").map(in_code).collect();
            mistakes.extend(layers::forbidden_dependencies(module, &of_program));
        }
    }
    let shared = declared("Cargo.toml").into_iter().filter(|shared| shared.section == "[workspace.dependencies]");
    mistakes.extend(
        shared
            .filter(|shared| !inherited.contains(&shared.name))
            .map(|shared| format!("Cargo.toml: no package inherits `{}`; take it out", shared.name)),
    );
    assert!(packages.iter().any(|folder| folder == "src/model/"), "Cargo.toml is read wrongly: {packages:?}");
    fail_on(&mistakes);
}

#[test]
fn the_lock_file_holds_no_crate_that_must_not_come_back() {
    let packages = locked();
    assert!(packages.contains_key("neargate"), "Cargo.lock is read wrongly");
    let deny = text("deny.toml");
    let mut mistakes: Vec<String> = BANNED
        .iter()
        .filter(|(name, _)| !deny.contains(&format!("crate = \"{name}\"")))
        .map(|(name, _)| format!("deny.toml: does not know that `{name}` must not come back"))
        .collect();
    for (name, instead) in BANNED.iter().filter(|(name, _)| packages.contains_key(*name)) {
        mistakes.push(format!("Cargo.lock: `{name}` is back ({instead}); `cargo tree -i {name}` says who brings it"));
    }
    for name in ONE_VERSION {
        if let Some(versions) = packages.get(*name).filter(|versions| versions.len() > 1) {
            mistakes.push(format!(
                "Cargo.lock: `{name}` is there as {}; `cargo tree -d` says who brings which",
                versions.join(" and ")
            ));
        }
    }
    let sources: BTreeSet<String> =
        text("Cargo.lock").lines().filter(|line| line.starts_with("source")).map(str::to_owned).collect();
    let registry = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    mistakes.extend(
        sources
            .iter()
            .filter(|source| *source != registry)
            .map(|source| format!("Cargo.lock: {source} is not crates.io")),
    );
    fail_on(&mistakes);
}
