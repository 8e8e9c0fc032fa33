//! Every crate has a reason, none has a bad name, and what must be one version is one. `deny.toml` says the same to
//! cargo-deny, which knows advisories as well; this needs nothing but the lock file.

use std::collections::{BTreeMap, BTreeSet};

use super::{fail_on, layers, sources, text};

/// Crates that must not come back, by anybody's wish, and what is used instead.
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

/// Crates whose types meet at seams: two versions would not fit together, or would start two of something.
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

/// `name = …` lines of `[dependencies]` and `[dev-dependencies]`, each with whether a comment stands above it.
fn declared() -> Vec<(String, bool)> {
    let manifest = text("Cargo.toml");
    let mut section = "";
    let mut after_comment = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && let Some((name, _)) = line.split_once(" = ").filter(|(name, _)| !name.contains([' ', '#']))
        {
            found.push((name.to_owned(), after_comment));
        }
        after_comment = line.starts_with("# ");
    }
    found
}

/// The crates of Cargo.toml, as code names them.
pub(super) fn crate_names() -> BTreeSet<String> {
    declared().into_iter().map(|(name, _)| name.replace('-', "_")).collect()
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
    let mut seen = BTreeSet::new();
    let mut mistakes = layers::unused(sources(), &crate_names());
    for (name, has_comment) in declared() {
        // A second mention adds features for tests; the reason stands at the first.
        if seen.insert(name.clone()) && !has_comment {
            mistakes.push(format!("Cargo.toml: say in a comment above `{name}` what it is for"));
        }
    }
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
